# SPDX-License-Identifier: Apache-2.0
"""A model that waits for its pictures (MobileNet 0.25, 128 px): planned over thumbnails, against the best peer on the
full pictures, with the difference in accuracy on the same pictures."""

from __future__ import annotations

import contextlib
import csv
import json
import math
from pathlib import Path

import pictures
import pyarrow.parquet as pq
from end_to_end import PEERS
from harness import (
    DATA,
    Check,
    PeerMissing,
    Samples,
    Settings,
    StudyResult,
    at_least,
    cores,
    feeder_round,
    interleave,
    run_smol,
    spread,
    start_feeder,
    table,
)

from planner import datasets

MODEL = DATA / "models/mobilenet_v1_0.25_128_quant.tflite"
ONE_SIDED_95 = 1.6449


def answers(settings: Settings, plans: Path, plan_id: str, dataset: Path) -> dict[str, int]:
    """Item to label, of all items."""
    out = settings.scratch / "answers.parquet"
    run_smol(settings, "run", str(plans), str(dataset), "--plan", plan_id, "-o", str(out), "--overwrite")
    rows = pq.read_table(out).to_pydict()
    return dict(zip(rows["item"], rows["label"], strict=True))


def paired(labels: dict[str, int], exact: dict[str, int], other: dict[str, int]) -> tuple[float, float, int, int]:
    """Accuracy lost, the upper end of its one-sided 95 % interval (Agresti and Min), and McNemar's two counts."""
    lost = sum(exact[item] == label != other[item] for item, label in labels.items())
    won = sum(other[item] == label != exact[item] for item, label in labels.items())
    n = len(labels) + 2
    b, c = lost + 0.5, won + 0.5
    upper = (b - c) / n + ONE_SIDED_95 * math.sqrt(b + c - (b - c) ** 2 / n) / n
    return (lost - won) / len(labels), upper, lost, won


def study(settings: Settings) -> StudyResult:
    """The plan, the peers, the difference."""
    dataset = datasets.photos(settings, {**datasets.FORMS, "161-q95-444": "jpeg:95:444"})
    card = pictures.model_card(settings, MODEL)
    plans = settings.scratch / "thumbnails.yaml"
    planned = json.loads(
        run_smol(settings, "--json", "plan", str(dataset.file), "--models", str(card), "-o", str(plans), "--no-cache")
    )
    with open(dataset.file.parent / "labels.csv", newline="") as file:
        labels = {row["item"]: int(row["label"]) for row in csv.DictReader(file)}
    everything = [e for e in [*planned["plans"], *planned["dominated"]]]
    full = next(e["id"] for e in everything if e["rendition"] == "full" and e["fidelity"] == "exact")
    exact = answers(settings, plans, full, dataset.file)
    rows, candidates = [], []
    for entry in everything:
        if entry["rendition"] == "full" or not entry["accuracy"]:
            continue
        loss, upper, lost, won = paired(labels, exact, answers(settings, plans, entry["id"], dataset.file))
        rate = (entry["throughput"] or {"value": entry["predicted"]["throughput"]})["value"]
        rows.append([entry["id"], f"{rate:.0f}", f"{100 * loss:+.1f}", f"{100 * upper:.1f}", f"{lost}/{won}"])
        if loss <= 0.01 and upper <= 0.03:
            candidates.append((rate, entry["id"], loss, upper))
    result = StudyResult("A preprocessing-bound model on thumbnails against peers on the full pictures")
    result.text.append(table(["plan", "items/s", "points lost", "one-sided 95 %", "only full right/only it"], rows))
    if not candidates:
        result.checks.append(
            Check("thumbnails within 1 point (95 %: 3 points) of full pictures", "one plan", "none", False)
        )
        return result
    _, plan_id, loss, upper = max(candidates)
    files = pictures.medium(128)
    children, missing = {}, {}
    for label, feeder in PEERS.items():
        try:
            children[label] = start_feeder(
                settings, feeder=feeder, files=[str(file) for file in files], threads=len(cores()), short_side=146,
                size=128, floats=False, batch=16, model_batch=1, model=str(MODEL),
            )  # fmt: skip
        except PeerMissing as reason:
            missing[label] = str(reason)
    source = datasets.subset(settings, dataset, 128)
    arguments = ["--json", "measure", str(plans), str(source), "--plan", plan_id, "--repeats", "1"]

    def smol() -> float:
        measured = json.loads(run_smol(settings, *arguments, "--seconds", str(settings.seconds * 2)))
        return float(measured["together"]["median"])

    try:
        rounds = {"smol": smol} | {n: feeder_round(c, "together", settings.seconds * 2) for n, c in children.items()}
        samples = interleave(rounds, settings.rounds)
    finally:
        for child in children.values():
            with contextlib.suppress(OSError):
                child.close()
    best = max((s for n, s in samples.items() if n != "smol"), key=lambda s: s.median, default=Samples("none", [1.0]))
    rows = [[name, spread(s), f"{samples['smol'].ratio_to(s)[0]:.2f}"] for name, s in samples.items()]
    rows += [[name, "-", reason] for name, reason in missing.items()]
    result.text.append(f"{plan_id} on 161-px pictures; the peers on the full ones:\n\n")
    result.text.append(table(["", "items/s", "smol is faster by"], rows))
    result.checks += [
        at_least(f"MobileNet 0.25 128 on thumbnails ({plan_id}) / best peer on full pictures ({best.name})", 3,
                 samples["smol"].ratio_to(best)),
        Check("points of accuracy lost on the same pictures, and one-sided 95 % bound", "<= 1, <= 3",
              f"{100 * loss:.1f}, {100 * upper:.1f}", loss <= 0.01 and upper <= 0.03),
    ]  # fmt: skip
    result.figures = {"rates": {n: s.rates for n, s in samples.items()}, "plan": plan_id, "lost": loss, "upper": upper}
    return result
