# SPDX-License-Identifier: Apache-2.0
"""JPEG to the DNN's tensor: smol and its peers, decoding alone beside it; 500x375 on 1, 2, 4, all cores; 6-12 MP."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pictures
from harness import (
    Check,
    Child,
    PeerMissing,
    Samples,
    Settings,
    StudyResult,
    at_least,
    core_counts,
    cores,
    feeder_round,
    interleave,
    spread,
    start_feeder,
    table,
)

OFF = "smol, optimisations off"
TARGETED_CORES = (1, 2)
STEP = 1 / 128  # of the tensor: one step of an 8-bit pixel


@dataclass(frozen=True)
class Competitor:
    """A feeder and how it is named in tables."""

    label: str
    feeder: str
    variant: str = ""
    note: str = ""
    decodes: bool = True


MEDIUM = (
    Competitor("smol, exact", "smol"),
    Competitor("Pillow + NumPy", "pillow"),
    Competitor("OpenCV", "opencv", note="does not antialias"),
    Competitor("torch DataLoader + Pillow", "torch_loader", note="processes; decoding is Pillow's", decodes=False),
    Competitor("DALI, CPU", "dali", note="rounds sizes and offsets otherwise"),
    Competitor("libvips thumbnail", "vips", note="scales in the decoder, lanczos3"),
)
LARGE = (
    Competitor("smol, exact", "smol"),
    Competitor("smol, decoder scaling", "smol", "scale4", ">= 2x headroom", decodes=False),
    Competitor("Pillow + NumPy", "pillow"),
    Competitor("Pillow draft + NumPy", "pillow", "draft", "decoder scaling, >= 2x headroom"),
    Competitor("OpenCV", "opencv", note="does not antialias"),
    Competitor("OpenCV, reduced 1/4", "opencv", "reduced4", "decoder scaling; does not antialias"),
    Competitor("DALI, CPU", "dali", note="rounds sizes and offsets otherwise"),
    Competitor("libvips thumbnail", "vips", note="scales in the decoder, lanczos3"),
)


@dataclass
class Difference:
    """From Pillow, in steps of an 8-bit pixel."""

    largest: float
    mean: float

    def __str__(self) -> str:
        return f"{self.largest:.0f} / {self.mean:.3f}"


class Field:
    """Competitors over one list of files with one number of threads."""

    def __init__(
        self, settings: Settings, competitors: tuple[Competitor, ...], files: list[Path], threads: int
    ) -> None:
        self._settings = settings
        self.missing: dict[str, str] = {}
        # Of processor time: the load of the machine matters less. Without DataLoader, whose work is in its children.
        self.per_cpu = {c.label: Samples(c.label) for c in competitors if c.feeder != "torch_loader"}
        self.children: dict[Competitor, Child] = {}
        batch = 32 if len(files) % 32 == 0 else 2 * len(files)
        for competitor in competitors:
            try:
                self.children[competitor] = start_feeder(
                    settings,
                    feeder=competitor.feeder,
                    variant=competitor.variant,
                    files=[str(file) for file in files],
                    threads=threads,
                    batch=batch,
                    cpus=cores()[:threads],
                )
            except PeerMissing as reason:
                self.missing[competitor.label] = str(reason)

    def __enter__(self) -> Field:
        return self

    def __exit__(self, *unused: object) -> None:
        for child in self.children.values():
            with contextlib.suppress(OSError):
                child.close()

    def differences(self) -> dict[str, Difference]:
        """Of each competitor's tensors from Pillow's."""
        answers: dict[str, npt.NDArray[np.float32]] = {}
        for competitor, child in self.children.items():
            path = self._settings.scratch / "answers.npy"
            child.ask({"do": "answers", "output": str(path)})
            answers[competitor.label] = np.load(path)
        reference = answers["Pillow + NumPy"]
        result = {}
        for label, tensors in answers.items():
            steps = np.abs(tensors - reference) / STEP
            result[label] = Difference(float(steps.max()), float(steps.mean()))
        return result

    def measure(self) -> tuple[dict[str, Samples], dict[str, Samples]]:
        """Tensors and decoded pictures a second."""
        seconds = self._settings.seconds
        tensors = {
            c.label: feeder_round(child, "tensor", seconds, self.per_cpu.get(c.label))
            for c, child in self.children.items()
        }
        decoded = {
            f"{c.label}: decode": feeder_round(child, "decode", seconds / 2)
            for c, child in self.children.items()
            if c.decodes
        }
        samples = interleave({**tensors, **decoded}, self._settings.rounds)
        for per_cpu in self.per_cpu.values():
            del per_cpu.rates[:1]  # the warm-up
        return (
            {label: samples[label] for label in tensors},
            {label.removesuffix(": decode"): samples[label] for label in decoded},
        )


def per_cpu_columns(field: Field, ours: str, label: str) -> list[str]:
    """Tensors a second of processor time, and by how much ours are more."""
    if label not in field.per_cpu:
        return ["-", "-"]
    theirs = field.per_cpu[label]
    return [f"{theirs.median:.0f}", f"{field.per_cpu[ours].ratio_to(theirs)[0]:.2f}"]


def render(
    competitors: tuple[Competitor, ...],
    field: Field,
    differences: dict[str, Difference],
    tensors: dict[str, Samples],
    decoded: dict[str, Samples],
    ours: str,
) -> str:
    """The table of one field."""
    rows = []
    for competitor in competitors:
        label = competitor.label
        if label in field.missing:
            rows.append([label, "-", "-", "-", "-", "-", "-", f"not measured: {field.missing[label]}"])
            continue
        ratio = tensors[ours].ratio_to(tensors[label])
        rows.append(
            [
                label,
                spread(tensors[label]),
                f"{ratio[0]:.2f} ({ratio[1]:.2f}-{ratio[2]:.2f})",
                *per_cpu_columns(field, ours, label),
                spread(decoded[label]) if label in decoded else "-",
                str(differences[label]),
                competitor.note,
            ]
        )
    header = ["", "tensors/s", f"{ours} is faster by", "tensors/CPU s", "by", "decode only/s"]
    header += ["difference from Pillow, max / mean of 255", ""]
    return table(header, rows)


def study_field(
    settings: Settings, competitors: tuple[Competitor, ...], files: list[Path], threads: int, ours: str
) -> tuple[str, dict[str, Any], dict[str, Samples], dict[str, Difference]]:
    """Answers first, then rounds. A wrong answer of ours stops the study."""
    with Field(settings, competitors, files, threads) as field:
        differences = field.differences()
        if "smol, exact" in field.missing:
            raise RuntimeError(f"smol itself does not run: {field.missing['smol, exact']}")
        if differences["smol, exact"].largest != 0:
            raise RuntimeError(f"smol differs from Pillow: {differences['smol, exact']}; a wrong answer gets no number")
        tensors, decoded = field.measure()
        text = render(competitors, field, differences, tensors, decoded, ours)
        figures: dict[str, dict[str, Any]] = {
            label: {
                "tensors_per_second": samples.rates,
                "decoded_per_second": decoded[label].rates if label in decoded else None,
                "tensors_per_cpu_second": field.per_cpu[label].rates if label in field.per_cpu else None,
                "difference_max": differences[label].largest,
                "difference_mean": differences[label].mean,
            }
            for label, samples in tensors.items()
        }
        figures.update({label: {"missing": reason} for label, reason in field.missing.items()})
    return text, figures, tensors, differences


def unoptimised(settings: Settings, files: list[Path]) -> Competitor:
    """smol as it would be without its optimizer: operators one by one, over the whole decoded picture."""
    plan = pictures.plan_without(settings, files, ["dag", "region"])
    return Competitor(OFF, "smol", str(plan), "--without dag region", decodes=False)


def study_medium(settings: Settings) -> StudyResult:
    """500x375 to float32 CHW on 1, 2 and more cores; smol with its optimisations off beside it."""
    result = StudyResult("Preprocessing, 500x375 JPEGs to float32 3x224x224")
    files = pictures.medium(128)
    result.text.append(f"{pictures.describe(files)}; resize short side 256 bilinear, centre crop 224, normalise.\n")
    targets = {"Pillow + NumPy": 2.8, "DALI, CPU": 2.5, "OpenCV": 1.35}
    competitors = MEDIUM
    if pictures.LITE0.exists():
        competitors = (MEDIUM[0], unoptimised(settings, files), *MEDIUM[1:])
    else:
        result.text.append(f"smol with its optimisations off: not measured, there is no {pictures.LITE0.name}.\n")
    for threads in core_counts():
        text, figures, tensors, differences = study_field(settings, competitors, files, threads, "smol, exact")
        result.text.append(f"**{threads} core{'s' if threads > 1 else ''}**\n\n{text}")
        result.figures[f"cores_{threads}"] = figures
        if OFF in tensors:
            off = tensors["smol, exact"].ratio_to(tensors[OFF])
            what = f"500x375, {threads} core{'s' if threads > 1 else ''}: against {OFF} (difference {differences[OFF]})"
            result.checks.append(Check(what, "-", f"{off[0]:.2f} ({off[1]:.2f}-{off[2]:.2f})", None))
        if threads > max(TARGETED_CORES):
            continue
        for peer, target in targets.items():
            what = f"500x375 to float CHW, exact, {threads} core{'s' if threads > 1 else ''}: against {peer}"
            if peer in tensors:
                result.checks.append(at_least(what, target, tensors["smol, exact"].ratio_to(tensors[peer])))
            else:
                result.checks.append(Check(what, f">= {target:g}", "peer not here", None))
    return result


def study_large(settings: Settings) -> StudyResult:
    """6-12 MP, with and without decoder scaling, all cores."""
    result = StudyResult("Preprocessing, 6-12 MP JPEGs to float32 3x224x224")
    files = pictures.large()
    threads = len(cores())
    text, figures, tensors, differences = study_field(settings, LARGE, files, threads, "smol, decoder scaling")
    result.text.append(f"{pictures.describe(files)}; {threads} cores.\n\n{text}")
    result.figures = figures
    what = f"6-12 MP, decoder scaling (difference {differences['smol, decoder scaling']}): against DALI, CPU"
    if "DALI, CPU" in tensors:
        ratio = tensors["smol, decoder scaling"].ratio_to(tensors["DALI, CPU"])
        result.checks.append(at_least(what, 3.5, ratio))
    else:
        result.checks.append(Check(what, ">= 3.5", "peer not here", None))
    return result
