"""Bindings of libsmol; the package smol is the interface."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy
import numpy.typing
from numpy.typing import NDArray


VERSION: str = '0.1.0'

def error_codes() -> list[str]:
    """The closed list of error codes."""

def is_retryable(code: str) -> bool:
    """Whether trying the same operation again may succeed."""

class ImageHeader:
    """What the header of a picture says, and what decoding costs depend on."""

    @property
    def format(self) -> str:
        """Name of the codec."""

    @property
    def width(self) -> int:
        """After the orientation."""

    @property
    def height(self) -> int:
        """After the orientation."""

    @property
    def stored_width(self) -> int: ...

    @property
    def stored_height(self) -> int: ...

    @property
    def orientation(self) -> int:
        """EXIF, 1 to 8."""

    @property
    def channels(self) -> int:
        """Stored channels without alpha: 1 gray, 3 colour, 4 CMYK."""

    @property
    def bits(self) -> int:
        """Bits a sample."""

    @property
    def alpha(self) -> bool: ...

    @property
    def palette(self) -> bool: ...

    @property
    def progressive(self) -> bool: ...

    @property
    def restart_interval(self) -> int: ...

    @property
    def chroma(self) -> tuple[int, int]:
        """Subsampling of chroma, (2, 2) for 4:2:0."""

    @property
    def compressed_bytes(self) -> int: ...

    @property
    def num_frames(self) -> int: ...

    @property
    def thumbnail(self) -> tuple[int, int] | None:
        """
        Width and height of the embedded thumbnail, as stored; None without one.
        """

    def __repr__(self) -> str: ...

def probe(picture: object) -> ImageHeader: ...

def decode(picture: object, scale: int, region: tuple[int, int, int, int] | None, fail_on: str, keep_orientation: bool, max_pixels: int | None) -> NDArray[numpy.uint8]: ...

class OpenVideo:
    def __init__(self, path: str) -> None: ...

    def read(self, numbers: Sequence[int], fidelity: str, threads: int, fail_on: str) -> list[NDArray[numpy.uint8]]: ...

    def tensors(self, numbers: Sequence[int], preprocessor: PicturePreprocessor, fidelity: str, threads: int, fail_on: str) -> numpy.typing.NDArray[Any]: ...

    def info(self) -> dict[str, Any]: ...

    def times_s(self) -> list[float]: ...

    def key_frames(self) -> list[int]: ...

    def frame_at(self, seconds: float) -> int: ...

def info() -> dict[str, Any]: ...

class UserOperator:
    """An operator of a third party."""

    @property
    def name(self) -> str: ...

def python_operator(name: str, apply: object, output_size: object | None, commutes_with_geometry: bool, operations_per_pixel: float) -> UserOperator: ...

class PicturePreprocessor:
    """Pictures to tensors. Thread-safe."""

    @staticmethod
    def from_text(text: str, fidelity: str, fail_on: str, max_pixels: int | None, user_operators: Sequence[UserOperator]) -> PicturePreprocessor: ...

    @staticmethod
    def from_card(card: ModelCard, fidelity: str, fail_on: str, max_pixels: int | None) -> PicturePreprocessor: ...

    @staticmethod
    def from_graph(yaml: str, folder: str, fidelity: str, fail_on: str, max_pixels: int | None, user_operators: Sequence[UserOperator]) -> PicturePreprocessor: ...

    @staticmethod
    def from_graph_file(path: str, fidelity: str, fail_on: str, max_pixels: int | None, user_operators: Sequence[UserOperator]) -> PicturePreprocessor: ...

    @staticmethod
    def from_plan(plan: Plan, fail_on: str, max_pixels: int | None) -> PicturePreprocessor: ...

    @property
    def shape(self) -> tuple[int, int, int]: ...

    @property
    def dtype(self) -> str: ...

    @property
    def layout(self) -> str: ...

    @property
    def color(self) -> str: ...

    @property
    def names(self) -> list[str]: ...

    def run_all(self, picture: object) -> dict[str, numpy.typing.NDArray[Any]]: ...

    def run(self, picture: object) -> numpy.typing.NDArray[Any]: ...

    def run_batch(self, pictures: Iterable[object], threads: int) -> numpy.typing.NDArray[Any]: ...

class ModelCard:
    """What a DNN file needs before and after it."""

    @property
    def name(self) -> str: ...

    @property
    def path(self) -> str:
        """Of the model file."""

    @property
    def card_path(self) -> str: ...

    @property
    def task(self) -> str: ...

    @property
    def backend(self) -> str: ...

    @property
    def input_name(self) -> str: ...

    @property
    def layout(self) -> str: ...

    @property
    def dtype(self) -> str: ...

    @property
    def color(self) -> str: ...

    @property
    def width(self) -> int: ...

    @property
    def height(self) -> int: ...

    @property
    def pipeline(self) -> list[str]:
        """The operators from the decoded picture to the input tensor, as text."""

    @property
    def output_name(self) -> str: ...

    @property
    def num_classes(self) -> int: ...

    @property
    def label_offset(self) -> int: ...

    @property
    def top_k(self) -> int: ...

    @property
    def labels(self) -> list[str]: ...

    @property
    def licence(self) -> str: ...

    @property
    def digest(self) -> str: ...

    def to_yaml(self) -> str: ...

    def __repr__(self) -> str: ...

def load_card(path: str, user_operators: Sequence[UserOperator]) -> ModelCard: ...

class Plan:
    """One way to run one model over one rendition."""

    @property
    def id(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def model_name(self) -> str: ...

    @property
    def backend(self) -> str: ...

    @property
    def precision(self) -> str: ...

    @property
    def rendition(self) -> str: ...

    @property
    def fidelity(self) -> str: ...

    @property
    def label(self) -> str: ...

    @property
    def pipeline(self) -> str: ...

    @property
    def semantic_hash(self) -> str: ...

    @property
    def throughput(self) -> tuple[float, float, float] | None: ...

    @property
    def accuracy(self) -> tuple[float, float, float] | None: ...

    @property
    def held_out_accuracy(self) -> tuple[float, float, float] | None: ...

    @property
    def predicted_throughput(self) -> float | None: ...

    @property
    def simulated(self) -> bool: ...

    @property
    def accuracy_is_agreement(self) -> bool: ...

    @property
    def batch(self) -> int: ...

    @property
    def host_workers(self) -> int: ...

    @property
    def streams(self) -> int: ...

    @property
    def hint(self) -> str: ...

    def reshaped(self, batch: int, host_workers: int, streams: int, latency: bool | None = None) -> Plan:
        """A copy that uses the machine otherwise; 0 and None keep what it has."""

class Profile:
    """A profile file."""

    @property
    def machine(self) -> str: ...

    @property
    def cores(self) -> int: ...

    @property
    def date(self) -> str: ...

    @property
    def overlap_exponents(self) -> list[float]: ...

    def to_yaml(self) -> str: ...

    def save(self, path: str) -> None: ...

def load_profile(path: str) -> Profile: ...

def parse_profile(yaml: str) -> Profile: ...

class PlanSet:
    """A plan file."""

    @property
    def machine(self) -> str: ...

    @property
    def smol_version(self) -> str: ...

    @property
    def date(self) -> str: ...

    @property
    def dataset(self) -> str: ...

    @property
    def calibration(self) -> str: ...

    @property
    def accuracy_kind(self) -> str: ...

    @property
    def held_out(self) -> str: ...

    @property
    def chosen(self) -> str: ...

    @property
    def constraint(self) -> str: ...

    @property
    def constraint_met(self) -> bool: ...

    @property
    def reason(self) -> str: ...

    @property
    def planning_seconds(self) -> float: ...

    def findings(self) -> list[str]: ...

    @property
    def plans(self) -> list[Plan]: ...

    @property
    def dominated(self) -> list[Plan]: ...

    def find(self, id: str) -> Plan: ...

    def report(self, profile: str | None) -> str: ...

    def to_yaml(self) -> str: ...

    def save(self, path: str) -> None: ...

def load_plans(path: str, user_operators: Sequence[UserOperator]) -> PlanSet: ...

def parse_plans(yaml: str, user_operators: Sequence[UserOperator]) -> PlanSet: ...

class Dataset:
    """Items x renditions with optional labels and regions."""

    @property
    def path(self) -> str: ...

    @property
    def renditions(self) -> list[tuple[str, str]]: ...

    @property
    def item_ids(self) -> list[str]: ...

    @property
    def labels(self) -> list[int]: ...

    @property
    def models(self) -> list[str]: ...

    @property
    def num_passed_over(self) -> int: ...

    def locate(self, rendition: str, item_id: str) -> str: ...

def open_dataset(path: str, frames: str) -> Dataset: ...

class ItemStream:
    """The items of one run."""

def items_of_dataset(dataset: Dataset, rendition: str, shard: int, num_shards: int) -> ItemStream: ...

def items_of_python(pictures: Iterable[object], size: int | None) -> ItemStream: ...

class ArrowColumns:
    """The columns of record batches; pyarrow.schema() takes it."""

    def __arrow_c_schema__(self) -> object: ...

class ArrowBatch:
    """A record batch; pyarrow.record_batch() takes it, once."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...

class RunOptions:
    def __init__(self, fail_on: str, max_pixels: int | None, ordered: bool, stage_times: bool, memory_bytes: int, max_failures: float) -> None: ...

class ParquetOptions:
    def __init__(self, resume: bool, retry_failed: bool, overwrite: bool, stage_times: bool, shard: int, num_shards: int) -> None: ...

class PlanOptions:
    def __init__(self) -> None: ...

    @property
    def models(self) -> list[str]: ...

    @models.setter
    def models(self, arg: Sequence[str], /) -> None: ...

    @property
    def min_accuracy(self) -> float | None: ...

    @min_accuracy.setter
    def min_accuracy(self, arg: float | None, /) -> None: ...

    @property
    def min_throughput(self) -> float | None: ...

    @min_throughput.setter
    def min_throughput(self, arg: float | None, /) -> None: ...

    @property
    def max_latency_ms(self) -> float | None: ...

    @max_latency_ms.setter
    def max_latency_ms(self, arg: float | None, /) -> None: ...

    @property
    def max_cost(self) -> float | None: ...

    @max_cost.setter
    def max_cost(self, arg: float | None, /) -> None: ...

    @property
    def calibration_items(self) -> int: ...

    @calibration_items.setter
    def calibration_items(self, arg: int, /) -> None: ...

    @property
    def allow_lossy(self) -> bool: ...

    @allow_lossy.setter
    def allow_lossy(self, arg: bool, /) -> None: ...

    @property
    def disabled_rules(self) -> list[str]: ...

    @disabled_rules.setter
    def disabled_rules(self, arg: Sequence[str], /) -> None: ...

    @property
    def repeats(self) -> int: ...

    @repeats.setter
    def repeats(self, arg: int, /) -> None: ...

    @property
    def time_budget_s(self) -> float: ...

    @time_budget_s.setter
    def time_budget_s(self, arg: float, /) -> None: ...

    @property
    def breakdown(self) -> bool: ...

    @breakdown.setter
    def breakdown(self, arg: bool, /) -> None: ...

    @property
    def cache_folder(self) -> str: ...

    @cache_folder.setter
    def cache_folder(self, arg: str, /) -> None: ...

    @property
    def batch(self) -> int: ...

    @batch.setter
    def batch(self, arg: int, /) -> None: ...

    def set_precisions(self, names: Sequence[str]) -> None: ...

    def set_instance(self, prices: str, name: str) -> None: ...

class Progress:
    """How far a run is."""

    @property
    def items(self) -> int: ...

    @property
    def errors(self) -> int: ...

    @property
    def skipped(self) -> int: ...

    @property
    def total(self) -> int | None: ...

    @property
    def seconds(self) -> float: ...

class RunReport:
    """What a run did."""

    @property
    def items(self) -> int: ...

    @property
    def skipped(self) -> int: ...

    @property
    def rows(self) -> int: ...

    @property
    def error_rows(self) -> int: ...

    @property
    def earlier_error_rows(self) -> int: ...

    @property
    def decodes(self) -> int: ...

    @property
    def thumbnails(self) -> int:
        """Of the decodes: embedded thumbnails in place of pictures."""

    @property
    def thumbnail_fallbacks(self) -> int:
        """Of the decodes: pictures, though a plan would take thumbnails."""

    @property
    def peak_memory_bytes(self) -> int: ...

    @property
    def errors_by_code(self) -> dict[str, int]: ...

    @property
    def seconds(self) -> float: ...

    @property
    def cpu_seconds(self) -> float: ...

    @property
    def throughput(self) -> float:
        """Items a second."""

    @property
    def host_workers(self) -> int: ...

    @property
    def streams(self) -> int: ...

    @property
    def runnable_threads(self) -> int:
        """Threads that may want a core at the same time."""

    @property
    def batch(self) -> int: ...

    @property
    def worker_wait_seconds(self) -> float: ...

    @property
    def device_idle_fraction(self) -> float: ...

    @property
    def cancelled(self) -> bool: ...

    @property
    def stage_us(self) -> dict[str, float]:
        """Mean microseconds an item, by stage."""

    def __repr__(self) -> str: ...

def exact_plan(card: str, rendition: str, items: ItemStream, batch: int, user_operators: Sequence[UserOperator]) -> Plan: ...

def plan(dataset: Dataset, options: PlanOptions, profile: Profile | None, user_operators: Sequence[UserOperator], on_progress: object | None) -> tuple[PlanSet, Profile]: ...

def plan_profile(profile: Profile, options: PlanOptions) -> PlanSet: ...

def write_parquet(plans: Sequence[Plan], items: ItemStream, options: RunOptions, path: str, output: ParquetOptions, user_operators: Sequence[UserOperator], on_progress: object | None) -> RunReport: ...

class RowStream:
    """A run whose rows are taken batch by batch."""

    def __init__(self, plans: Sequence[Plan], items: ItemStream, options: RunOptions, user_operators: Sequence[UserOperator]) -> None: ...

    def next(self) -> ArrowBatch | None: ...

    def close(self) -> None: ...

    def columns(self) -> ArrowColumns: ...

    def report(self) -> RunReport | None: ...
