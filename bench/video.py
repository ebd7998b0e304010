# SPDX-License-Identifier: Apache-2.0
"""Frames of H.264 videos to the DNN's tensors: smol and its peers, one after the other, every 30th, at random."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from harness import (
    DATA,
    ROOT,
    Check,
    Child,
    PeerMissing,
    Samples,
    Settings,
    StudyResult,
    at_least,
    cores,
    interleave,
    spread,
    table,
)

SOURCE = DATA / "video/car-detection.mp4"  # CC BY 4.0
NUM_FRAMES = 300
STEP = 1 / 128


@dataclass(frozen=True)
class Competitor:
    """A library and how it is named in tables."""

    label: str
    library: str
    fidelity: str = "exact"
    form: str = "exact"
    note: str = ""


EXACT = Competitor("smol, exact", "smol", note="Pillow's resize")
PEERS = (
    Competitor("ffmpeg command", "ffmpeg", note="scales while it converts, bilinear, antialiased"),
    Competitor("OpenCV", "opencv", note="INTER_AREA"),
    Competitor("torchcodec", "torchcodec", note="antialiased bilinear of torch"),
    Competitor("PyAV", "pyav", note="FFmpeg's converter scales"),
    Competitor("decord", "decord", note="scales in its decoder"),
)
OURS = (
    EXACT,
    Competitor("smol, planes first", "smol", form="planes", note="planes are resized, then coloured"),
    Competitor("smol, deblocking off, planes first", "smol", "deblock-none", "planes"),
)


def width_of(height: int) -> int:
    """Of 16:9, even."""
    return (height * 16 // 9 + 1) // 2 * 2


def make_clip(settings: Settings, height: int, group: int) -> Path:
    """The film, enlarged, as x264 encodes it for streaming."""
    path = settings.scratch / f"clip-{height}-{group}.mp4"
    width = width_of(height)
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(SOURCE), "-frames:v", str(NUM_FRAMES)]
    command += ["-vf", f"scale={width}:{height}:flags=lanczos", "-an", "-c:v", "libx264", "-preset", "medium"]
    command += ["-crf", "23", "-g", str(group), "-keyint_min", str(group), "-sc_threshold", "0", str(path)]
    if not path.exists():
        subprocess.run(command, check=True)
    return path


def start(settings: Settings, competitor: Competitor, clip: Path, height: int, frames: list[int]) -> Child:
    """A worker in the environment that its library needs."""
    python = ROOT / (".venv" if competitor.library in ("smol", "ffmpeg") else ".venv-bench") / "bin/python"
    environment = {"OMP_NUM_THREADS": str(len(cores())), "SMOL_CACHE_DIR": str(settings.scratch / "cache")}
    if competitor.library == "smol":
        environment["PYTHONPATH"] = str(settings.build / "python")
    job: dict[str, Any] = {
        "library": competitor.library,
        "video": str(clip),
        "frames": frames,
        "threads": len(cores()),
        "fidelity": competitor.fidelity,
        "form": competitor.form,
        "width": width_of(height),
        "height": height,
    }
    return Child(python, "video_worker.py", job, environment)


def round_of(child: Child) -> Any:
    """Frames a second of one pass."""

    def measure() -> float:
        reply = child.ask({"do": "round"})
        return float(reply["items"]) / float(reply["seconds"])

    return measure


def field(
    settings: Settings, competitors: tuple[Competitor, ...], clip: Path, height: int, frames: list[int]
) -> tuple[str, dict[str, Samples], dict[str, tuple[float, float]], dict[str, str]]:
    """Answers first: tensors near ours mean that they are of the same frames; then rounds."""
    children: dict[str, Child] = {}
    missing: dict[str, str] = {}
    for competitor in competitors:
        try:
            children[competitor.label] = start(settings, competitor, clip, height, frames)
        except PeerMissing as reason:
            missing[competitor.label] = str(reason)
    try:
        answers = {}
        for label, child in list(children.items()):
            path = settings.scratch / "tensors.npy"
            try:
                child.ask({"do": "answers", "output": str(path)})
                answers[label] = np.load(path)
            except PeerMissing as reason:
                missing[label] = str(reason)
                del children[label]
        reference = answers[EXACT.label]
        differences = {}
        for label, tensors in answers.items():
            steps = np.abs(tensors - reference[: len(tensors)]) / STEP
            differences[label] = (float(steps.max()), float(steps.mean()))
            if len(tensors) != len(frames) or differences[label][1] > 6:
                missing[label] = (
                    f"wrong frames: {len(tensors)} of {len(frames)}, mean difference {differences[label][1]:.1f}"
                )
                children.pop(label).close()
        samples = interleave({label: round_of(child) for label, child in children.items()}, settings.rounds)
    finally:
        for child in children.values():
            with contextlib.suppress(OSError):
                child.close()
    rows = []
    for competitor in competitors:
        label = competitor.label
        if label not in samples:
            rows.append([label, "-", "-", "-", f"not measured: {missing[label]}"])
            continue
        ratio = samples[EXACT.label].ratio_to(samples[label])
        cells = [f"{ratio[0]:.2f} ({ratio[1]:.2f}-{ratio[2]:.2f})", "{:.0f} / {:.2f}".format(*differences[label])]
        rows.append([label, spread(samples[label]), *cells, competitor.note])
    header = ["", "frames/s", "smol, exact is faster by", "difference, max / mean of 255", ""]
    return table(header, rows), samples, differences, missing


def study(settings: Settings) -> StudyResult:
    """1080p and 480p; groups of 30 and 250; sequential, every 30th, random."""
    result = StudyResult("Video: H.264 frames to float32 3x224x224")
    if not SOURCE.exists():
        raise PeerMissing(f"there is no {SOURCE.name}")
    result.text.append(
        f"{SOURCE.name} enlarged, {NUM_FRAMES} frames, x264 medium CRF 23; all {len(os.sched_getaffinity(0))} cores; "
        "opening the file and reading its index count, but for smol's, which is kept.\n"
    )
    everything = list(range(NUM_FRAMES))
    sparse = everything[::30]
    scattered = sorted(random.Random(1).sample(everything, 10))
    for height, group, what, frames in (
        (1080, 250, "sequential", everything),
        (480, 250, "sequential", everything),
        (1080, 30, "every 30th", sparse),
        (1080, 250, "every 30th", sparse),
        (1080, 250, "10 at random", scattered),
    ):
        competitors = (*OURS, *(p for p in PEERS if what != "10 at random" or p.library != "ffmpeg"))
        clip = make_clip(settings, height, group)
        text, samples, _, missing = field(settings, competitors, clip, height, frames)
        name = f"{height}p, groups of {group}, {what}"
        result.text.append(f"**{name}**\n\n{text}")
        result.figures[name] = {label: {"frames_per_second": s.rates} for label, s in samples.items()}
        result.figures[name].update({label: {"missing": reason} for label, reason in missing.items()})
        targets: dict[str, float] = {}
        if (height, what) == (1080, "sequential"):
            targets = {"ffmpeg command": 1.0, "torchcodec": 1.3, "OpenCV": 1.3}
        elif what == "every 30th":
            targets = {"OpenCV": 2.0}
        for peer, target in targets.items():
            if peer in samples:
                result.checks.append(
                    at_least(f"{name}: against {peer}", target, samples[EXACT.label].ratio_to(samples[peer]))
                )
            else:
                result.checks.append(Check(f"{name}: against {peer}", f">= {target:g}", "peer not here", None))
    return result
