# SPDX-License-Identifier: Apache-2.0
"""Each optimisation off, alone and cumulatively (the paper's Figures 7, 8), and every step apart (Figure 1)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pictures
from harness import DATA, Check, Samples, Settings, StudyResult, interleave, run_smol, spread, table


@dataclass(frozen=True)
class Ablation:
    """What is left out.

    Attributes:
        name: for tables; cumulative ones start with "+".
        without: what `smol measure --without` takes; which rules `dag` and `region` stand for, the program knows.
        full_rendition: the full pictures in place of the 161-px thumbnails.
    """

    name: str
    without: tuple[str, ...] = ()
    full_rendition: bool = False


ENGINE = ("over-allocation", "buffer-reuse", "pipelining", "threading")


def engine_ablations() -> list[Ablation]:
    """Figure 7: the engine, on full pictures."""
    alone = [Ablation(f"without {name}", (name,), full_rendition=True) for name in ENGINE]
    cumulative = [Ablation("+ " + name, ENGINE[: i + 1], full_rendition=True) for i, name in enumerate(ENGINE) if i > 0]
    return [Ablation("all on", full_rendition=True), *alone, *cumulative]


def pinning_ablations() -> list[Ablation]:
    """Figure 7: what only a device with its own memory shows."""
    return [Ablation("all on", full_rendition=True), Ablation("without pinning", ("pinning",), full_rendition=True)]


def optimizer_ablations() -> list[Ablation]:
    """Figure 8: low resolution, region decoding, order and fusion of the operators."""
    return [
        Ablation("all on"),
        Ablation("without dag", without=("dag",)),
        Ablation("without region", without=("region",)),
        Ablation("without low-resolution", full_rendition=True),
        Ablation("+ region", without=("region",), full_rendition=True),
        Ablation("+ dag", without=("region", "dag"), full_rendition=True),
    ]


class Measured:
    """Rounds of `smol measure` for one ablation: end to end, and preprocessing alone beside."""

    def __init__(self, settings: Settings, card: Path, folder: Path, batch: int, ablation: Ablation) -> None:
        self._settings = settings
        self._arguments = [str(card), str(folder), "--batch", str(batch), "--repeats", "1"]
        self._arguments += ["--seconds", str(settings.seconds / 2)]
        if ablation.without:
            self._arguments += ["--without", *ablation.without]
        self.preprocess = Samples(ablation.name)

    def round(self) -> float:
        """Items a second, end to end."""
        measured = json.loads(run_smol(self._settings, "--json", "measure", *self._arguments))
        self.preprocess.rates.append(measured["preprocess_alone"]["median"])
        return float(measured["together"]["median"])


def measure_group(settings: Settings, card: Path, batch: int, ablations: list[Ablation]) -> tuple[str, dict[str, Any]]:
    """One table."""
    full = pictures.as_folder(settings, "medium", pictures.medium(128))
    thumbnails = pictures.rendition(settings, full, "jpeg:90")
    measured = {a.name: Measured(settings, card, full if a.full_rendition else thumbnails, batch, a) for a in ablations}
    rounds: dict[str, Callable[[], float]] = {name: m.round for name, m in measured.items()}
    samples = interleave(rounds, min(settings.rounds, 5))
    base = next(iter(samples.values()))
    rows = []
    for name, end_to_end in samples.items():
        preprocess = measured[name].preprocess
        del preprocess.rates[0]  # the warm-up
        first = measured[base.name].preprocess
        rows.append(
            [
                name,
                spread(end_to_end),
                f"{end_to_end.ratio_to(base)[0]:.2f}",
                spread(preprocess),
                f"{preprocess.ratio_to(first)[0]:.2f}",
            ]
        )
    figures = {
        name: {"end_to_end": samples[name].rates, "preprocessing": m.preprocess.rates} for name, m in measured.items()
    }
    return table(["", "end to end, items/s", "of all on", "preprocessing alone, items/s", "of all on"], rows), figures


def study(settings: Settings) -> StudyResult:
    """Figures 7 and 8 with a light DNN, so that preprocessing shows; Figure 1 with EfficientNet-Lite0."""
    result = StudyResult("Ablations")
    light = DATA / "models/mobilenet_v1_0.25_128_quant.tflite"
    card = pictures.model_card(settings, light)
    text, figures = measure_group(settings, card, 1, engine_ablations())
    result.text.append(
        "**Engine** (Figure 7), 500x375 JPEGs, MobileNet 0.25 128 INT8, batch 1; a + leaves out those before, too. "
        "Pinning is off by default, because decoding and inference share the cores.\n\n" + text
    )
    result.figures["engine"] = figures
    text, figures = measure_group(settings, pictures.simulated_card(settings, light), 16, pinning_ablations())
    result.text.append(
        "**Pinning** (Figure 7), on a SIMULATED device with its own memory: the staging copies are real, the transfer "
        "and the DNN are waited for.\n\n" + text
    )
    result.figures["pinning, simulated"] = figures
    if pictures.LITE0.exists():
        text, figures = measure_group(settings, card, 1, optimizer_ablations())
        result.text.append("**Plan** (Figure 8), the same DNN; all on: 161-px JPEG thumbnails.\n\n" + text)
        result.figures["plan"] = figures
        unfused_stages(settings, result)
    return result


def unfused_stages(settings: Settings, result: StudyResult) -> None:
    """Figure 1: microseconds an item of every step on its own, and fused."""
    full = pictures.as_folder(settings, "medium", pictures.medium(128))
    arguments = f"--batch 4 --repeats 3 --seconds {settings.seconds} --unfused".split()
    measured = json.loads(run_smol(settings, "--json", "measure", str(pictures.LITE0), str(full), *arguments))
    stages = measured["unfused_us"]
    result.figures["unfused_us"] = stages
    result.text.append(
        "**Stages** (Figure 1), EfficientNet-Lite0 f32, 500x375; microseconds an item, one thread (DNN: all)\n\n"
        + table(list(stages), [["none: host memory" if value is None else f"{value:.0f}" for value in stages.values()]])
    )
    steps = sum(stages[name] for name in ("decode", "resize_crop", "convert_normalize", "layout"))
    result.checks.append(
        Check("fused against separate steps, one thread, 500x375", "-", f"{steps / stages['fused']:.2f}x", None)
    )
