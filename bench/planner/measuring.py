# SPDX-License-Identifier: Apache-2.0
"""Plans measured side by side: round after round, the order turning."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import Settings, run_smol


@dataclass
class Measured:
    """One plan (or card) on some pictures.

    Attributes:
        name: for tables.
        plans: plan file or model card.
        source: what it reads.
        plan_id: of a plan file; empty: the chosen one.
        preprocess, infer, together: items a second, one a round.
    """

    name: str
    plans: Path
    source: Path
    plan_id: str = ""
    batch: int = 0
    preprocess: list[float] = field(default_factory=list)
    infer: list[float] = field(default_factory=list)
    together: list[float] = field(default_factory=list)

    def round(self, settings: Settings, seconds: float) -> None:
        """One round of `smol measure`: the parts alone and both together."""
        arguments = [str(self.plans), str(self.source), "--repeats", "1", "--seconds", str(seconds)]
        arguments += ["--plan", self.plan_id] if self.plan_id else []
        arguments += ["--batch", str(self.batch)] if self.batch else []
        measured = json.loads(run_smol(settings, "--json", "measure", *arguments))
        self.batch = self.batch or measured["report"]["batch"]  # of a card: the fastest, found once
        self.preprocess.append(measured["preprocess_alone"]["median"])
        self.infer.append(measured["infer_alone"]["median"])
        self.together.append(measured["together"]["median"])

    @property
    def rate(self) -> float:
        """Median of both together."""
        return statistics.median(self.together)

    @property
    def spread(self) -> float:
        """Half the range of the rounds, relative to the median."""
        return (max(self.together) - min(self.together)) / 2 / self.rate

    def as_json(self) -> dict[str, Any]:
        """All rounds."""
        return {"preprocess": self.preprocess, "infer": self.infer, "together": self.together, "batch": self.batch}


def interleaved(settings: Settings, plans: Sequence[Measured], rounds: int, seconds: float) -> None:
    """Measures all, A B C A B C, starting with another one each round."""
    for index in range(rounds):
        turn = index % len(plans)
        for plan in [*plans[turn:], *plans[:turn]]:
            plan.round(settings, seconds)
