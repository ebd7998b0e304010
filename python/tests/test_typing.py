# SPDX-License-Identifier: Apache-2.0
"""The package is typed, and the stub says what the extension module is."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import smol
from smol import _native

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "python" / "smol"


@pytest.mark.skipif(importlib.util.find_spec("nanobind") is None, reason="nanobind writes the stub")
def test_the_stub_is_up_to_date(tmp_path):
    """Else: python -m nanobind.stubgen -m smol._native -o python/smol/_native.pyi"""
    fresh = tmp_path / "_native.pyi"
    words = [sys.executable, "-m", "nanobind.stubgen", "-q", "-m", "smol._native", "-o", str(fresh)]
    subprocess.run(words, check=True, timeout=120)
    assert (PACKAGE / "_native.pyi").read_text() == fresh.read_text(), test_the_stub_is_up_to_date.__doc__


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_strict_types(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import smol\nfrom typing import assert_type\n"
        "plans = smol.plan('dataset.yaml', min_accuracy=0.9)\n"
        "for plan in plans:\n    assert_type(plan.accuracy, smol.Estimate | None)\n"
        "assert_type(smol.run(plans, 'photos'), smol.Run)\n"
        "assert_type(smol.run(plans, [('a', b'')], output='out'), smol.RunReport)\n"
        "assert_type(smol.Preprocessor('card.yaml').shape, tuple[int, int, int])\n"
        "assert_type(smol.Error('message').code, str)\n"
    )
    words = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(tmp_path)]
    done = subprocess.run([*words, str(PACKAGE), str(program)], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_typed_marker_and_docs():
    assert (Path(smol.__file__).parent / "py.typed").exists()
    undocumented = [name for name in smol.__all__ if not name.startswith("__") and not getattr(smol, name).__doc__]
    assert not undocumented
    assert _native.__doc__
