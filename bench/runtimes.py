# SPDX-License-Identifier: Apache-2.0
"""Table 1 of the paper: a DNN in several run-times, each at its best batch, beside the rate of preprocessing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import numpy as np
import pictures
from harness import (
    ROOT,
    Check,
    Child,
    PeerMissing,
    Samples,
    Settings,
    StudyResult,
    cores,
    feeder_round,
    interleave,
    spread,
    start_feeder,
    table,
)

MODEL = ROOT / "demo/models/efficientnet_lite0.onnx"
RUNTIMES = ("PyTorch eager", "ONNX Runtime", "OpenVINO")
BATCHES = (1, 4, 8, 16)
TOLERANCE = 1e-3  # of logits of about 10


def start_runtimes() -> tuple[dict[str, Child], dict[str, str]]:
    """Those that run here, and why the others do not."""
    children, missing = {}, {}
    for name in RUNTIMES:
        job = {"runtime": name, "model": str(MODEL), "threads": len(cores())}
        try:
            children[name] = Child(ROOT / ".venv-bench/bin/python", "runtime_worker.py", job, {})
        except PeerMissing as reason:
            missing[name] = str(reason)
    return children, missing


def largest_difference(settings: Settings, children: dict[str, Child]) -> float:
    """Between the logits of any run-time and the first."""
    answers = []
    for child in children.values():
        path = settings.scratch / "logits.npy"
        child.ask({"do": "answers", "output": str(path)})
        answers.append(np.load(path))
    return max(float(np.abs(answer - answers[0]).max()) for answer in answers)


def runtime_round(child: Child, batch: int, seconds: float) -> Callable[[], float]:
    """Items a second of one round of a run-time."""

    def measure() -> float:
        reply = child.ask({"do": "round", "batch": batch, "seconds": seconds})
        return float(reply["items"]) / float(reply["seconds"])

    return measure


def best_batches(samples: dict[str, Samples]) -> list[str]:
    """The fastest batch of every run-time."""
    best = []
    for name in RUNTIMES:
        own = [key for key in samples if key.startswith(name)]
        if own:
            best.append(max(own, key=lambda key: samples[key].median))
    return best


def measure(settings: Settings, children: dict[str, Child], preprocessing: Child) -> dict[str, Samples]:
    """Two rounds find every run-time's best batch; the best and preprocessing are then measured."""
    rounds = {
        f"{name}, batch {batch}": runtime_round(child, batch, settings.seconds / 2)
        for name, child in children.items()
        for batch in BATCHES
    }
    chosen = best_batches(interleave(rounds, 2))
    last = {name: rounds[name] for name in chosen}
    last["preprocessing"] = feeder_round(preprocessing, "tensor", settings.seconds)
    return interleave(last, settings.rounds)


def study(settings: Settings) -> StudyResult:
    """Answers first, then rounds."""
    result = StudyResult("Run-times: EfficientNet-Lite0 f32, each at its best batch")
    files = [str(file) for file in pictures.medium(128)]
    preprocessing = start_feeder(settings, feeder="smol", files=files, threads=len(cores()))
    children, missing = start_runtimes()
    try:
        difference = largest_difference(settings, children)
        if difference > TOLERANCE:
            raise RuntimeError(f"the run-times' logits differ by {difference}; a wrong answer gets no number")
        samples = measure(settings, children, preprocessing)
    finally:
        for child in [*children.values(), preprocessing]:
            with contextlib.suppress(OSError):
                child.close()
    line = samples["preprocessing"]
    rows = []
    for name, rates in samples.items():
        if rates is not line:
            bottleneck = "preprocessing" if rates.median > line.median else "the DNN"
            rows.append([name, spread(rates), bottleneck])
            result.checks.append(Check(f"run-times, best batch: {name}", "-", f"{spread(rates)} items/s", None))
    rows.append(["smol's preprocessing, 500x375, exact", spread(line), "the line"])
    rows += [[name, "-", f"not measured: {reason}"] for name, reason in missing.items()]
    result.text.append(
        f"{len(cores())} threads; logits of the same input equal within {difference:.1e}; batches tried: "
        f"{', '.join(map(str, BATCHES))}.\n\n" + table(["", "items/s", "bottleneck"], rows)
    )
    result.figures = {key: s.rates for key, s in samples.items()} | {"missing": missing}
    return result
