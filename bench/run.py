# SPDX-License-Identifier: Apache-2.0
"""All benchmarks, or one: `make bench`, or

    python bench/run.py [--quick] [--only NAME]... [--build DIR] [--no-setup]

Writes bench/results/DATE-MACHINE.md (tables, targets) and .json (every round).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ablations
import end_to_end
import micro_rates
import preprocessing
import runtimes
import video
from harness import DATA, ROOT, PeerMissing, Settings, StudyResult, processor, run_smol, table, today

from planner import cost_model, datasets, frontiers, regimes, thumbnails

STUDIES: dict[str, Callable[[Settings], StudyResult]] = {
    "decoder": micro_rates.study,
    "preprocessing": preprocessing.study_medium,
    "large": preprocessing.study_large,
    "end-to-end": end_to_end.study,
    "runtimes": runtimes.study,
    "ablations": ablations.study,
    "cost-model": cost_model.study,
    "regimes": regimes.study,
    "thumbnails": thumbnails.study,
    "photos": frontiers.study_of(datasets.photos),
    "cells": frontiers.study_of(datasets.cells),
    "planning-time": frontiers.planning_time,
    "video": video.study,
}
VERSIONS = (
    "pillow",
    "numpy",
    "opencv-python-headless",
    "torch",
    "onnxruntime",
    "openvino",
    "pyvips",
    "av",
    "decord",
    "torchcodec",
)


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Benchmarks of smol against its peers, interleaved.")
    parser.add_argument("--quick", action="store_true", help="2 rounds of a fifth of a second: does everything run?")
    parser.add_argument("--only", action="append", choices=STUDIES, help="this study (may be given again)")
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="build folder")
    parser.add_argument("--output", type=Path, default=ROOT / "bench/results", help="where results are written")
    parser.add_argument("--no-setup", action="store_true", help="do not install peers")
    return parser.parse_args()


def versions(settings: Settings) -> dict[str, str]:
    """Of the peers and of smol."""
    python = ROOT / ".venv-bench/bin/python"
    found = {"smol": run_smol(settings, "--version").strip()}
    for name, interpreter in [(name, python) for name in VERSIONS] + [
        ("nvidia-dali-cuda130", ROOT / ".venv-dali/bin/python")
    ]:
        code = f"import importlib.metadata as m; print(m.version('{name}'))"
        done = subprocess.run([str(interpreter), "-c", code], capture_output=True, text=True, check=False)
        found[name] = done.stdout.strip() or "not here"
    code = "import pyvips; print(*(pyvips.version(i) for i in range(3)), sep='.')"
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False)
    found["libvips"] = done.stdout.strip() or "not here"
    return found


def run_study(name: str, settings: Settings) -> StudyResult:
    """A study that cannot run says why and does not stop the others."""
    start, load = time.perf_counter(), os.getloadavg()[0]
    try:
        result = STUDIES[name](settings)
    except (RuntimeError, subprocess.CalledProcessError, PeerMissing, OSError) as error:
        result = StudyResult(name, [f"Not measured: {error}\n"])
    seconds = time.perf_counter() - start
    result.figures["load_average"] = [load, os.getloadavg()[0]]
    result.text.append(
        f"Load average before and after: {load:.1f}, {os.getloadavg()[0]:.1f} (smol and peers included).\n"
    )
    print(f"{name}: {seconds:.0f} s, load average before {load:.1f}", file=sys.stderr)
    return result


def verdict(met: bool | None) -> str:
    """For the table of targets."""
    return {True: "met", False: "NOT met", None: ""}[met]


def as_markdown(head: dict[str, Any], results: dict[str, StudyResult]) -> str:
    """The summary."""
    checks = [check for result in results.values() for check in result.checks]
    parts = [
        f"# Benchmarks, {head['date']}\n",
        f"Machine: {head['machine']}.\n",
        "Versions: " + ", ".join(f"{name} {version}" for name, version in head["versions"].items()) + ".\n",
        f"{head['rounds']} interleaved rounds of about {head['seconds']} s each; medians, in brackets the "
        "smallest and largest round; ratios are of rates in the same round.\n",
        "## Targets\n",
        table(["what", "target", "measured", ""], [[c.what, c.target, c.measured, verdict(c.met)] for c in checks]),
    ]
    for result in results.values():
        parts.append(f"## {result.title}\n")
        parts += result.text
    return "\n".join(parts)


def without_machine_paths(text: str) -> str:
    """Messages of failures may carry paths."""
    for path in {str(ROOT), str(DATA.resolve()), str(DATA), str(Path.home())}:
        text = text.replace(path, "...")
    return text


def write_results(output: Path, head: dict[str, Any], results: dict[str, StudyResult], suffix: str) -> Path:
    """The .json and .md of today on this machine."""
    slug = re.sub(r"[^a-z0-9]+", "-", head["machine"].split(" cores")[0].lower()).strip("-")
    output.mkdir(parents=True, exist_ok=True)
    stem = output / f"{head['date']}-{slug}-cores{suffix}"
    data = {**head, "studies": {name: result.as_json() for name, result in results.items()}}
    stem.with_suffix(".json").write_text(without_machine_paths(json.dumps(data, indent=1)) + "\n")
    summary = stem.with_suffix(".md")
    summary.write_text(without_machine_paths(as_markdown(head, results)))
    return summary


def main() -> int:
    """Exit status: 0 measured, 1 something could not be measured."""
    arguments = parse_arguments()
    if not DATA.is_dir():
        print("bench: no pictures; set SMOL_DATA_DIR to the folder with imagenet-sample/, photos/ and models/")
        return 1
    if not arguments.no_setup:
        subprocess.run([ROOT / "bench/setup.sh"], check=False)
    if not (ROOT / "demo/models/efficientnet_lite0.onnx").exists():
        command = [sys.executable, "-m", "smol.demo_assets", "--out", str(ROOT / "demo")]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
        subprocess.run(command, check=False, env=environment)
    with tempfile.TemporaryDirectory(prefix="smol-bench-") as scratch:
        settings = Settings(arguments.build.resolve(), Path(scratch))
        if arguments.quick:
            settings.rounds, settings.seconds = 2, 0.2
        head = {
            "date": today(),
            "machine": processor(),
            "versions": versions(settings),
            "rounds": settings.rounds,
            "seconds": settings.seconds,
        }
        results: dict[str, StudyResult] = {}
        suffix = "-".join(["", *(["quick"] if arguments.quick else []), *(arguments.only or [])])
        for name in arguments.only or list(STUDIES):
            results[name] = run_study(name, settings)
            summary = write_results(
                arguments.output, head, results, suffix
            )  # after each, so that stopping loses little
    print(summary.read_text())
    return int(any(not result.checks for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
