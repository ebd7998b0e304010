# SPDX-License-Identifier: Apache-2.0
"""The C++ micro benchmarks: JPEG bytes to tensor against libjpeg-turbo's region decoding; PNG against libspng."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
from pathlib import Path

import pictures
from harness import Check, Settings, StudyResult, at_least, start_feeder, table

LINE = re.compile(r"^ {2}(?P<name>.+?)\s+(?P<rate>[\d.]+) /s\s+(?P<fraction>[\d.]+)\s+[\d.]+ us$", re.MULTILINE)
BASE, EXACT = "libjpeg region decode", "exact, f32 NCHW"


def jpeg_rates(settings: Settings, folder: Path) -> dict[str, list[tuple[float, float]]]:
    """Pictures a second and fraction of libjpeg-turbo's region decoding, by variant; one a run of the program."""
    program = settings.build / "preprocess_benchmark"
    count = len(pictures.files_in(folder))
    inner = max(3, min(settings.rounds, round(100 / count)))
    found: dict[str, list[tuple[float, float]]] = {}
    for _ in range(max(3, settings.rounds // 2)):
        arguments = [str(program), "--rounds", str(inner), "--pictures", "64", str(folder)]
        text = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
        for match in LINE.finditer(text):
            found.setdefault(match["name"], []).append((float(match["rate"]), float(match["fraction"])))
    return found


def png_rates(settings: Settings, folder: Path) -> dict[str, list[float]]:
    """Milliseconds for all pictures of the folder, by benchmark."""
    program = settings.build / "codec_benchmark"
    arguments = [
        str(program),
        "--benchmark_format=json",
        "--benchmark_filter=png_spng|decode_all/png_rgb",
        "--benchmark_enable_random_interleaving=true",
        f"--benchmark_repetitions={settings.rounds}",
        "--benchmark_min_time=0.1",
    ]
    environment = {**os.environ, "SMOL_BENCH_PICTURES": str(folder)}
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, env=environment)
    times: dict[str, list[float]] = {}
    for run in json.loads(done.stdout)["benchmarks"]:
        if run.get("run_type") == "iteration":
            scale = {"ns": 1e-6, "us": 1e-3, "ms": 1.0}[run["time_unit"]]
            times.setdefault(run["run_name"], []).append(run["cpu_time"] * scale)
    return times


def study_jpeg(settings: Settings, result: StudyResult) -> None:
    """Three sizes; the target is a fraction of what the decoder alone does."""
    medium = pictures.as_folder(settings, "medium", pictures.medium(128))
    large = pictures.as_folder(settings, "large", pictures.large())
    kinds = [
        ("500x375", medium, 0.90),
        ("6-12 MP", large, 0.85),
        ("161-px thumbnails, quality 75", pictures.rendition(settings, medium, "jpeg:75"), 0.70),
        ("161-px thumbnails, quality 95", pictures.rendition(settings, medium, "jpeg:95"), 0.70),
    ]
    rows = []
    for name, folder, target in kinds:
        found = jpeg_rates(settings, folder)
        result.figures[f"jpeg {name}"] = found
        fractions = [fraction for _, fraction in found[EXACT]]
        rows += [
            [
                name,
                variant,
                f"{statistics.median(rate for rate, _ in samples):.0f}",
                f"{statistics.median(fraction for _, fraction in samples):.3f}",
            ]
            for variant, samples in found.items()
        ]
        ratio = (statistics.median(fractions), min(fractions), max(fractions))
        what = f"JPEG bytes to tensor, exact, of libjpeg-turbo's region decoding alone: {name}"
        result.checks.append(at_least(what, target, ratio))
    result.text.append(table(["pictures", "", "a second, one thread", "of libjpeg-turbo's"], rows))


def study_png(settings: Settings, result: StudyResult) -> None:
    """To the tensor: libspng's decoding plus what smol adds to its own decoding, against smol's."""
    medium = pictures.as_folder(settings, "medium", pictures.medium(128))
    thumbnails = pictures.rendition(settings, medium, "png")
    files = pictures.files_in(thumbnails)
    times = {name: statistics.median(values) for name, values in png_rates(settings, thumbnails).items()}
    spng, decode = times["png_spng"] / len(files), times["decode_all/png_rgbx"] / len(files)
    child = start_feeder(settings, feeder="smol", files=[str(file) for file in files], threads=1)
    request = {"do": "round", "what": "tensor", "seconds": settings.seconds}
    samples = [child.ask(request) for _ in range(settings.rounds)]
    child.close()
    tensor = statistics.median(1000 * sample["cpu_seconds"] / sample["items"] for sample in samples)
    rest = max(tensor - decode, 0.0)
    rows = [
        ["decode", f"{1000 * decode:.0f}", f"{1000 * spng:.0f}", f"{spng / decode:.2f}"],
        ["to tensor", f"{1000 * tensor:.0f}", f"{1000 * (spng + rest):.0f}", f"{(spng + rest) / tensor:.2f}"],
    ]
    result.text.append(table(["161-px PNG, microseconds", "smol", "libspng + zlib", "ratio"], rows))
    result.figures["png_ms"] = {"smol_decode": decode, "spng_decode": spng, "smol_tensor": tensor}
    ratio = (spng + rest) / tensor
    result.checks.append(
        Check("161-px PNG thumbnails to tensor against libspng + zlib", ">= 2.3", f"{ratio:.2f}", ratio >= 2.3)
    )
    result.checks.append(Check("161-px PNG, decoding alone against libspng + zlib", "-", f"{spng / decode:.2f}", None))


def study(settings: Settings) -> StudyResult:
    """JPEG and PNG."""
    result = StudyResult("Decoder bounds, one worker thread")
    study_jpeg(settings, result)
    study_png(settings, result)
    return result
