# SPDX-License-Identifier: Apache-2.0
"""Datasets, and the plans that measuring them gives."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from smol import _native, arguments
from smol.operators import UserOperator, native_operators

_A_DATASET: Final = "a smol.Dataset or a path (str or os.PathLike)"


class Dataset:
    """Items x renditions with optional labels: a folder, picture, video, list, archive, table, address or YAML file.

    Args:
        path: what `smol run` takes as its input.
        frames: of videos, which are items: "all", "every:30", "rate:2" (a second), "key" or "reference". None: what the
            dataset file says, else all.
    """

    def __init__(self, path: str | os.PathLike[str], *, frames: str | None = None) -> None:
        sampling = "" if frames is None else arguments.text("frames", frames)
        self.native = _native.open_dataset(arguments.path("path", path), sampling)

    @property
    def path(self) -> str:
        """What was named."""
        return self.native.path

    @property
    def renditions(self) -> dict[str, str]:
        """Folder by name; the first is the reference."""
        return dict(self.native.renditions)

    @property
    def item_ids(self) -> list[str]:
        """Sorted."""
        return self.native.item_ids

    @property
    def labels(self) -> list[int | None] | None:
        """Parallel to `item_ids`; None without any labels."""
        labels = self.native.labels
        return [label if label >= 0 else None for label in labels] if labels else None

    @property
    def models(self) -> list[str]:
        """Paths of the model cards that the dataset file lists."""
        return self.native.models

    def locate(self, item_id: str, rendition: str | None = None) -> str:
        """Path of an item in a rendition (None: the first)."""
        name = next(iter(self.renditions)) if rendition is None else arguments.text("rendition", rendition)
        return self.native.locate(name, arguments.text("item_id", item_id))

    def __len__(self) -> int:
        return len(self.native.item_ids)

    def __repr__(self) -> str:
        return f"Dataset({self.path!r}, {len(self)} items, renditions: {', '.join(self.renditions)})"


class Estimate(NamedTuple):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Plan:
    """One way to run one model over one rendition of the pictures.

    Attributes:
        id: unique in its plan file: "efficientnet_lite0/full/exact".
        model: path of the model card.
        rendition: which stored form of the pictures it reads.
        fidelity: how faithfully they are decoded: "exact", "scale4", ...
        precision: of inference.
        batch: pictures an inference.
        throughput: items a second, end to end; None when it was not run.
        predicted_throughput: what the cost model says, items a second.
        accuracy: in 0..1; None when nothing could be compared.
        accuracy_is_agreement: accuracy is agreement with the reference plan, not with labels.
        held_out_accuracy: the same on items that had no part in the choice; None for plans not judged by them.
        simulated: its device does not exist, figures are modelled.
    """

    id: str
    model: str
    rendition: str
    fidelity: str
    precision: str
    batch: int
    throughput: Estimate | None
    accuracy: Estimate | None
    accuracy_is_agreement: bool
    held_out_accuracy: Estimate | None
    predicted_throughput: float | None
    simulated: bool
    native: _native.Plan = field(repr=False, compare=False)

    @classmethod
    def from_native(cls, native: _native.Plan) -> Plan:
        """Wraps a plan of the extension module."""
        return cls(
            id=native.id,
            model=native.model,
            rendition=native.rendition,
            fidelity=native.fidelity,
            precision=native.precision,
            batch=native.batch,
            throughput=Estimate(*native.throughput) if native.throughput else None,
            accuracy=Estimate(*native.accuracy) if native.accuracy else None,
            accuracy_is_agreement=native.accuracy_is_agreement,
            held_out_accuracy=Estimate(*native.held_out_accuracy) if native.held_out_accuracy else None,
            predicted_throughput=native.predicted_throughput,
            simulated=native.simulated,
            native=native,
        )

    @property
    def pipeline(self) -> str:
        """The physical preprocessing pipeline as text."""
        return self.native.pipeline


class Profile:
    """What the stages of plans cost on one machine for one dataset; text that parses back."""

    def __init__(self, native: _native.Profile) -> None:
        self.native = native

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Profile:
        """Reads a profile file."""
        return cls(_native.load_profile(arguments.path("path", path)))

    @classmethod
    def from_yaml(cls, text: str) -> Profile:
        """Reads what `to_yaml` wrote."""
        return cls(_native.parse_profile(arguments.text("text", text)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a profile file."""
        self.native.save(arguments.path("path", path))

    def to_yaml(self) -> str:
        """The profile file as text."""
        return self.native.to_yaml()

    @property
    def machine(self) -> str:
        """Where it was measured."""
        return self.native.machine

    @property
    def overlap_exponents(self) -> tuple[float, ...]:
        """p of the cost model where preprocessing and inference share cores, by measurement."""
        return tuple(self.native.overlap_exponents)

    def __repr__(self) -> str:
        return f"Profile({self.machine!r})"


class PlanSet:
    """The measured plans: iterating gives the frontier, fastest first. Choose from it as you like, or take `chosen`."""

    def __init__(self, native: _native.PlanSet, profile: Profile | None = None) -> None:
        self.native = native
        self.profile: Profile | None = profile
        """What the plans rest on; None for plans that were read from a file."""
        self._plans = tuple(Plan.from_native(plan) for plan in native.plans)

    @classmethod
    def load(cls, path: str | os.PathLike[str], user_operators: Sequence[UserOperator] = ()) -> PlanSet:
        """Reads a plan file."""
        return cls(_native.load_plans(arguments.path("path", path), native_operators(user_operators)))

    @classmethod
    def from_yaml(cls, text: str, user_operators: Sequence[UserOperator] = ()) -> PlanSet:
        """Reads what `to_yaml` wrote."""
        return cls(_native.parse_plans(arguments.text("text", text), native_operators(user_operators)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a plan file; model paths become relative to it."""
        self.native.save(arguments.path("path", path))

    def to_yaml(self) -> str:
        """The plan file as text."""
        return self.native.to_yaml()

    def report(self, profile: str | os.PathLike[str] | None = None) -> str:
        """The planning report: one HTML page that needs nothing else. A profile of the same dataset adds the stages."""
        return self.native.report(None if profile is None else arguments.path("profile", profile))

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The frontier, fastest first."""
        return self._plans

    @property
    def dominated(self) -> tuple[Plan, ...]:
        """Measured, but another plan is at least as good in both."""
        return tuple(Plan.from_native(plan) for plan in self.native.dominated)

    @property
    def chosen(self) -> Plan:
        """The plan that meets the constraints best.

        Raises:
            InvalidArgumentError: no plan is known to meet them; the message says what is missing.
        """
        return Plan.from_native(self.native.find(""))

    @property
    def constraint_met(self) -> bool:
        """Whether a plan is known to meet what was asked for; then there is one `chosen`."""
        return self.native.constraint_met

    @property
    def reason(self) -> str:
        """Why the chosen plan, or what is missing: "undecided, needs about 250 more labels"."""
        return self.native.reason

    @property
    def findings(self) -> tuple[str, ...]:
        """Sentences about the plans that a reader would otherwise have to work out."""
        return tuple(self.native.findings())

    @property
    def held_out(self) -> str:
        """The items of `Plan.held_out_accuracy`, in words."""
        return self.native.held_out

    @property
    def machine(self) -> str:
        """Where it was measured."""
        return self.native.machine

    @property
    def calibration(self) -> str:
        """On which items, in words."""
        return self.native.calibration

    @property
    def accuracy_kind(self) -> str:
        """What accuracy means here: "labels", "agreement with <plan>", "none"."""
        return self.native.accuracy_kind

    def __getitem__(self, plan_id: str) -> Plan:
        return Plan.from_native(self.native.find(arguments.text("plan_id", plan_id)))

    def __iter__(self) -> Iterator[Plan]:
        return iter(self._plans)

    def __len__(self) -> int:
        return len(self._plans)

    def __repr__(self) -> str:
        return f"PlanSet({len(self)} plans, chosen: {self.native.chosen!r})"


def plan(
    dataset: Dataset | str | os.PathLike[str] | None = None,
    *,
    models: Sequence[str | os.PathLike[str]] = (),
    min_accuracy: float | None = None,
    min_throughput: float | None = None,
    max_latency_ms: float | None = None,
    max_cost: float | None = None,
    prices: str | os.PathLike[str] | None = None,
    instance: str = "",
    profile: Profile | str | os.PathLike[str] | None = None,
    calibration_items: int = 0,
    allow_lossy: bool = True,
    precisions: Sequence[str] = (),
    batch: int = 0,
    repeats: int = 3,
    time_budget_s: float = 0,
    cache: str | os.PathLike[str] | None = None,
    disabled_rules: Sequence[str] = (),
    user_operators: Sequence[UserOperator] = (),
    on_progress: Callable[[str, float, float], None] | None = None,
) -> PlanSet:
    """Plans models x renditions x fidelities: measures their stages on a sample, predicts, races accuracies, chooses.

    A constraint that no plan is known to meet raises nothing here: the plans are worth having.
    `PlanSet.constraint_met` is then false and `PlanSet.chosen` raises.

    Args:
        dataset: what `Dataset` takes, or one; None to plan with `profile` alone.
        models: paths of model cards; those of the dataset file by default.
        min_accuracy: chooses the fastest plan of which the data say that it has at least this accuracy, in 0..1.
        min_throughput: chooses the most accurate plan with at least this many items a second.
        max_latency_ms: the same, with at most so many milliseconds from a picture's first byte to its answer.
        max_cost: the same, with at most this price of a million items on `instance` of the file `prices`.
        prices: what machines cost.
        instance: a machine of the price file; its first by default.
        profile: rates that stand in for measuring.
        calibration_items: how many items to measure on; 0: half of them, at most 256, or what the dataset file says.
        allow_lossy: reduced fidelities are among the candidates.
        precisions: "f32", "bf16", "f16", "as_stored"; by default f32 and, where it is fast, bf16.
        batch: pictures an inference; 0: the fastest of a few.
        repeats: throughput measurements of each plan.
        time_budget_s: measuring stops in good order after about so many seconds; 0: no bound.
        cache: folder for answers and rates that a later planning finds again; None: nothing is kept.
        disabled_rules: optimizer rules to leave out.
        user_operators: operators of your own that the cards name.
        on_progress: called with what is being measured, seconds spent, an estimate of the seconds left.
    """
    options = _native.PlanOptions()
    options.models = arguments.paths("models", models)
    options.min_accuracy = arguments.number_or_none("min_accuracy", min_accuracy)
    options.min_throughput = arguments.number_or_none("min_throughput", min_throughput)
    options.max_latency_ms = arguments.number_or_none("max_latency_ms", max_latency_ms)
    options.max_cost = arguments.number_or_none("max_cost", max_cost)
    options.calibration_items = arguments.integer("calibration_items", calibration_items)
    options.allow_lossy = arguments.flag("allow_lossy", allow_lossy)
    options.disabled_rules = arguments.texts("disabled_rules", disabled_rules)
    options.batch = max(arguments.integer("batch", batch), 1)
    options.repeats = arguments.integer("repeats", repeats)
    options.time_budget_s = arguments.number_or_none("time_budget_s", time_budget_s) or 0
    options.set_precisions(arguments.texts("precisions", precisions))
    if cache is not None:
        options.cache_folder = arguments.path("cache", cache)
    if prices is not None:
        options.set_instance(arguments.path("prices", prices), arguments.text("instance", instance))
    operators = native_operators(user_operators)
    on_progress = arguments.function_or_none("on_progress", on_progress)
    if profile is not None and not isinstance(profile, Profile):
        profile = Profile.load(arguments.path("profile", profile))
    if dataset is None and profile is not None:
        return PlanSet(_native.plan_profile(profile.native, options), profile)
    opened = dataset if isinstance(dataset, Dataset) else Dataset(arguments.path("dataset", dataset, _A_DATASET))
    given = profile.native if profile is not None else None
    plans, measured = _native.plan(opened.native, options, given, operators, on_progress)
    return PlanSet(plans, Profile(measured))
