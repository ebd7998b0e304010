# SPDX-License-Identifier: Apache-2.0
"""Running plans: rows as Arrow record batches, or Parquet files."""

from __future__ import annotations

import atexit
import os
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, overload

import numpy as np
import numpy.typing as npt

from smol import _native, arguments
from smol._native import Progress, RunReport
from smol.errors import Error, InvalidArgumentError, NotFoundError
from smol.operators import UserOperator, native_operators
from smol.pictures import Encoded, FailOn
from smol.plans import Dataset, Plan, PlanSet

if TYPE_CHECKING:
    import pyarrow as pa

PathLike = str | os.PathLike[str]
AnyPlan = Plan | PlanSet | PathLike
Hint = Literal["latency", "throughput"]
Picture = Encoded | npt.NDArray[np.uint8]
Regions = Mapping[str, tuple[int, int, int, int]]
Item = PathLike | tuple[str, Picture] | tuple[str, Picture, Regions] | tuple[str, Picture, Regions, tuple[int, int]]
AnySource = PathLike | Dataset | Iterable[Item]


class Run:
    """A run in progress: iterating gives `pyarrow.RecordBatch`es as they come.

    The run is a few batches ahead of who iterates and then waits, so memory stays bounded. Leaving the loop early is
    fine: the threads stop when the run is closed or no longer referred to. It is also a context manager, and an Arrow
    stream for whoever takes one (`pyarrow.table(run)`, polars, DuckDB). It can be iterated once.
    """

    def __init__(self, native: _native.RowStream) -> None:
        self._native = native
        _open_runs.add(self)

    @property
    def schema(self) -> pa.Schema:
        """The columns."""
        import pyarrow

        return pyarrow.schema(self._native.columns())

    @property
    def report(self) -> RunReport | None:
        """What the run did; None until all rows were taken."""
        return self._native.report()

    def close(self) -> None:
        """Stops the run. Rows not taken yet are dropped."""
        self._native.close()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        import pyarrow

        batch = self._native.next()
        if batch is None:
            raise StopIteration
        return pyarrow.record_batch(batch)

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> Any:
        import pyarrow

        return pyarrow.RecordBatchReader.from_batches(self.schema, self).__arrow_c_stream__(requested_schema)


_open_runs: weakref.WeakSet[Run] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Threads of a run must not call into an interpreter that is going away."""
    for run_in_progress in list(_open_runs):
        run_in_progress.close()


@overload
def run(
    plan: AnyPlan | Sequence[AnyPlan],
    source: AnySource,
    *,
    output: None = None,
    plan_id: str = "",
    rendition: str | None = None,
    batch: int = 0,
    workers: int = 0,
    streams: int = 0,
    hint: Hint | None = None,
    ordered: bool = False,
    stage_times: bool = False,
    fail_on: FailOn = "truncated",
    max_failures: float = 1.0,
    max_pixels: int | None = None,
    memory: int = 0,
    shard: tuple[int, int] = (0, 1),
    user_operators: Sequence[UserOperator] = (),
) -> Run: ...


@overload
def run(
    plan: AnyPlan | Sequence[AnyPlan],
    source: AnySource,
    *,
    output: PathLike,
    resume: bool = False,
    retry_failed: bool = False,
    overwrite: bool = False,
    plan_id: str = "",
    rendition: str | None = None,
    batch: int = 0,
    workers: int = 0,
    streams: int = 0,
    hint: Hint | None = None,
    ordered: bool = False,
    stage_times: bool = False,
    fail_on: FailOn = "truncated",
    max_failures: float = 1.0,
    max_pixels: int | None = None,
    memory: int = 0,
    shard: tuple[int, int] = (0, 1),
    user_operators: Sequence[UserOperator] = (),
    on_progress: Callable[[Progress], None] | None = None,
) -> RunReport: ...


def run(
    plan: AnyPlan | Sequence[AnyPlan],
    source: AnySource,
    *,
    output: PathLike | None = None,
    resume: bool = False,
    retry_failed: bool = False,
    overwrite: bool = False,
    plan_id: str = "",
    rendition: str | None = None,
    batch: int = 0,
    workers: int = 0,
    streams: int = 0,
    hint: Hint | None = None,
    ordered: bool = False,
    stage_times: bool = False,
    fail_on: FailOn = "truncated",
    max_failures: float = 1.0,
    max_pixels: int | None = None,
    memory: int = 0,
    shard: tuple[int, int] = (0, 1),
    user_operators: Sequence[UserOperator] = (),
    on_progress: Callable[[Progress], None] | None = None,
) -> Run | RunReport:
    """Runs a plan over pictures.

    Args:
        plan: a `Plan`; a `PlanSet` or a plan file (their chosen plan, or `plan_id`); a model card (its exact plan).
            Several in a list share one reading and decoding.
        source: a folder, picture, list or dataset file; a `Dataset`; or an iterable, which may be a generator, of paths
            and of pairs (id, picture), a picture being a path, encoded bytes or an array (height, width, 3) of uint8.
            An item with regions is a triple (id, picture, {name: (x, y, width, height)}) and has a row for each; where
            they are in pixels of a larger form of the picture, (id, picture, regions, (width, height)) says its size.
        output: a folder for Parquet part files, or one file ending in .parquet. The run is then done when this returns.
        resume, overwrite: what to do when the output exists: skip the items whose rows are there, or replace it.
        retry_failed: with `resume`, items whose rows are errors are run again; the new rows replace the old ones.
        plan_id: which plan of a plan file.
        rendition: of the dataset; the plan's by default.
        batch, workers, streams: override the plan's use of the machine; 0 keeps it. A model card says no batch: of 5000
            items and more (if the source knows how many it has) the fastest is measured first, else it is 1.
        hint: "latency": one picture at a time on all cores, for the shortest answer; None keeps the plan's.
        ordered: rows in the order of the source.
        stage_times: a column of microseconds for each stage.
        fail_on: how strict decoding is. A picture that fails gets a row with its error; it never stops the run.
        max_failures: the fraction of failed items past which the run does stop.
        max_pixels: larger pictures are refused; None is 2**28.
        memory: bound in bytes on batch buffers, pictures being decoded and rows on their way; 0: a quarter of the
            machine's.
        shard: (i, n) takes every n-th item of a dataset, beginning with the i-th.
        user_operators: operators of your own that cards or plans name.
        on_progress: called about ten times a second; with `output` only.

    Returns:
        A `Run` to iterate, or with `output` the `RunReport`.
    """
    operators = native_operators(user_operators)
    options = _native.RunOptions(
        arguments.text("fail_on", fail_on),
        arguments.integer_or_none("max_pixels", max_pixels),
        arguments.flag("ordered", ordered),
        arguments.flag("stage_times", stage_times),
        arguments.integer("memory", memory, 2**63 - 1),
        arguments.number("max_failures", max_failures),
    )
    part, parts = arguments.integers("shard", shard, ("i", "n"))
    parquet = _native.ParquetOptions(
        arguments.flag("resume", resume),
        arguments.flag("retry_failed", retry_failed),
        arguments.flag("overwrite", overwrite),
        stage_times,
        part,
        parts,
    )
    on_progress = arguments.function_or_none("on_progress", on_progress)
    folder = None if output is None else arguments.path("output", output)
    rendition = None if rendition is None else arguments.text("rendition", rendition)
    shape = [arguments.integer(*given) for given in (("batch", batch), ("workers", workers), ("streams", streams))]
    if hint not in (None, "latency", "throughput"):
        raise InvalidArgumentError(f"hint must be 'latency', 'throughput' or None: {hint!r}")
    latency = None if hint is None else hint == "latency"
    plan_id = arguments.text("plan_id", plan_id)
    plans_or_cards = [_find_plan(entry, plan_id, operators) for entry in _list_plans(plan)]
    items = _open_items(source, plans_or_cards, rendition, (part, parts))
    plans = [
        entry
        if isinstance(entry, _native.Plan)
        else _native.exact_plan(entry, rendition or "full", items, shape[0], operators)
        for entry in plans_or_cards
    ]
    plans = [entry.reshaped(shape[0], shape[1], shape[2], latency) for entry in plans]
    if folder is None:
        return Run(_native.RowStream(plans, items, options, operators))
    return _native.write_parquet(plans, items, options, folder, parquet, operators, on_progress)


_A_PLAN: Final = "a Plan, a PlanSet, or the path of a plan file or model card"


def _list_plans(plan: AnyPlan | Sequence[AnyPlan]) -> list[AnyPlan]:
    """One plan, or several, as a list."""
    if isinstance(plan, (Plan, PlanSet, str, os.PathLike)):
        return [plan]
    if isinstance(plan, bytes) or not isinstance(plan, Iterable):
        raise arguments.wrong_type("plan", f"{_A_PLAN}, or a list of these", plan)
    plans = list(plan)
    if not plans:
        raise InvalidArgumentError("a run needs at least one plan")
    return plans


def _find_plan(plan: AnyPlan, plan_id: str, operators: list[_native.UserOperator]) -> _native.Plan | str:
    """The plan, or the path of the model card that it is to be made from."""
    if isinstance(plan, Plan):
        return plan.native
    if isinstance(plan, PlanSet):
        return plan.native.find(plan_id)
    path = arguments.path("plan", plan, _A_PLAN)
    try:
        plans = _native.load_plans(path, operators)
    except NotFoundError:
        raise
    except Error as not_plans:
        try:
            _native.load_card(path, operators)
        except Error as not_a_card:
            raise InvalidArgumentError(
                f"neither a plan file ({not_plans.message}) nor a model card ({not_a_card.message}): {path}"
            ) from None
        return path
    return plans.find(plan_id)


def _open_items(
    source: AnySource, plans: Sequence[_native.Plan | str], rendition: str | None, shard: tuple[int, int]
) -> _native.ItemStream:
    if isinstance(source, (str, os.PathLike)):
        source = Dataset(source)
    if not isinstance(source, (Dataset, Iterable)) or isinstance(source, (bytes, bytearray, memoryview)):
        raise arguments.wrong_type("source", "a path, a smol.Dataset, or pictures one after the other", source)
    if not isinstance(source, Dataset):
        if shard != (0, 1):
            raise InvalidArgumentError("shard= is for datasets; hand each process its own items instead")
        size = len(source) if isinstance(source, Sized) else None
        return _native.items_of_python(source, size)
    return _native.items_of_dataset(source.native, _choose_rendition(source, plans, rendition), *shard)


def _choose_rendition(dataset: Dataset, plans: Sequence[_native.Plan | str], wanted: str | None) -> str:
    """The rendition that the plans were made for; a dataset with only one stands for any."""
    names = list(dataset.renditions)
    made_for = {entry.rendition for entry in plans if isinstance(entry, _native.Plan)}
    if wanted is None and len(made_for) > 1:
        raise InvalidArgumentError(f"plans of one run share a rendition; these use: {', '.join(sorted(made_for))}")
    if wanted is None and len(names) > 1 and made_for:
        return made_for.pop()
    return wanted if wanted is not None else names[0]
