# SPDX-License-Identifier: Apache-2.0
"""Dataset, plan(), PlanSet: measured plans, the choice under constraints, plan files."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
from xml.etree import ElementTree

import pyarrow as pa
import pytest
import smol
from PIL import Image


@pytest.fixture
def labelled(make_card, photos, tmp_path):
    """A dataset with two renditions; its labels are the answers of the slower of two models."""
    accurate, fast = make_card("accurate", delay_us=3000), make_card("fast", seed=11)
    (tmp_path / "small").mkdir()
    for path in photos.iterdir():
        image = Image.open(path)
        image.resize((image.width // 2, image.height // 2)).save(tmp_path / "small" / (path.stem + ".png"))
    rows = pa.table(smol.run(accurate, photos)).to_pylist()
    lines = [f"{row['item']},{row['label']}" for row in rows if row["item"] != "07.jpg"]
    (tmp_path / "labels.csv").write_text("item,label\n" + "\n".join(lines) + "\n")
    dataset = tmp_path / "dataset.yaml"
    dataset.write_text(
        "renditions: {full: {path: photos}, half: {path: small}}\nlabels: labels.csv\n"
        f"models: [{accurate.name}, {fast.name}]\n"
    )
    return dataset


def test_dataset(labelled, photos):
    dataset = smol.Dataset(labelled)
    assert list(dataset.renditions) == ["full", "half"] and len(dataset) == len(dataset.item_ids) == 20
    assert dataset.labels[7] is None and dataset.labels.count(None) == 1
    assert os.path.samefile(dataset.locate("03.png"), photos / "03.png")
    assert dataset.locate("00.jpg", "half").endswith("00.png")
    assert [os.path.basename(model) for model in dataset.models] == ["accurate.yaml", "fast.yaml"]
    assert smol.Dataset(photos).labels is None and "20 items" in repr(dataset)
    with pytest.raises(smol.NotFoundError, match="no rendition 'tiny'; it has: full, half"):
        dataset.locate("00.jpg", "tiny")


QUICK = {"repeats": 1, "allow_lossy": False, "batch": 2, "disabled_rules": ["coefficient_bits_14"]}


@pytest.fixture
def plans(labelled):
    return smol.plan(labelled, **QUICK)


def test_plan_gives_the_frontier(plans):
    assert plans.chosen in plans and plans.accuracy_kind == "labels" and plans.calibration.startswith("19 of 19")
    assert len(plans) + len(plans.dominated) == 4
    rates = [plan.throughput.value for plan in plans]
    accuracies = [plan.accuracy.value for plan in plans]
    assert rates == sorted(rates, reverse=True) and accuracies == sorted(accuracies)
    best = plans["accurate/full/exact"]
    assert best.accuracy.value == 1 and best.accuracy.low < 1 and not best.accuracy_is_agreement
    assert (best.rendition, best.fidelity, best.precision, best.batch) == ("full", "exact", "as_stored", 2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        best.id = "other"
    with pytest.raises(smol.NotFoundError, match="accurate/full/exact"):
        plans["nonsense"]


def test_constraints(labelled):
    # 19 of 19 right: the interval begins at 83 %, so that much is claimed and no more.
    assert smol.plan(labelled, min_accuracy=0.8, **QUICK).chosen.id.startswith("accurate/full")
    undecided = smol.plan(labelled, min_accuracy=0.99, **QUICK)
    assert (
        not undecided.constraint_met and "undecided, needs about" in undecided.reason and "labels" in undecided.reason
    )
    assert smol.plan(labelled, min_throughput=1, **QUICK).chosen.accuracy.value == 1
    plans = smol.plan(labelled, min_throughput=1e9, **QUICK)
    assert not plans.constraint_met and "preprocessing alone reaches" in plans.reason and len(plans) > 0
    with pytest.raises(smol.InvalidArgumentError, match="none is chosen.*no plan reaches"):
        plans.chosen  # noqa: B018
    with pytest.raises(smol.InvalidArgumentError, match="f32"):
        smol.plan(labelled, precisions=["f33"])


def test_reports(plans, tmp_path):
    page = plans.report()
    root = ElementTree.fromstring(page)
    shown = {"".join(code.itertext()) for code in root.iterfind(".//tbody/tr/td/div/code")}
    assert shown == {plan.id for plan in (*plans, *plans.dominated)}
    profile = tmp_path / "profile.yaml"
    profile.write_text("format: 1\ncores: 2\nbreakdown:\n  - {rendition: full, model: unheard of, fused_us: 100}\n")
    assert "unheard of" in plans.report(profile) and "unheard of" not in page
    with pytest.raises(smol.Error, match="none.yaml"):
        plans.report(tmp_path / "none.yaml")
    with pytest.raises(TypeError, match="profile must be a path"):
        plans.report(5)


def test_plan_files(plans, labelled, photos, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    path = tmp_path / "elsewhere" / "plans.yaml"
    plans.save(path)
    loaded = smol.PlanSet.load(path)
    assert [plan.id for plan in loaded] == [plan.id for plan in plans] and loaded.chosen.id == plans.chosen.id
    assert loaded.chosen.throughput == plans.chosen.throughput
    assert os.path.samefile(loaded.chosen.model, plans.chosen.model)
    assert smol.PlanSet.from_yaml(plans.to_yaml()).to_yaml() == plans.to_yaml()
    for plan in (loaded, path, loaded["accurate/full/exact"]):
        assert pa.table(smol.run(plan, photos)).num_rows == 20
    table = pa.table(smol.run(path, labelled, plan_id="accurate/half/exact"))
    assert set(table.column("rendition").to_pylist()) == {"half"}
    with pytest.raises(smol.InvalidArgumentError, match="share a rendition"):
        smol.run([loaded["accurate/full/exact"], plans["accurate/half/exact"]], labelled)
    (tmp_path / "wrong.yaml").write_text("format: 99\nplans: []\n")
    with pytest.raises(smol.Error, match="wrong.yaml"):
        smol.PlanSet.load(tmp_path / "wrong.yaml")


def test_a_plan_feeds_tensors(plans, photos, card):
    preprocessor = smol.Preprocessor(plans["accurate/full/exact"])
    tensors = preprocessor.batch(sorted(photos.iterdir()))
    assert (tensors == smol.Preprocessor(card).batch(sorted(photos.iterdir()))).all()


def test_progress(labelled):
    steps: list[tuple[str, float, float]] = []
    smol.plan(labelled, **QUICK, on_progress=lambda *step: steps.append(step))
    assert (
        steps
        and steps[-1][1] > steps[0][1] >= 0
        and steps[-1][2] >= 0
        and "accurate" in "".join(step[0] for step in steps)
    )

    def fail(*_):
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        smol.plan(labelled, **QUICK, on_progress=fail)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_accuracy": 7}, "fraction 0..1: 7"),
        ({"min_accuracy": -0.1}, "fraction 0..1"),
        ({"min_accuracy": float("nan")}, "fraction 0..1"),
        ({"min_throughput": 0}, "more than 0"),
        ({"min_throughput": float("inf")}, "more than 0"),
        ({"repeats": 0}, "at least once"),
        ({"calibration_items": -1}, "calibration items"),
    ],
)
def test_requests_are_checked_before_anything_is_measured(labelled, options, message):
    steps: list[str] = []
    with pytest.raises(smol.InvalidArgumentError, match=message):
        smol.plan(labelled, **{**QUICK, **options}, on_progress=lambda what, done, total: steps.append(what))
    assert not steps


def test_ctrl_c_while_planning(labelled):
    code = "import smol, sys\ntry:\n  smol.plan(sys.argv[1], repeats=99)\nexcept KeyboardInterrupt:\n  sys.exit(42)\n"
    with subprocess.Popen([sys.executable, "-c", code, str(labelled)], stderr=subprocess.PIPE) as process:
        try:
            process.wait(2.5)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        assert process.wait(20) == 42, process.stderr.read()
