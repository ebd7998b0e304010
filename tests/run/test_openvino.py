"""Answers of real models over real photographs: labels, and scores beside damaged files."""

import csv
import os
import pathlib
import shutil

import numpy as np
import pytest

from conftest import smol, smol_json

DATA = pathlib.Path(os.environ.get("SMOL_DATA_DIR", pathlib.Path(__file__).parents[3] / "shared" / "data"))
PHOTOS = DATA / "imagenet-sample"

pytestmark = pytest.mark.skipif(not PHOTOS.exists(), reason="needs the data folder")


@pytest.fixture(autouse=True)
def needs_openvino():
    """A build may lack the back-end."""
    if "openvino" not in {entry["name"] for entry in smol_json("info")["backends"] if entry["available"]}:
        pytest.skip("this build has no OpenVINO")


def card_of(model: str, folder: pathlib.Path) -> pathlib.Path:
    """The card as smol drafts it."""
    card = folder / "card.yaml"
    smol("inspect", DATA / "models" / model, "--card", "-o", card)
    return card


def copy_photos(folder: pathlib.Path, count: int) -> list[str]:
    """Evenly spaced over the classes; returns their names."""
    folder.mkdir()
    names = sorted(file.name for file in PHOTOS.glob("*.JPEG"))
    chosen = names[:: len(names) // count][:count]
    for name in chosen:
        shutil.copy(PHOTOS / name, folder / name)
    return chosen


@pytest.mark.parametrize(
    ("model", "column", "tolerance"),
    [
        ("mobilenet_v1_0.25_128_quant.tflite", "top_scores", 0.0),  # whole numbers of 8 bits
        ("mobilefacenet_112x96.onnx", "embedding", 1e-4),  # float32; other batches may sum in another order
    ],
)
def test_scores_beside_damaged_files_are_those_of_a_clean_run(tmp_path, rows_of, model, column, tolerance):
    names = copy_photos(tmp_path / "photos", 60)
    card = card_of(model, tmp_path)
    smol("run", card, tmp_path / "photos", "-o", tmp_path / "clean", "--batch", "4")
    damaged = names[7::20]
    for i, name in enumerate(damaged):
        whole = (tmp_path / "photos" / name).read_bytes()
        (tmp_path / "photos" / name).write_bytes([b"", whole[: len(whole) // 2], b"no picture at all"][i])
    words = ["run", card, tmp_path / "photos", "-o", tmp_path / "beside", "--batch", "4", "--max-failures", "100%"]
    report = smol_json(*words)
    assert report["error_rows"] == len(damaged) == 3
    clean = {row["item"]: row for row in rows_of(tmp_path / "clean").values()}
    beside = {row["item"]: row for row in rows_of(tmp_path / "beside").values()}
    assert {name for name, row in beside.items() if row["status"] == "error"} == set(damaged)
    for name in set(names) - set(damaged):
        assert beside[name]["label"] == clean[name]["label"]
        np.testing.assert_allclose(beside[name][column], clean[name][column], rtol=0, atol=tolerance)


def test_an_int8_model_knows_what_the_photographs_show(tmp_path, rows_of):
    """88 % of them are stated for this model; by chance it would be 0.1 %."""
    names = copy_photos(tmp_path / "photos", 80)
    with (PHOTOS / "labels.csv").open() as stream:
        truth = {row["file"]: int(row["label"]) for row in csv.DictReader(stream)}
    card = card_of("mobilenet_v2_1.0_224_quant.tflite", tmp_path)
    smol("run", card, tmp_path / "photos", "-o", tmp_path / "out")
    labels = {row["item"]: row["label"] for row in rows_of(tmp_path / "out").values()}
    right = sum(labels[name] == truth[name] for name in names)
    assert right >= 0.8 * len(names), f"{right} of {len(names)}"
