"""smol plan: which plans may be chosen, and plan files that are moved."""

import json
import os
import pathlib

from conftest import picture, smol, smol_json, write_model, write_simulated_model


def write_dataset(folder: pathlib.Path) -> pathlib.Path:
    """Large pictures, so that reduced fidelities are worth measuring, with small ones as a second rendition."""
    for name, size in {"full": (1024, 768), "thumbs": (80, 60)}.items():
        (folder / name).mkdir()
        for i in range(8):
            picture(i, *size).save(folder / name / f"{i}.jpg")
    (folder / "dataset.yaml").write_text("renditions: {full: {path: full}, thumb: {path: thumbs}}\n")
    return folder / "dataset.yaml"


def write_embedding(folder: pathlib.Path) -> pathlib.Path:
    """A model whose answers are no labels."""
    card = write_model(folder, "embedding")
    text = card.read_text().replace("task: classification", "task: embedding")
    card.write_text(text.replace("output: {activation: none, classes: 10}\n", ""))
    return card


def test_plans_without_an_accuracy_must_not_change_answers(tmp_path):
    dataset, card = write_dataset(tmp_path), write_embedding(tmp_path)
    arguments = ("plan", dataset, "--models", card, "--repeats", 1)
    plans = smol_json(*arguments)
    assert plans["accuracy_kind"] == "none"
    (only,) = plans["plans"]
    assert (only["fidelity"], only["rendition"], only["precision"]) == ("exact", "full", "as_stored")
    assert plans["chosen"] == only["id"]
    assert any(plan["label"] == "lossy" for plan in plans["dominated"])
    assert any(plan["rendition"] == "thumb" for plan in plans["dominated"])
    told = smol(*arguments).stdout
    assert "only plans that cannot change answers" in told and f"Others ({len(plans['dominated'])})" in told
    # Labels of the dataset are no measure of an embedding, either.
    (tmp_path / "labels.csv").write_text("item,label\n" + "".join(f"{i}.jpg,1\n" for i in range(8)))
    dataset.write_text(dataset.read_text() + "labels: labels.csv\n")
    plans = smol_json(*arguments)
    assert [plan["fidelity"] for plan in plans["plans"]] == ["exact"] and plans["accuracy_kind"] == "none"
    refused = smol(*arguments, "--min-accuracy", 0.5, check=False)
    assert refused.returncode != 0 and "could be measured" in refused.stderr


def test_classifiers_beside_embeddings_keep_their_accuracy(tmp_path):
    dataset = write_dataset(tmp_path)
    cards = [write_embedding(tmp_path), write_model(tmp_path, "classifier", seed=5)]
    plans = smol_json("plan", dataset, "--models", *cards, "--repeats", 1)
    for plan in plans["plans"] + plans["dominated"]:
        assert (plan["accuracy"] is not None) == (plan["model"] == "classifier")


def test_plan_files_work_from_every_folder(card, tmp_path):
    write_dataset(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    words = ("--models", card.name, "--repeats", 1, "-o", "elsewhere/plans.yaml")
    smol("plan", "dataset.yaml", *words, cwd=tmp_path)
    for folder, plans in ((tmp_path, "elsewhere/plans.yaml"), (tmp_path / "elsewhere", "plans.yaml")):
        assert "preprocessing alone" in smol("explain", plans, cwd=folder).stdout
    relative = os.path.relpath(tmp_path, pathlib.Path.cwd())
    smol("explain", f"{relative}/elsewhere/plans.yaml")


def test_preprocessing_is_measured_alone(card, tmp_path):
    plans = smol_json("plan", write_dataset(tmp_path), "--models", card, "--repeats", 1)
    for plan in plans["plans"] + plans["dominated"]:
        assert plan["preprocess_throughput"] > 0


def test_a_changed_device_voids_its_plans_and_rows(photos, tmp_path):
    card = write_simulated_model(tmp_path)
    smol("run", card, photos, "-o", tmp_path / "out")
    smol("plan", photos, "--models", card, "--repeats", 1, "-o", tmp_path / "plans.yaml")
    assert smol_json("run", card, photos, "-o", tmp_path / "out", "--resume")["skipped"] == 24
    # What the file is called, and from where, is no part of its meaning.
    (tmp_path / "device.yaml").rename(tmp_path / "machine.yaml")
    card.write_text(card.read_text().replace("device.yaml", "machine.yaml"))
    done = smol("run", card.name, photos, "-o", "out", "--resume", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["skipped"] == 24
    device = tmp_path / "machine.yaml"
    device.write_text(device.read_text().replace("pictures_per_s: {1: 500}", "pictures_per_s: {1: 700}"))
    assert smol_json("run", card, photos, "-o", tmp_path / "out", "--resume")["rows"] == 24
    refused = smol("run", tmp_path / "plans.yaml", photos, "-o", tmp_path / "other", check=False)
    assert refused.returncode != 0 and "plan again" in refused.stderr
