# SPDX-License-Identifier: Apache-2.0
"""How far the predicted throughput is from the measured one: ours, SMOL's minimum, Tahoma's sum, BlazeIt's DNN alone.

p is fitted on plans of its own; the others are scored. All are measured in one run, parts and whole in the same round.
"""

from __future__ import annotations

import math
import statistics

import pictures
from harness import DATA, ROOT, Check, Settings, StudyResult, table

from planner.measuring import Measured, interleaved


def combine(preprocess: float, infer: float, p: float) -> float:
    """1/T = ((1/a)^p + (1/b)^p)^(1/p), as src/planner/cost_model.cpp has it."""
    return float((preprocess**-p + infer**-p) ** (-1 / p))


def exponent(preprocess: float, infer: float, together: float) -> float:
    """The p that explains a measurement."""
    low, high = 0.5, 16.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if combine(preprocess, infer, middle) < together else (low, middle)
    return (low + high) / 2


def plans_of(settings: Settings) -> tuple[list[Measured], list[Measured]]:
    """Those that fit p, and those that are scored: from DNN-bound to preprocessing-bound."""
    medium = pictures.medium(96)
    forms = {"full": pictures.as_folder(settings, "cost-full", medium)}
    forms["png"] = pictures.rendition(settings, forms["full"], "png")
    forms["q75"] = pictures.rendition(settings, forms["full"], "jpeg:75")
    forms["large"] = pictures.as_folder(settings, "cost-large", pictures.large())
    cards = {
        name: pictures.model_card(settings, DATA / f"models/mobilenet_{name}_quant.tflite")
        for name in ("v1_0.25_128", "v1_0.5_160", "v1_0.75_192", "v2_1.0_224")
    }
    cards.update({f"lite{i}": ROOT / f"demo/models/efficientnet_lite{i}.yaml" for i in range(3)})

    def make(card: str, form: str) -> Measured:
        return Measured(f"{card} on {form}", cards[card], forms[form])

    fitted = [make("v1_0.5_160", "full"), make("lite1", "large"), make("v1_0.75_192", "png")]
    scored = [
        make(card, form)
        for card, form in [
            ("v1_0.25_128", "full"), ("v1_0.25_128", "png"), ("v1_0.25_128", "q75"), ("v1_0.25_128", "large"),
            ("v1_0.5_160", "png"), ("v1_0.5_160", "q75"), ("v1_0.5_160", "large"), ("v1_0.75_192", "full"),
            ("v1_0.75_192", "large"), ("v2_1.0_224", "full"), ("v2_1.0_224", "large"), ("lite0", "full"),
            ("lite0", "png"), ("lite0", "large"), ("lite2", "full"), ("lite2", "large"),
        ]
    ]  # fmt: skip
    return fitted, scored


def regime(plan: Measured) -> str:
    """What bounds a plan."""
    ratio = statistics.median(plan.infer) / statistics.median(plan.preprocess)
    return "preprocessing-bound" if ratio > 2 else "DNN-bound" if ratio < 0.5 else "balanced"


def relative_errors(plan: Measured, p: float) -> list[float]:
    """Of the four models: medians over rounds, each predicted from its own parts: drift of the machine cancels."""
    rounds = []
    for a, b, together in zip(plan.preprocess, plan.infer, plan.together, strict=True):
        predicted = [combine(a, b, p), min(a, b), 1 / (1 / a + 1 / b), b]
        rounds.append([value / together - 1 for value in predicted])
    return [statistics.median(errors) for errors in zip(*rounds, strict=True)]


def study(settings: Settings) -> StudyResult:
    """Errors by model."""
    fitted, scored = plans_of(settings)
    interleaved(settings, [*fitted, *scored], settings.rounds, settings.seconds)
    exponents = [
        exponent(*parts) for plan in fitted for parts in zip(plan.preprocess, plan.infer, plan.together, strict=True)
    ]
    p = statistics.median(exponents)
    result = StudyResult("The cost model: predicted against measured end to end")
    errors: dict[str, list[float]] = {"ours": [], "minimum (SMOL)": [], "sum (Tahoma)": [], "DNN only (BlazeIt)": []}
    rows, inside = [], []
    for plan in scored:
        a, b = statistics.median(plan.preprocess), statistics.median(plan.infer)
        relative = relative_errors(plan, p)
        for name, value in zip(errors, relative, strict=True):
            errors[name].append(abs(value))
        inside.append(abs(relative[0]) <= max(0.12, plan.spread))
        figures = [f"{value:+.1%}" for value in relative]
        rows.append(
            [plan.name, regime(plan), f"{a:.0f}", f"{b:.0f}", f"{plan.rate:.0f} (±{plan.spread:.1%})", *figures]
        )
    result.text.append(
        f"p = {p:.2f}, fitted on {', '.join(plan.name for plan in fitted)} "
        f"(single rounds {min(exponents):.2f}-{max(exponents):.2f}); {len(scored)} other plans are scored.\n"
    )
    result.text.append(table(["plan", "", "preprocessing/s", "DNN/s", "both/s", *errors], rows))
    result.text.append(
        table(
            ["cost model", "mean absolute error", "worst"],
            [[name, f"{statistics.mean(e):.1%}", f"{max(e):.1%}"] for name, e in errors.items()],
        )
    )
    mean, worst = statistics.mean(errors["ours"]), max(errors["ours"])
    counts = {
        name: sum(regime(plan) == name for plan in scored) for name in ("DNN-bound", "balanced", "preprocessing-bound")
    }
    what = f"cost model, {len(scored)} held-out plans ({', '.join(f'{n} {name}' for name, n in counts.items())})"
    result.checks += [
        Check(f"{what}: mean absolute error", "<= 5 %", f"{mean:.1%}", mean <= 0.05),
        Check(f"{what}: worst, or within its own spread", "<= 12 %", f"{worst:.1%}", all(inside)),
    ]
    result.figures = {"p": exponents, "plans": {plan.name: plan.as_json() for plan in [*fitted, *scored]}}
    assert not math.isnan(mean)
    return result
