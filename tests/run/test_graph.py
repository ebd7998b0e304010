"""Preprocessing graphs in YAML: several tensors from one decode, each equal to its branch run alone."""

import json
import pathlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from conftest import smol, smol_json, write_model

GRAPH = """\
format: 1
nodes:
  small: {operators: [{resize: {short_side: 48}}]}
  center: {from: small, operators: [{center_crop: {width: 32, height: 32}}, {convert: u8}, {layout: NHWC}]}
  corner:
    from: small
    operators: [{crop: {x: 0, y: 0, width: 32, height: 32}}, {normalize: {mean: 127, scale: 128}}]
  tiny: {model: tiny.yaml}
outputs: [center, corner, tiny]
"""


@pytest.fixture
def graph(tmp_path: pathlib.Path) -> pathlib.Path:
    write_model(tmp_path)
    (tmp_path / "graph.yaml").write_text(GRAPH)
    return tmp_path / "graph.yaml"


def test_outputs_equal_pillow_and_the_model_alone(graph, photos, tmp_path):
    path = photos / "001.jpg"
    smol("preprocess", path, "--graph", graph, "-o", tmp_path / "out")
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    long = int(48 * max(image.size) / min(image.size))
    image = image.resize((48, long) if image.width < image.height else (long, 48), Image.Resampling.BILINEAR)
    left, top = round((image.width - 32) / 2), round((image.height - 32) / 2)
    center = np.asarray(image.crop((left, top, left + 32, top + 32)))
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "center.npy"), center)
    corner = np.asarray(image.crop((0, 0, 32, 32))).astype(np.float32).transpose(2, 0, 1)
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "corner.npy"), (corner - 127) * np.float32(1 / 128))
    smol("preprocess", path, "--model", tmp_path / "tiny.yaml", "-o", tmp_path / "alone.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "tiny.npy"), np.load(tmp_path / "alone.npy"))


def test_branches_alone_give_the_same(graph, photos, tmp_path):
    for path in sorted(photos.iterdir())[:6]:
        together = smol_json("preprocess", path, "--graph", graph, "-o", tmp_path / "all", "--region", "5,4,40,42")
        assert [pathlib.Path(output["output"]).name for output in together["outputs"]] == [
            "center.npy",
            "corner.npy",
            "tiny.npy",
        ]
        for name in ("center", "corner"):
            other = {"center": "corner", "corner": "center"}[name]
            lines = [line for line in GRAPH.splitlines() if "tiny" not in line and "outputs" not in line]
            text = "\n".join(lines).split("  corner:")[0] if other == "corner" else "\n".join(lines)
            alone = tmp_path / f"{name}.yaml"
            if other == "center":
                text = "\n".join(line for line in text.splitlines() if not line.startswith("  center:"))
            alone.write_text(text + f"\noutputs: [{name}]\n")
            smol("preprocess", path, "--graph", alone, "-o", tmp_path / "one", "--region", "5,4,40,42")
            np.testing.assert_array_equal(
                np.load(tmp_path / "one" / f"{name}.npy"), np.load(tmp_path / "all" / f"{name}.npy")
            )


def test_explain_tells_of_every_output(graph, photos):
    text = smol("explain", graph, "--input", photos).stdout
    for name in ("center", "corner", "tiny"):
        assert f"output {name} of 3, over one decode" in text
    assert text.count("chosen: exact") == 3
    assert len(smol_json("explain", graph, "--input", photos)["outputs"]) == 3
    assert "--input" in smol("explain", graph, check=False).stderr


WRONG = {
    "unknown key 'size'": ("from: small\n", "from: small\n    size: 3\n"),
    "of node corner: unknown node 'smalle', did you mean 'small'? Allowed: picture, center, corner, small, tiny": (
        "from: small\n",
        "from: smalle\n",
    ),
    "in a circle": ("small: {", "small: {from: center, "),
    "leads to no output": ("outputs: [center, corner, tiny]", "outputs: [center, corner]"),
    "line 9: unknown node 'centre', did you mean 'center'? Allowed: center, corner, small, tiny": (
        "outputs: [center,",
        "outputs: [centre,",
    ),
    "named twice": ("outputs: [center,", "outputs: [center, center,"),
    "at least one node": ("outputs: [center, corner, tiny]", "outputs: []"),
    "two nodes of this name": ("  small: {", "  center: {operators: [orient]}\n  small: {"),
    "choose another name": ("  small: {", "  picture: {operators: [orient]}\n  small: {"),
    "a model, which ends its branch": ("from: small\n", "from: tiny\n"),
    "needs either 'operators' or 'model'": ("{model: tiny.yaml}", "{}"),
    "has both 'operators' and 'model'": ("{model: tiny.yaml}", "{model: tiny.yaml, operators: [orient]}"),
    "node tiny, line 8: 'model': cannot open file (No such file or directory)": ("tiny.yaml", "absent.yaml"),
    "node tiny, line 8: 'model': this is a picture (jpeg) where a model card is expected": (
        "tiny.yaml",
        "photos/001.jpg",
    ),
    "line 3: unknown operator 'resise', did you mean 'resize'? Allowed: orient, center_crop, color": (
        "resize",
        "resise",
    ),
    "line 4: unknown key 'widht', did you mean 'width'? Allowed: width, height": ("width", "widht"),
    "line 4: this operator needs arguments, as {center_crop: ...}": (
        "{center_crop: {width: 32, height: 32}}",
        "center_crop",
    ),
    "line 4: layout must be one of NHWC, NCHW: NHCW": ("NHWC", "NHCW"),
    "this is a model card where a preprocessing graph is expected": ("nodes:", "file: x\nnode:"),
    "leave 'from' out": ("{model: tiny.yaml}", "{model: tiny.yaml, from: small}"),
    "output corner": ("{normalize: {mean: 127, scale: 128}}", "{layout: NHWC}, {resize: {short_side: 9}}"),
    "format 1": ("format: 1", "format: 2"),
    "missing key 'outputs'": ("outputs: [center, corner, tiny]", ""),
}


@pytest.mark.parametrize("message", WRONG)
def test_what_is_wrong_with_a_graph_is_said(graph, photos, tmp_path, message):
    before, after = WRONG[message]
    assert before in GRAPH
    graph.write_text(GRAPH.replace(before, after, 1))
    done = smol("preprocess", photos / "001.jpg", "--graph", graph, "-o", tmp_path / "out", check=False)
    assert done.returncode != 0 and message in done.stderr, done.stderr


def test_fidelity_is_one_for_all_outputs(graph, tmp_path):
    large = tmp_path / "large.jpg"
    Image.radial_gradient("L").convert("RGB").resize((900, 700)).save(large)
    done = smol("preprocess", large, "--graph", graph, "-o", tmp_path / "out", "--fidelity", "blurred", check=False)
    assert "there are: exact" in done.stderr
    exact = smol_json("preprocess", large, "--graph", graph, "-o", tmp_path / "exact")
    scaled = smol_json("preprocess", large, "--graph", graph, "-o", tmp_path / "scaled", "--fidelity", "scale8")
    assert all("scale=1/8" in output["pipeline"] for output in scaled["outputs"])
    assert {json.dumps(o["shape"]) for o in exact["outputs"]} == {json.dumps(o["shape"]) for o in scaled["outputs"]}
    assert "either --model or --graph" in smol("preprocess", large, "-o", tmp_path / "x", check=False).stderr
