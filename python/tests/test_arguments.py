# SPDX-License-Identifier: Apache-2.0
"""Arguments of wrong types: errors that name the argument and say what is allowed."""

from __future__ import annotations

import json

import numpy as np
import pytest
import smol

GRAPH = {"format": 1, "nodes": {"tiny": {"operators": [{"resize": {"width": 8, "height": 8}}]}}, "outputs": ["tiny"]}
TEXT = "resize(size=8x8)"


def calls(card, photos, data):
    """Each with the words that its error must hold."""
    preprocessor = smol.Preprocessor(TEXT)
    dataset = smol.Dataset(photos)
    return [
        (lambda: smol.decode(data, scale="2"), "scale", "whole number", "'2'"),
        (lambda: smol.decode(data, scale=0.5), "scale", "whole number"),
        (lambda: smol.decode(data, region=5), "region", "x, y, width, height"),
        (lambda: smol.decode(data, region="0,0,9,9"), "region", "x, y, width, height"),
        (lambda: smol.decode(data, region=(0, 0, 1.5, 9)), "width of region", "whole number"),
        (lambda: smol.decode(data, fail_on=None), "fail_on", "text"),
        (lambda: smol.decode(data, keep_orientation="yes"), "keep_orientation", "True or False"),
        (lambda: smol.decode(data, max_pixels="many"), "max_pixels", "whole number"),
        (lambda: smol.load_card(5), "path", "os.PathLike"),
        (lambda: smol.load_card(card, user_operators=5), "user_operators", "list of smol.UserOperator"),
        (lambda: smol.load_card(card, user_operators=[print]), "user_operators[0]", "smol.UserOperator"),
        (lambda: smol.Preprocessor(5), "source", "model card", "Plan", "operators as text"),
        (lambda: smol.Preprocessor(b"card.yaml"), "source", "model card"),
        (lambda: smol.Preprocessor(TEXT, fidelity=1), "fidelity", "text"),
        (lambda: smol.Preprocessor(TEXT, fail_on=1), "fail_on", "text"),
        (lambda: smol.Preprocessor(TEXT, max_pixels=1.5), "max_pixels", "whole number"),
        (lambda: preprocessor.batch(5), "pictures", "list of pictures"),
        (lambda: preprocessor.batch("photo.jpg"), "pictures", "list of pictures"),
        (lambda: preprocessor.batch([], threads="2"), "threads", "whole number"),
        (lambda: smol.PreprocessGraph(5), "source", "path", "dict"),
        (lambda: smol.PreprocessGraph({"format": object()}), "source", "dicts, lists, texts and numbers"),
        (lambda: smol.PreprocessGraph(GRAPH, fidelity=5), "fidelity", "text"),
        (lambda: smol.Dataset(5), "path", "os.PathLike"),
        (lambda: dataset.locate(5), "item_id", "text"),
        (lambda: dataset.locate("00.jpg", rendition=5), "rendition", "text"),
        (lambda: smol.PlanSet.load(5), "path", "os.PathLike"),
        (lambda: smol.PlanSet.from_yaml(5), "text"),
        (lambda: smol.plan(5), "dataset", "smol.Dataset", "path"),
        (lambda: smol.plan(photos, models=card), "models", "list of paths"),
        (lambda: smol.plan(photos, models=[5]), "models[0]", "path"),
        (lambda: smol.plan(photos, models=[card], min_accuracy="high"), "min_accuracy", "number"),
        (lambda: smol.plan(photos, models=[card], min_throughput=[]), "min_throughput", "number"),
        (lambda: smol.plan(photos, models=[card], calibration_items=1.5), "calibration_items", "whole number"),
        (lambda: smol.plan(photos, models=[card], allow_lossy=0), "allow_lossy", "True or False"),
        (lambda: smol.plan(photos, models=[card], precisions="f32"), "precisions", "list of texts"),
        (lambda: smol.plan(photos, models=[card], disabled_rules=[1]), "disabled_rules[0]", "text"),
        (lambda: smol.plan(photos, models=[card], batch="4"), "batch", "whole number"),
        (lambda: smol.plan(photos, models=[card], repeats=None), "repeats", "whole number"),
        (lambda: smol.plan(photos, models=[card], on_progress=5), "on_progress", "function"),
        (lambda: smol.run(5, photos), "plan", "PlanSet", "model card"),
        (lambda: smol.run([5], photos), "plan", "PlanSet", "model card"),
        (lambda: smol.run(card, 5), "source", "path", "smol.Dataset"),
        (lambda: smol.run(card, data), "source", "path", "smol.Dataset"),
        (lambda: smol.run(card, photos, output=5), "output", "path"),
        (lambda: smol.run(card, photos, output="x", resume=1), "resume", "True or False"),
        (lambda: smol.run(card, photos, output="x", retry_failed=1), "retry_failed", "True or False"),
        (lambda: smol.run(card, photos, output="x", overwrite=1), "overwrite", "True or False"),
        (lambda: smol.run(card, photos, plan_id=5), "plan_id", "text"),
        (lambda: smol.run(card, photos, rendition=5), "rendition", "text"),
        (lambda: smol.run(card, photos, batch="4"), "batch", "whole number"),
        (lambda: smol.run(card, photos, workers=1.5), "workers", "whole number"),
        (lambda: smol.run(card, photos, streams="1"), "streams", "whole number"),
        (lambda: smol.run(card, photos, ordered="yes"), "ordered", "True or False"),
        (lambda: smol.run(card, photos, stage_times=1), "stage_times", "True or False"),
        (lambda: smol.run(card, photos, fail_on=5), "fail_on", "text"),
        (lambda: smol.run(card, photos, max_failures="1%"), "max_failures", "number"),
        (lambda: smol.run(card, photos, max_pixels="1M"), "max_pixels", "whole number"),
        (lambda: smol.run(card, photos, memory="1G"), "memory", "whole number"),
        (lambda: smol.run(card, photos, shard=3), "shard", "i, n"),
        (lambda: smol.run(card, photos, output="x", on_progress=5), "on_progress", "function"),
        (lambda: smol.UserOperator(5), "name", "text"),
        (lambda: smol.UserOperator("x", 5), "function"),
        (lambda: smol.UserOperator("x", commutes_with_geometry=5), "commutes_with_geometry", "True or False"),
        (lambda: smol.UserOperator("x", operations_per_pixel="few"), "operations_per_pixel", "number"),
    ]


def test_wrong_types_name_the_argument(card, photos, jpeg):
    for call, name, *allowed in calls(card, photos, jpeg(1)):
        with pytest.raises(TypeError) as raised:
            call()
        message = str(raised.value)
        assert message.startswith(name) and all(word in message for word in allowed), message


def test_wrong_pictures_say_what_a_picture_is(jpeg):
    for call in (smol.probe, smol.decode, smol.Preprocessor(TEXT), smol.PreprocessGraph(GRAPH)):
        with pytest.raises(smol.InvalidArgumentError, match="a picture is a path"):
            call(5)
    with pytest.raises(smol.InvalidArgumentError, match="given a decoded picture"):
        smol.decode(np.zeros((4, 4, 3), np.uint8))


def test_numbers_of_numpy_are_numbers(jpeg, card, photos):
    data = jpeg(1)
    assert smol.decode(data, scale=np.int64(2)).shape == (35, 45, 3)
    assert smol.decode(data, region=np.array([0, 0, 9, 5])).shape == (5, 9, 3)
    assert smol.decode(data, region=[0, 0, 9, 5], keep_orientation=np.True_).shape == (5, 9, 3)
    assert sum(batch.num_rows for batch in smol.run(card, photos, batch=np.int32(2), max_failures=np.float32(1))) == 20
    with pytest.raises(ValueError, match="region"):
        smol.decode(data, region=(1, 2, 3))
    with pytest.raises(ValueError, match="scale"):
        smol.decode(data, scale=2**40)


def test_sources_that_are_not_there(tmp_path, jpeg):
    for kind in (smol.PreprocessGraph, smol.Preprocessor):
        with pytest.raises(smol.NotFoundError, match=r"source.* is .*(dict|operators as text).*: nosuch"):
            kind("nosuch")
    with pytest.raises(smol.IoError, match="Is a directory"):
        smol.PreprocessGraph(tmp_path)
    (tmp_path / "photo.jpg").write_bytes(jpeg(1))
    with pytest.raises(smol.InvalidArgumentError, match="this is a picture .* where a preprocessing graph is expected"):
        smol.PreprocessGraph(tmp_path / "photo.jpg")
    with pytest.raises(smol.InvalidArgumentError, match="this is a picture .* where a model card is expected"):
        smol.Preprocessor(tmp_path / "photo.jpg")


def test_graphs_as_text(jpeg):
    text = json.dumps(GRAPH, indent=1)
    np.testing.assert_array_equal(
        smol.PreprocessGraph(text)(jpeg(1))["tiny"], smol.PreprocessGraph(GRAPH)(jpeg(1))["tiny"]
    )
