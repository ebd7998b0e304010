# SPDX-License-Identifier: Apache-2.0
"""Preprocessor against Pillow; arrays, batches, threads, DLPack; operators written in Python."""

from __future__ import annotations

import io
import json
import pickle
import threading
import time

import numpy as np
import pytest
import smol
from PIL import Image, ImageOps

TEXT = "resize(short_side=64) | center_crop(56x56) | normalize(mean=127, scale=128)"


def resized(image: Image.Image, short: int = 64, side: int = 56) -> np.ndarray:
    """torchvision's Resize and CenterCrop, by Pillow."""
    width, height = image.size
    long = int(short * max(width, height) / min(width, height))
    image = image.resize((short, long) if width < height else (long, short), Image.Resampling.BILINEAR)
    left, top = round((image.width - side) / 2), round((image.height - side) / 2)
    return np.asarray(image.crop((left, top, left + side, top + side)).convert("RGB"))


def normalized(pixels: np.ndarray) -> np.ndarray:
    return ((pixels.astype(np.float32) - np.float32(127)) * (np.float32(1) / np.float32(128))).transpose(2, 0, 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_equals_pillow(jpeg, orientation):
    data = jpeg(orientation, 150, 110, orientation)
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    tensor = smol.Preprocessor(TEXT)(data)
    assert tensor.shape == (3, 56, 56) and tensor.dtype == np.float32
    np.testing.assert_array_equal(tensor, normalized(resized(image)))
    pixels = smol.Preprocessor("resize(short_side=64) | center_crop(56x56) | layout(NHWC)")(data)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, resized(image))


def test_arrays_are_pictures(picture):
    image = picture(4, 150, 110)
    pixels = np.asarray(image)
    preprocessor = smol.Preprocessor(TEXT)
    expected = normalized(resized(image))
    np.testing.assert_array_equal(preprocessor(pixels), expected)
    wide = np.zeros((110, 300, 4), np.uint8)
    wide[:, ::2, :3] = pixels
    np.testing.assert_array_equal(preprocessor(wide[:, ::2, :3]), expected)
    np.testing.assert_array_equal(preprocessor(pixels[:, :, ::-1][:, :, ::-1]), expected)
    gray = np.asarray(image.convert("L"))
    np.testing.assert_array_equal(preprocessor(gray), preprocessor(gray[..., None]))
    for wrong in (pixels.astype(np.float32), pixels[..., :2], pixels[0, 0], np.zeros((0, 5, 3), np.uint8)):
        with pytest.raises(smol.InvalidArgumentError, match="uint8"):
            preprocessor(wrong)


def test_cards_and_text_agree(card, jpeg):
    from_card = smol.Preprocessor(card)
    assert from_card.shape == (32, 32, 3) and from_card.dtype == np.uint8
    from_text = smol.Preprocessor("resize(short_side=36) | center_crop(32x32) | layout(NHWC)")
    np.testing.assert_array_equal(from_card(jpeg(1)), from_text(jpeg(1)))
    np.testing.assert_array_equal(smol.Preprocessor(smol.load_card(card))(jpeg(1)), from_card(jpeg(1)))


def test_reduced_fidelity_by_name(jpeg):
    data = jpeg(1, 900, 700)
    with pytest.raises(smol.NotFoundError, match="there are: exact"):
        smol.Preprocessor(TEXT, fidelity="blurred")(data)
    reduced = smol.Preprocessor(TEXT, fidelity="scale4")(data)
    exact = smol.Preprocessor(TEXT)(data)
    assert 0 < np.abs(reduced - exact).mean() < 0.05


def test_batch_equals_single_pictures(photos, jpeg, picture):
    preprocessor = smol.Preprocessor(TEXT)
    pictures = [*sorted(photos.iterdir()), jpeg(3), np.asarray(picture(4, 80, 60))]
    stacked = preprocessor.batch(pictures)
    assert stacked.shape == (22, 3, 56, 56)
    for tensor, one in zip(stacked, pictures, strict=True):
        np.testing.assert_array_equal(tensor, preprocessor(one))
    np.testing.assert_array_equal(preprocessor.batch(pictures, threads=7), stacked)
    assert preprocessor.batch([]).shape == (0, 3, 56, 56)
    with pytest.raises(smol.UnsupportedError, match="picture 2 of the batch"):
        preprocessor.batch([jpeg(1), jpeg(2), b"not a picture, by far", jpeg(3)])


def test_threads_do_not_disturb_each_other(photos):
    preprocessor = smol.Preprocessor(TEXT)
    paths = sorted(photos.iterdir())
    expected = [preprocessor(path) for path in paths]
    wrong: list[int] = []

    def work(start: int) -> None:
        for i in range(start, start + 40):
            if not np.array_equal(preprocessor(paths[i % 20]), expected[i % 20]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_the_lock_is_released(jpeg):
    """While one thread decodes a large picture, this one counts. With the lock held it could not, however often it
    tries; on a busy machine it may get few turns, so it tries again."""
    data = jpeg(1, 4000, 3000)

    def steps_of_one_decoding() -> int:
        done = threading.Event()
        thread = threading.Thread(target=lambda: (smol.decode(data), done.set()))
        thread.start()
        steps = 0
        while not done.is_set():
            time.sleep(0.001)
            steps += 1
        thread.join()
        return steps

    assert any(steps_of_one_decoding() > 5 for _ in range(50))


def test_dlpack_shares_memory(jpeg):
    tensor = smol.Preprocessor(TEXT)(jpeg(1))
    shared = np.from_dlpack(tensor)
    assert shared.ctypes.data == tensor.ctypes.data and tensor.ctypes.data % 64 == 0


def test_pickles(jpeg):
    copy = pickle.loads(pickle.dumps(smol.Preprocessor(TEXT)))
    np.testing.assert_array_equal(copy(jpeg(1)), smol.Preprocessor(TEXT)(jpeg(1)))


class Mirror(smol.UserOperator):
    """Keeps its arguments, to see that they stay valid."""

    name = "mirror"

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[np.ndarray] = []

    def apply(self, picture):
        self.seen.append(picture)
        return picture[:, ::-1]


def test_user_operators(picture):
    pixels = np.asarray(picture(4, 40, 30))
    mirror = Mirror()
    preprocessor = smol.Preprocessor("user(mirror) | crop(size=40x30) | layout(NHWC)", user_operators=[mirror])
    np.testing.assert_array_equal(preprocessor(pixels), pixels[:, ::-1])
    np.testing.assert_array_equal(preprocessor(255 - pixels), 255 - pixels[:, ::-1])
    np.testing.assert_array_equal(mirror.seen[0], pixels)
    invert = smol.UserOperator("invert", lambda p: 255 - p, commutes_with_geometry=True, operations_per_pixel=3)
    inverted = smol.Preprocessor("user(invert) | crop(size=40x30) | layout(NHWC)", user_operators=[invert])
    np.testing.assert_array_equal(inverted(pixels), 255 - pixels)


class Halve(smol.UserOperator):
    name = "halve"

    def output_size(self, width, height):
        return width // 2, height // 2

    def apply(self, picture):
        return picture[::2, ::2]


def test_user_operators_that_change_the_size(picture):
    pixels = np.asarray(picture(4, 40, 30))
    halve = smol.Preprocessor("user(halve) | crop(size=20x15) | layout(NHWC)", user_operators=[Halve()])
    np.testing.assert_array_equal(halve(pixels), pixels[::2, ::2])


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda p: p[:-1], "returned 40x29 where its output_size"),
        (lambda p: p.astype(np.float32), "the result must be uint8"),
        (lambda p: p[..., 0], "with shape"),
        (lambda p: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_user_operators_that_fail(picture, function, message):
    operator = smol.UserOperator("wrong", function)
    preprocessor = smol.Preprocessor("user(wrong) | crop(size=40x30)", user_operators=[operator])
    with pytest.raises(smol.InvalidArgumentError, match=message):
        preprocessor(np.asarray(picture(4, 40, 30)))


def test_pipelines_are_checked():
    for text, message in [
        ("resize(short_side=64)", "size"),
        ("center_crop(8x8) | blur(3)", "blur"),
        ("user(absent) | center_crop(8x8)", "absent"),
    ]:
        with pytest.raises(smol.Error, match=message):
            smol.Preprocessor(text)


GRAPH = {
    "format": 1,
    "nodes": {
        "small": {"operators": [{"resize": {"short_side": 64}}]},
        "center": {"from": "small", "operators": [{"center_crop": {"width": 56, "height": 56}}, {"convert": "u8"}]},
        "tensor": {
            "from": "small",
            "operators": [{"center_crop": {"width": 56, "height": 56}}, {"normalize": {"mean": 127, "scale": 128}}],
        },
    },
    "outputs": ["tensor", "center"],
}


def test_a_graph_gives_several_tensors_from_one_decode(jpeg, picture, tmp_path):
    graph = smol.PreprocessGraph(GRAPH)
    assert graph.outputs == ("tensor", "center")
    (tmp_path / "graph.yaml").write_text(json.dumps(GRAPH))
    for source in (jpeg(1, 150, 110, 6), np.asarray(picture(4, 150, 110))):
        tensors = graph(source)
        assert list(tensors) == ["tensor", "center"]
        np.testing.assert_array_equal(tensors["tensor"], smol.Preprocessor(TEXT)(source))
        center = smol.Preprocessor("resize(short_side=64) | center_crop(56x56)")(source)
        np.testing.assert_array_equal(tensors["center"], center)
        again = smol.PreprocessGraph(tmp_path / "graph.yaml")(source)
        np.testing.assert_array_equal(again["tensor"], tensors["tensor"])
    with pytest.raises(smol.InvalidArgumentError, match="unknown node 'other'"):
        smol.PreprocessGraph({**GRAPH, "outputs": ["other"]})
    with pytest.raises(smol.NotFoundError, match="there are: exact"):
        smol.PreprocessGraph(GRAPH, fidelity="blurred")(jpeg(1))
