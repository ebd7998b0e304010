# SPDX-License-Identifier: Apache-2.0
"""Frontiers as in the paper's Figures 4 (against the naive baseline), 5 (lesion) and 6 (factors), its Tables 2 and 6,
and whether the planner's choice is the best of its five fastest when they are measured again."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import Check, Settings, StudyResult, run_smol, table

from planner import datasets
from planner.measuring import Measured, interleaved

NO_THUMBNAILS = ["--without", "low-resolution"]
NO_DAG = ["--without", "dag", "--without", "region"]
# The naive baseline is every model on the full pictures, as a framework would run it.
CONFIGURATIONS = {
    "naive": [*NO_THUMBNAILS, *NO_DAG, "--exact-only"],
    "naive + preprocessing optimisations": [*NO_THUMBNAILS],
    "smol": [],
    "smol - preprocessing optimisations": [*NO_DAG, "--exact-only"],
}
MAX_POINTS = 5
REGRET_ROUNDS = 7


@dataclass
class Frontier:
    """What one configuration found; points are measured again, side by side with those of the others."""

    name: str
    plans: Path
    answer: dict[str, Any]
    points: list[Measured]


def plan(settings: Settings, dataset: datasets.PlannedSet, name: str, options: list[str], subset: Path) -> Frontier:
    """Plans with a cache, so that no answer is asked for twice; rates are measured each time."""
    file = settings.scratch / f"{dataset.name}-{name.replace(' ', '')}.yaml"
    cache = str(settings.scratch / f"{dataset.name}-cache")
    answer = json.loads(
        run_smol(settings, "--json", "plan", str(dataset.file), "-o", str(file), "--cache", cache, *options)
    )
    frontier = answer["plans"]
    kept = (
        frontier
        if len(frontier) <= MAX_POINTS
        else [frontier[i * (len(frontier) - 1) // (MAX_POINTS - 1)] for i in range(MAX_POINTS)]
    )
    points = [Measured(entry["id"], file, subset, entry["id"]) for entry in kept]
    return Frontier(name, file, answer, points)


def accuracy_of(answer: dict[str, Any], plan_id: str) -> dict[str, Any]:
    """The estimate of a plan."""
    for entry in [*answer["plans"], *answer["dominated"]]:
        if entry["id"] == plan_id:
            return dict(entry["accuracy"])
    raise KeyError(plan_id)


def percent(estimate: dict[str, Any]) -> str:
    """With its interval."""
    return f"{estimate['value']:.1%} ({100 * estimate['low']:.1f}-{100 * estimate['high']:.1f})"


def with_range(plan: Measured) -> str:
    """Items a second: median and range of the rounds."""
    return f"{plan.rate:.0f} ({min(plan.together):.0f}-{max(plan.together):.0f})"


def speedup(frontiers: dict[str, Frontier], against: str) -> float:
    """Of smol at the accuracy of the other's most accurate point: the fastest point that is no less accurate."""
    theirs = max(frontiers[against].points, key=lambda p: accuracy_of(frontiers[against].answer, p.plan_id)["value"])
    wanted = accuracy_of(frontiers[against].answer, theirs.plan_id)["value"]
    mine = [p for p in frontiers["smol"].points if accuracy_of(frontiers["smol"].answer, p.plan_id)["value"] >= wanted]
    return max((p.rate for p in mine), default=0.0) / theirs.rate


def regret(
    settings: Settings, dataset: datasets.PlannedSet, subset: Path, found: Frontier
) -> tuple[Check, list[list[str]]]:
    """The planner's choice under an accuracy in the middle of what there is, against its five fastest that meet it."""
    entries = [e for e in [*found.answer["plans"], *found.answer["dominated"]] if e["accuracy"]]
    wanted = statistics.median(e["accuracy"]["low"] for e in found.answer["plans"])
    file = settings.scratch / f"{dataset.name}-regret.yaml"
    cache = str(settings.scratch / f"{dataset.name}-cache")
    chosen = json.loads(
        run_smol(settings, "--json", "plan", str(dataset.file), "-o", str(file), "--cache", cache,
                 "--min-accuracy", f"{wanted:.4f}")
    )  # fmt: skip
    entries = [
        e for e in [*chosen["plans"], *chosen["dominated"]] if e["accuracy"] and e["accuracy"]["low"] >= wanted - 1e-4
    ]
    rate = lambda e: e["throughput"]["value"] if e["throughput"] else e["predicted"]["throughput"]  # noqa: E731
    top = sorted(entries, key=rate, reverse=True)[:5]
    ids = [e["id"] for e in top]
    ids += [] if chosen["chosen"] in ids else [chosen["chosen"]]
    plans = [Measured(plan_id, file, subset, plan_id) for plan_id in ids]
    interleaved(settings, plans, REGRET_ROUNDS, settings.seconds)
    mine = next(p for p in plans if p.plan_id == chosen["chosen"])
    best = max(plans, key=lambda p: p.rate)
    ratios = [b / m for b, m in zip(best.together, mine.together, strict=True)]
    ratios.sort()
    # Of seven rounds the smallest and the largest cover the median in 98 of 100 cases.
    inside = ratios[0] <= 1 <= ratios[-1]
    value = best.rate / mine.rate - 1
    check = Check(
        f"{dataset.name}: the choice under accuracy >= {wanted:.3f} ({mine.plan_id}) against the best of its five "
        f"fastest, {REGRET_ROUNDS} interleaved rounds",
        "regret <= 5 %, or inside the interval",
        f"{value:.1%} ({best.plan_id}; rounds {ratios[0] - 1:+.1%} to {ratios[-1] - 1:+.1%})",
        value <= 0.05 or inside,
    )
    return check, [[p.plan_id, with_range(p)] for p in plans]


def study_of(make: Callable[[Settings], datasets.PlannedSet]) -> Callable[[Settings], StudyResult]:
    """The study of one data set."""

    def study(settings: Settings) -> StudyResult:
        dataset = make(settings)
        subset = datasets.subset(settings, dataset, 96)
        result = StudyResult(f"Planning: {dataset.name}")
        # Table 6
        result.text.append(
            f"{dataset.classes} classes, {dataset.train} pictures trained a linear probe, {dataset.test} were planned "
            "with. The pictures are for internal use: their accuracies describe the planner, not the models.\n"
        )
        frontiers = {name: plan(settings, dataset, name, options, subset) for name, options in CONFIGURATIONS.items()}
        points = [point for frontier in frontiers.values() for point in frontier.points]
        interleaved(settings, points, max(3, settings.rounds - 2), settings.seconds)
        rows = []
        for name, frontier in frontiers.items():
            for point in sorted(frontier.points, key=lambda p: -p.rate):
                rows.append(
                    [name, point.plan_id, with_range(point), percent(accuracy_of(frontier.answer, point.plan_id))]
                )
        result.text.append("Frontiers, all points measured in the same rounds (Figures 4, 5, 6):\n")
        result.text.append(table(["configuration", "plan", "items/s", "accuracy"], rows))
        for against in ("naive", "naive + preprocessing optimisations", "smol - preprocessing optimisations"):
            result.checks.append(
                Check(f"{dataset.name}: smol at the best accuracy of '{against}'", "(figure)",
                      f"{speedup(frontiers, against):.2f}x", None)
            )  # fmt: skip
        full = frontiers["smol"].answer
        models = [
            e for e in [*full["plans"], *full["dominated"]] if e["rendition"] == "full" and e["fidelity"] == "exact"
        ]
        result.text.append("Models alone (Table 2):\n")
        result.text.append(
            table(
                ["model", "precision", "DNN/s", "accuracy"],
                [[e["model"], e["precision"], f"{e['infer_throughput']:.0f}", percent(e["accuracy"])] for e in models],
            )
        )
        result.text.append(
            "What the planner says of it:\n\n" + "\n".join(f"- {text}" for text in full["findings"]) + "\n"
        )
        check, measured = regret(settings, dataset, subset, frontiers["smol"])
        result.checks.append(check)
        result.text.append(table(["choice and its rivals", "items/s"], measured))
        seconds = frontiers["smol"].answer["planning_seconds"]
        result.text.append(f"Planning took {seconds:.0f} s.\n")
        result.figures = {
            "answers": {name: frontier.answer for name, frontier in frontiers.items()},
            "points": {f"{n}: {p.plan_id}": p.as_json() for n, f in frontiers.items() for p in f.points},
        }
        return result

    return study


def planning_time(settings: Settings) -> StudyResult:
    """400 photographs, three models, three renditions, with nothing cached."""
    dataset = datasets.photos(settings)
    text = dataset.file.read_text().replace(", 161-q95: {path: '161-q95'}", "")
    three = dataset.file.with_name("three.yaml")
    three.write_text(text)
    file = settings.scratch / "time.yaml"
    answer = json.loads(run_smol(settings, "--json", "plan", str(three), "-o", str(file), "--no-cache"))
    cache = str(settings.scratch / "warm")
    run_smol(settings, "--json", "plan", str(three), "--cache", cache)
    again = json.loads(run_smol(settings, "--json", "plan", str(three), "--cache", cache))
    seconds = answer["planning_seconds"]
    result = StudyResult("Planning time: 400 photographs, 3 models, 3 renditions")
    result.text.append(f"{seconds:.0f} s with nothing known, {again['planning_seconds']:.0f} s with a warm cache.\n")
    result.checks.append(Check("planning 400 x 3 x 3", "<= 180 s", f"{seconds:.0f} s", seconds <= 180))
    result.figures = {"cold_s": seconds, "warm_s": again["planning_seconds"]}
    return result
