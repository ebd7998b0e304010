# SPDX-License-Identifier: Apache-2.0
"""Networks exported to ONNX by PyTorch and scikit-learn give the frameworks' own answers in a run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import smol

SIDE = 24
CARD = """\
format: 1
file: {file}
task: classification
input: {{name: {input}, layout: NCHW, dtype: f32, width: 24, height: 24, color: RGB}}
preprocess: {{resize: {{width: 24, height: 24}}, mean: 128, scale: 64}}
output: {{name: {output}, activation: none, classes: 5}}
"""

pytestmark = pytest.mark.skipif(
    not any(entry["name"] == "openvino" and entry["available"] for entry in smol.info()["backends"]),
    reason="executes with OpenVINO",
)


def pictures() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (30, SIDE, SIDE, 3), dtype=np.uint8)


def tensors() -> np.ndarray:
    return ((pictures().astype(np.float32) - 128) / 64).transpose(0, 3, 1, 2).copy()


def scores_of(card: Path, batch: int) -> np.ndarray:
    """The scores of all classes, by item and class."""
    items = [(f"{i:02}", picture) for i, picture in enumerate(pictures())]
    rows = pa.table(smol.run(card, items, ordered=True, batch=batch)).to_pylist()
    scores = np.zeros((len(rows), 5), np.float32)
    for i, row in enumerate(rows):
        assert row["status"] == "ok", row
        scores[i, row["top_labels"]] = row["top_scores"]
    return scores


# argv: folder.
EXPORT_FROM_TORCH = """
import sys
import numpy, torch
folder = sys.argv[1]
torch.manual_seed(3)
layers = torch.nn
net = layers.Sequential(
    layers.Conv2d(3, 8, 3, stride=2, padding=1), layers.BatchNorm2d(8), layers.Hardswish(),
    layers.Conv2d(8, 8, 3, groups=8), layers.SiLU(), layers.AdaptiveAvgPool2d(1), layers.Flatten(), layers.Linear(8, 5),
)
for layer in net:
    if isinstance(layer, layers.BatchNorm2d):
        layer.running_mean.uniform_(-1, 1)
        layer.running_var.uniform_(0.5, 2)
net.eval()
inputs = torch.from_numpy(numpy.load(folder + "/inputs.npy"))
numpy.save(folder + "/outputs.npy", net(inputs).detach().numpy())
axes = {"picture": {0: "batch"}, "logits": {0: "batch"}}
names = {"input_names": ["picture"], "output_names": ["logits"], "dynamic_axes": axes}
torch.onnx.export(net, (inputs[:1],), folder + "/net.onnx", dynamo=False, **names)
"""


def test_pytorch(tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("torch")
    np.save(tmp_path / "inputs.npy", tensors())
    # In a process of its own: here smol has loaded OpenVINO.
    words = [sys.executable, "-W", "ignore", "-c", EXPORT_FROM_TORCH, str(tmp_path)]
    subprocess.run(words, check=True, timeout=300)
    (tmp_path / "net.yaml").write_text(CARD.format(file="net.onnx", input="picture", output="logits"))
    for batch in (1, 4):
        np.testing.assert_allclose(
            scores_of(tmp_path / "net.yaml", batch), np.load(tmp_path / "outputs.npy"), atol=2e-4
        )


def test_scikit_learn(tmp_path):
    pytest.importorskip("skl2onnx")
    import onnx
    from onnx import TensorProto, compose, helper, numpy_helper
    from skl2onnx import to_onnx
    from sklearn.neural_network import MLPClassifier

    flat = tensors().reshape(30, -1)
    model = MLPClassifier((16,), max_iter=3, random_state=1)
    for _ in range(3):
        model.partial_fit(flat, np.arange(30) % 5, classes=range(5))
    exported = to_onnx(model, flat[:1], options={"zipmap": False}, target_opset=17)
    probabilities = onnx.utils.Extractor(exported).extract_model(["X"], ["probabilities"])
    # scikit-learn takes rows of numbers; a picture becomes one.
    rows = helper.make_graph(
        [helper.make_node("Reshape", ["picture", "shape"], ["row"])],
        "rows",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("row", TensorProto.FLOAT, ["batch", 3 * SIDE * SIDE])],
        [numpy_helper.from_array(np.array([0, -1], np.int64), "shape")],
    )
    front = helper.make_model(rows, opset_imports=list(probabilities.opset_import), ir_version=probabilities.ir_version)
    onnx.save(compose.merge_models(front, probabilities, io_map=[("row", "X")]), tmp_path / "mlp.onnx")
    (tmp_path / "mlp.yaml").write_text(CARD.format(file="mlp.onnx", input="picture", output="probabilities"))
    for batch in (1, 4):
        np.testing.assert_allclose(scores_of(tmp_path / "mlp.yaml", batch), model.predict_proba(flat), atol=2e-4)
