"""Writes small networks and NumPy's answers for them: make_models.py FOLDER.

dynamic.onnx, dynamic.xml   convolution, ReLU, mean, matrix product; open batch; [N,3,16,16] -> [N,10]
constant_reshape.onnx       the same with batch 1 and a Reshape to the constant [1,8]
folding.onnx                batch 1 and a Reshape to [1,-1,4], into which a batch folds silently
mixing.onnx                 adds the mean over the batch: cannot be batched
shuffle.onnx                a channel shuffle with constant shapes, the batch folded into its first dimension
identity.onnx               [N,3,16,16] -> the same
picture.u8, small.f32       a picture 40 x 30, interleaved, and Pillow's bilinear resize to 16 x 16, planar
input.f32, output.f32       8 pictures and the answers of `dynamic` for them
"""

import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

sys.modules["openvino_telemetry"] = None  # it would report our use of OpenVINO to its makers
import openvino  # noqa: E402

folder = pathlib.Path(sys.argv[1])
random = np.random.default_rng(7)
kernel = (random.standard_normal((8, 3, 3, 3)) * 0.3).astype(np.float32)
weights = random.standard_normal((8, 10)).astype(np.float32)


def save(name, nodes, constants, batch, output_shape):
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, 3, 16, 16])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, output_shape)],
        [numpy_helper.from_array(value, key) for key, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.save(model, folder / f"{name}.onnx")


def shape(*dimensions):
    return np.array(dimensions, np.int64)


features = [
    helper.make_node("Conv", ["input", "kernel"], ["conv"], pads=[1, 1, 1, 1]),
    helper.make_node("Relu", ["conv"], ["relu"]),
    helper.make_node("GlobalAveragePool", ["relu"], ["pool"]),
]
product = helper.make_node("MatMul", ["flat", "weights"], ["output"])
base = {"kernel": kernel, "weights": weights}
save("dynamic", [*features, helper.make_node("Flatten", ["pool"], ["flat"]), product], base, "N", ["N", 10])
reshape = helper.make_node("Reshape", ["pool", "shape"], ["flat"])
save("constant_reshape", [*features, reshape, product], base | {"shape": shape(1, 8)}, 1, [1, 10])
fold = helper.make_node("Reshape", ["relu", "shape"], ["output"])
save("folding", [*features[:2], fold], {"kernel": kernel, "shape": shape(1, -1, 4)}, 1, [1, 512, 4])
mixing = [
    helper.make_node("Flatten", ["pool"], ["flat"]),
    helper.make_node("ReduceMean", ["flat"], ["mean"], axes=[0], keepdims=1),
    helper.make_node("Add", ["flat", "mean"], ["output"]),
]
save("mixing", [*features, *mixing], {"kernel": kernel}, 1, [1, 8])
shuffle = [
    helper.make_node("Reshape", ["relu", "grouped"], ["groups"]),
    helper.make_node("Transpose", ["groups"], ["swapped"], perm=[1, 0, 2]),
    helper.make_node("Reshape", ["swapped", "halves"], ["both"]),
    helper.make_node("Gather", ["both", "zero"], ["output"], axis=0),
]
constants = {
    "kernel": kernel,
    "grouped": shape(4, 2, 256),
    "halves": shape(2, -1, 4, 16, 16),
    "zero": np.array(0, np.int64),
}
save("shuffle", [*features[:2], *shuffle], constants, 1, [1, 4, 16, 16])
save("identity", [helper.make_node("Identity", ["input"], ["output"])], {}, "N", ["N", 3, 16, 16])
openvino.save_model(openvino.Core().read_model(folder / "dynamic.onnx"), folder / "dynamic.xml", compress_to_fp16=False)

picture = random.integers(0, 256, (30, 40, 3), np.uint8)
picture.tofile(folder / "picture.u8")
small = np.asarray(Image.fromarray(picture).resize((16, 16), Image.Resampling.BILINEAR))
small.transpose(2, 0, 1).astype(np.float32).tofile(folder / "small.f32")

pictures = (random.standard_normal((8, 3, 16, 16)) + np.arange(8).reshape(8, 1, 1, 1) * 0.3).astype(np.float32)
padded = np.pad(pictures, ((0, 0), (0, 0), (1, 1), (1, 1)))
windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
convolved = np.einsum("nchwyx,fcyx->nfhw", windows.astype(np.float64), kernel.astype(np.float64))
answers = np.maximum(convolved, 0).mean(axis=(2, 3)) @ weights
pictures.tofile(folder / "input.f32")
answers.astype(np.float32).tofile(folder / "output.f32")
