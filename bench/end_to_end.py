# SPDX-License-Identifier: Apache-2.0
"""JPEG files to answers: the same OpenVINO model, precision and batch, fed by smol and by its peers."""

from __future__ import annotations

import contextlib
import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pictures
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
    feeder_round,
    interleave,
    run_smol,
    spread,
    start_feeder,
    table,
)

PEERS = {
    "DALI, CPU": "dali",
    "OpenCV": "opencv",
    "Pillow + NumPy": "pillow",
    "torch DataLoader + Pillow": "torch_loader",
    "libvips thumbnail": "vips",
}


@dataclass(frozen=True)
class Pairing:
    """A model and pictures.

    Attributes:
        name: for tables.
        model: the DNN file.
        card: of the model; None lets smol write one.
        short_side, size, floats: what the card asks for, for the peers.
        large: the 6-12 MP photos; else the 500x375 class.
        batch: the same for all.
        smol_is_bounded: compared with the harmonic bound where balanced.
    """

    name: str
    model: Path
    card: Path | None
    short_side: int
    size: int
    floats: bool
    large: bool
    batch: int


def pairings() -> list[Pairing]:
    """Two that are balanced on a 2-core machine without matrix units, and one bound by its DNN."""
    lite0 = ROOT / "demo/models/efficientnet_lite0.onnx"
    mobilenet = DATA / "models/mobilenet_v1_0.5_160_quant.tflite"
    card = lite0.with_suffix(".yaml")
    return [
        Pairing("efficientnet-lite0 f32, 6-12 MP", lite0, card, 256, 224, True, True, 4),
        Pairing("MobileNet 0.5 160 INT8, 500x375", mobilenet, None, 183, 160, False, False, 1),
        Pairing("efficientnet-lite0 f32, 500x375", lite0, card, 256, 224, True, False, 4),
    ]


class SmolParts:
    """Rounds of `smol measure`: preprocessing alone, DNN alone, both together, each with all cores."""

    def __init__(self, settings: Settings, card: Path, folder: Path, batch: int, seconds: float) -> None:
        self._arguments = [str(card), str(folder), "--batch", str(batch), "--repeats", "1", "--seconds", str(seconds)]
        self._settings = settings
        self.preprocess = Samples("preprocessing alone")
        self.infer = Samples("DNN alone")

    def round(self) -> float:
        """The rate of both together; the parts are kept."""
        measured = json.loads(run_smol(self._settings, "--json", "measure", *self._arguments))
        self.preprocess.rates.append(measured["preprocess_alone"]["median"])
        self.infer.rates.append(measured["infer_alone"]["median"])
        return float(measured["together"]["median"])

    def drop_warm_up(self) -> None:
        """`interleave` runs everything once more than it keeps."""
        del self.preprocess.rates[0], self.infer.rates[0]

    def harmonic(self) -> list[float]:
        """The bound where both share the cores, one a round."""
        return [1 / (1 / p + 1 / i) for p, i in zip(self.preprocess.rates, self.infer.rates, strict=True)]

    @property
    def balance(self) -> float:
        """DNN alone over preprocessing alone."""
        return self.infer.median / self.preprocess.median


def start_peers(settings: Settings, pairing: Pairing, files: list[Path]) -> tuple[dict[str, Child], dict[str, str]]:
    """The peers that run here, and why others do not. They make batches of 12 or 16, of which the DNN gets slices."""
    children, missing = {}, {}
    for label, feeder in PEERS.items():
        try:
            children[label] = start_feeder(
                settings,
                feeder=feeder,
                files=[str(file) for file in files],
                threads=len(cores()),
                short_side=pairing.short_side,
                size=pairing.size,
                floats=pairing.floats,
                batch=12 if pairing.large else 16,
                model_batch=pairing.batch,
                model=str(pairing.model),
            )
        except PeerMissing as reason:
            missing[label] = str(reason)
    return children, missing


def measure_pairing(settings: Settings, pairing: Pairing) -> tuple[SmolParts, dict[str, Samples], dict[str, str]]:
    """All rounds of one pairing."""
    files = pictures.large() if pairing.large else pictures.medium(128)
    # Filling and draining the pipeline takes 40 ms with 6-12 MP pictures: 2 % of a round of 2 s.
    seconds = (10 if pairing.large else 5) * settings.seconds
    card = pairing.card or pictures.model_card(settings, pairing.model)
    folder = pictures.as_folder(settings, "large" if pairing.large else "medium", files)
    parts = SmolParts(settings, card, folder, pairing.batch, seconds)
    children, missing = start_peers(settings, pairing, files)
    try:
        rounds: dict[str, Callable[[], float]] = {"smol": parts.round}
        rounds.update({label: feeder_round(child, "together", seconds) for label, child in children.items()})
        samples = interleave(rounds, settings.rounds)
    finally:
        for child in children.values():
            with contextlib.suppress(OSError):
                child.close()
    parts.drop_warm_up()
    return parts, samples, missing


def checks_of(pairing: Pairing, parts: SmolParts, samples: dict[str, Samples], fractions: list[float]) -> list[Check]:
    """Targets hold for balanced pairings; elsewhere the figures are shown without one."""
    balance = f"DNN alone {parts.balance:.2f}x of preprocessing alone"
    bound = (statistics.median(fractions), min(fractions), max(fractions))
    checks = [at_least(f"end to end, {pairing.name} ({balance}): of the harmonic bound", 0.97, bound)]
    if "DALI, CPU" in samples:
        ratio = samples["smol"].ratio_to(samples["DALI, CPU"])
        checks.append(at_least(f"end to end, {pairing.name}: against DALI, CPU", 1.4, ratio))
    if not 0.5 <= parts.balance <= 2:
        for check in checks:
            check.met, check.target = None, f"({check.target}; not a balanced pairing)"
    return checks


def study(settings: Settings) -> StudyResult:
    """All pairings."""
    result = StudyResult("End to end: the same OpenVINO model, precision and batch, fed by each")
    settings_text = f"{len(cores())} streams of one thread, pinning off, {len(cores())} feeding threads or processes."
    result.text.append(settings_text + "\n")
    for pairing in pairings():
        if not pairing.model.exists():
            result.text.append(f"{pairing.name}: not measured, the model is not there: {pairing.model.name}\n")
            continue
        parts, samples, missing = measure_pairing(settings, pairing)
        fractions = [rate / bound for rate, bound in zip(samples["smol"].rates, parts.harmonic(), strict=True)]
        rows = [[label, spread(s), f"{samples['smol'].ratio_to(s)[0]:.2f}"] for label, s in samples.items()]
        rows += [[label, "-", f"not measured: {reason}"] for label, reason in missing.items()]
        result.text.append(
            f"**{pairing.name}**, batch {pairing.batch}\n\n{table(['', 'items/s', 'smol is faster by'], rows)}\n"
            f"smol's parts: preprocessing alone {spread(parts.preprocess)}, DNN alone {spread(parts.infer)}; "
            f"harmonic bound {statistics.median(parts.harmonic()):.0f}, "
            f"together {statistics.median(fractions):.2f} of it.\n"
        )
        result.figures[pairing.name] = figures_of(parts, samples, missing)
        result.checks += checks_of(pairing, parts, samples, fractions)
    return result


def figures_of(parts: SmolParts, samples: dict[str, Samples], missing: dict[str, str]) -> dict[str, Any]:
    """All rounds."""
    return {
        "items_per_second": {label: s.rates for label, s in samples.items()},
        "preprocess_alone": parts.preprocess.rates,
        "infer_alone": parts.infer.rates,
        "missing": missing,
    }
