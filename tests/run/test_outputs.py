"""What `decode` and `preprocess` write: names of outputs, damaged pictures, failures to write."""

import os

import numpy as np
import pytest

from conftest import smol, smol_json, write_model, write_pictures

GRAPH = """\
format: 1
nodes:
  tiny: {operators: [{resize: {width: 8, height: 8}}]}
  small: {operators: [{resize: {width: 16, height: 16}}]}
outputs: [tiny, small]
"""


@pytest.fixture
def folder(tmp_path):
    """A picture, half of it, a model and a graph."""
    write_pictures(tmp_path, 1)
    whole = (tmp_path / "000.jpg").read_bytes()
    (tmp_path / "half.jpg").write_bytes(whole[: len(whole) // 2])
    write_model(tmp_path, "card")
    (tmp_path / "graph.yaml").write_text(GRAPH)
    return tmp_path


@pytest.mark.parametrize("source", [("--model", "card.yaml", "-o", "x.npy"), ("--graph", "graph.yaml", "-o", "x")])
def test_tensors_of_truncated_pictures_are_marked(folder, source):
    done = smol("preprocess", "half.jpg", *source, "--fail-on", "none", cwd=folder)
    assert "ends early" in done.stderr and "half.jpg" in done.stderr
    done = smol("preprocess", "000.jpg", *source, "--fail-on", "none", cwd=folder)
    assert not done.stderr
    words = [folder / word if "." in word or word == "x" else word for word in source]
    assert smol_json("preprocess", folder / "half.jpg", *words, "--fail-on", "none")["status"] == "truncated"
    assert smol_json("preprocess", folder / "000.jpg", *words, "--fail-on", "none")["status"] == "ok"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["preprocess", "000.jpg", "--model", "card.yaml", "-o", "t.txt"], "must end in .npy: t.txt"),
        (["preprocess", "000.jpg", "--model", "card.yaml", "-o", "tensor"], "must end in .npy: tensor"),
        (["preprocess", "000.jpg", "--graph", "graph.yaml", "-o", "g.npy"], "go into a folder"),
        (["preprocess", "000.jpg", "--graph", "graph.yaml", "-o", "g.txt"], "go into a folder"),
        (["decode", "000.jpg", "-o", "x.bmp"], "must end in one of .png, .ppm, .jpg, .jpeg, .npy: x.bmp"),
        (["decode", "000.jpg", "-o", "x"], "must end in one of .png, .ppm, .jpg, .jpeg, .npy: x"),
    ],
)
def test_outputs_of_other_kinds_are_refused(folder, arguments, says):
    done = smol(*arguments, check=False, cwd=folder)
    assert done.returncode == 2 and says in done.stderr, done.stderr
    assert not (folder / arguments[-1]).exists()


def test_folders_may_have_dots(folder):
    smol("preprocess", "000.jpg", "--graph", "graph.yaml", "-o", "tensors.v1/", cwd=folder)
    smol("preprocess", "000.jpg", "--graph", "graph.yaml", "-o", "tensors.v1", cwd=folder)
    assert np.load(folder / "tensors.v1" / "tiny.npy").shape == (3, 8, 8)


@pytest.mark.parametrize("name", ["x.PNG", "x.Npy", "x.JPG"])
def test_extensions_may_be_in_upper_case(folder, name):
    smol("decode", "000.jpg", "-o", name, cwd=folder)
    if name.lower().endswith(".npy"):
        smol("preprocess", "000.jpg", "--model", "card.yaml", "-o", name, cwd=folder)
    assert (folder / name).stat().st_size > 0


@pytest.mark.parametrize("name", ["nowhere/x.png", "nowhere/x.npy"])
def test_failures_to_write_say_why(folder, name):
    done = smol("decode", "000.jpg", "-o", name, check=False, cwd=folder)
    assert done.returncode == 1 and os.strerror(2) in done.stderr, done.stderr
    if name.endswith(".npy"):
        done = smol("preprocess", "000.jpg", "--model", "card.yaml", "-o", name, check=False, cwd=folder)
        assert done.returncode == 1 and os.strerror(2) in done.stderr, done.stderr
