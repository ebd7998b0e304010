"""What `inspect` says of pictures and models, and the model cards that it drafts."""

import json
import os
import pathlib

import pytest

from conftest import smol, smol_json, write_model, write_pictures

DATA = pathlib.Path(os.environ.get("SMOL_DATA_DIR", pathlib.Path(__file__).parents[3] / "shared" / "data"))


@pytest.fixture
def folder(tmp_path):
    """models/net.refmodel without a card, an empty folder cards/, a picture and a text."""
    write_pictures(tmp_path, 1)
    (tmp_path / "notes.txt").write_text("notes")
    for name in ("models", "cards"):
        (tmp_path / name).mkdir()
    write_model(tmp_path / "models", "net").unlink()
    return tmp_path


@pytest.mark.parametrize("name", ["000.jpg", "notes.txt", "models"])
def test_only_models_have_cards(folder, name):
    done = smol("inspect", name, "--card", check=False, cwd=folder)
    assert done.returncode == 2 and not done.stdout
    assert "of a model file (" in done.stderr and ".refmodel" in done.stderr and name in done.stderr


def test_cards_are_drafted_one_at_a_time(folder):
    done = smol("inspect", "models/net.refmodel", "models/net.refmodel", "--card", check=False, cwd=folder)
    assert done.returncode == 2 and "one card at a time" in done.stderr
    done = smol("inspect", "000.jpg", "-o", "card.yaml", check=False, cwd=folder)
    assert done.returncode == 2 and "--card" in done.stderr


def test_cards_in_json(folder):
    done = smol("inspect", "models/net.refmodel", "--card", "--json", cwd=folder)
    answer = json.loads(done.stdout)
    assert answer["backend"] == "reference" and any("RGB" in line for line in answer["assumptions"])
    card = answer["card"]
    assert (card["name"], card["input"]["width"], card["output"]["classes"]) == ("net", 32, 10)
    (folder / "cards" / "net.yaml").write_text(json.dumps(card))  # every JSON text is YAML
    smol("preprocess", folder / "000.jpg", "--model", folder / "cards" / "net.yaml", "-o", folder / "x.npy")


@pytest.mark.parametrize("where", [".", "models", "cards"])
def test_drafted_cards_find_their_model(folder, where):
    model = os.path.relpath(folder / "models" / "net.refmodel", folder / where)
    drafted = smol("inspect", model, "--card", cwd=folder / where).stdout
    for place in ("models", "cards"):
        (folder / place / "printed.yaml").write_text(drafted)
        smol("preprocess", "000.jpg", "--model", f"{place}/printed.yaml", "-o", "x.npy", cwd=folder)
        card = folder / place / f"written_in_{pathlib.Path(where).name}.yaml"
        smol("inspect", model, "--card", "-o", os.path.relpath(card, folder / where), cwd=folder / where)
        assert f"\nfile: {os.path.relpath(folder / 'models' / 'net.refmodel', folder / place)}\n" in card.read_text()
        smol("preprocess", "000.jpg", "--model", card, "-o", "x.npy", cwd=folder)


def test_written_cards_move_with_their_models(folder):
    smol("inspect", "models/net.refmodel", "--card", "-o", "models/net.yaml", cwd=folder)
    (folder / "models").rename(folder / "moved")
    smol("preprocess", "000.jpg", "--model", "moved/net.yaml", "-o", "x.npy", cwd=folder)


def test_no_card_is_replaced(folder):
    (folder / "net.yaml").write_text("by hand")
    done = smol("inspect", "models/net.refmodel", "--card", "-o", "net.yaml", check=False, cwd=folder)
    assert done.returncode == 2 and "by hand" in done.stderr
    assert (folder / "net.yaml").read_text() == "by hand"


def test_several_files_are_one_list(folder):
    files = [folder / name for name in ("000.jpg", "models/net.refmodel", "models/none.refmodel")]
    done = smol("inspect", *files, "--json", check=False)
    answers = json.loads(done.stdout)
    assert done.returncode == 1
    assert [answer.get("format") or answer.get("backend") or answer["error"]["code"] for answer in answers] == [
        "jpeg",
        "reference",
        "not_found",
    ]


@pytest.mark.skipif(not (DATA / "models").exists(), reason="needs the data folder")
@pytest.mark.parametrize(
    ("model", "task"),
    [
        ("yunet_n_640_640.onnx", "raw"),
        ("ultralight-rfb-320.onnx", "raw"),
        ("fastestdet.onnx", "raw"),
        ("mobilefacenet_112x96.onnx", "embedding"),
        ("mobilenet_v2_1.0_224_quant.tflite", "classification"),
    ],
)
def test_tasks_of_known_models(model, task):
    if "openvino" not in {entry["name"] for entry in smol_json("info")["backends"] if entry["available"]}:
        pytest.skip("needs OpenVINO")
    assert smol_json("inspect", DATA / "models" / model, "--card")["card"]["task"] == task
