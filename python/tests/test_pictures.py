# SPDX-License-Identifier: Apache-2.0
"""probe() and decode() against Pillow."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import smol
from PIL import Image, ImageOps

ORIENTATIONS = range(1, 9)


def by_pillow(data: bytes, orient: bool = True) -> np.ndarray:
    """What Pillow makes of it, as RGB or one channel."""
    image: Image.Image = Image.open(io.BytesIO(data))
    if orient:
        image = ImageOps.exif_transpose(image)
    pixels = np.asarray(image if image.mode in ("RGB", "L") else image.convert("RGB"))
    return pixels[..., None] if pixels.ndim == 2 else pixels


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_decode_equals_pillow(jpeg, orientation, subsampling):
    data = jpeg(5, 83, 61, orientation, subsampling)
    pixels = smol.decode(data)
    assert pixels.dtype == np.uint8 and pixels.flags.c_contiguous and pixels.flags.writeable
    np.testing.assert_array_equal(pixels, by_pillow(data))
    np.testing.assert_array_equal(smol.decode(data, keep_orientation=True), by_pillow(data, orient=False))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_region_is_the_crop_of_the_whole(jpeg, orientation):
    data = jpeg(7, 120, 90, orientation)
    whole = smol.decode(data)
    height, width = whole.shape[:2]
    for x, y, w, h in [(0, 0, 1, 1), (3, 5, 31, 17), (width - 9, height - 11, 9, 11), (0, 0, width, height)]:
        np.testing.assert_array_equal(smol.decode(data, region=(x, y, w, h)), whole[y : y + h, x : x + w])


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_scales_are_rounded_up(jpeg, scale):
    data = jpeg(8, 83, 61, 6)
    image = Image.open(io.BytesIO(data))
    image.draft("RGB", (83 // scale, 61 // scale))
    expected = np.asarray(image.transpose(Image.Transpose.ROTATE_270))
    np.testing.assert_array_equal(smol.decode(data, scale), expected)
    assert expected.shape == (-(-83 // scale), -(-61 // scale), 3)


def test_gray_pictures_have_one_channel(picture):
    stream = io.BytesIO()
    picture(3, 40, 30).convert("L").save(stream, "PNG")
    pixels = smol.decode(stream.getvalue())
    assert pixels.shape == (30, 40, 1)
    np.testing.assert_array_equal(pixels, by_pillow(stream.getvalue()))


def test_what_counts_as_a_picture(jpeg, tmp_path):
    data = jpeg(1)
    path = tmp_path / "picture.jpg"
    path.write_bytes(data)
    for given in (path, str(path), data, bytearray(data), memoryview(data)):
        np.testing.assert_array_equal(smol.decode(given), smol.decode(data))
    with pytest.raises(smol.InvalidArgumentError, match="path, encoded bytes, or an array"):
        smol.decode(3.5)  # type: ignore[arg-type]
    with pytest.raises(smol.InvalidArgumentError, match="decoded picture"):
        smol.decode(np.zeros((3, 4, 3), np.uint8))  # type: ignore[arg-type]


def test_probe_reads_the_header(jpeg, tmp_path):
    header = smol.probe(jpeg(1, 90, 70, 6))
    assert (header.format, header.width, header.height) == ("jpeg", 70, 90)
    assert (header.stored_width, header.stored_height, header.orientation) == (90, 70, 6)
    assert header.chroma == (2, 2) and header.channels == 3 and not header.progressive


def test_failures_say_what_and_where(jpeg, tmp_path):
    data = jpeg(2, 400, 300)
    with pytest.raises(smol.NotFoundError) as missing:
        smol.decode(tmp_path / "nothing.jpg")
    assert missing.value.code == "not_found" and missing.value.stage == "read"
    with pytest.raises(smol.TruncatedError):
        smol.decode(data[: len(data) // 2])
    assert smol.decode(data[: len(data) // 2], fail_on="none").shape == (300, 400, 3)
    with pytest.raises(smol.UnsupportedError):
        smol.decode(b"8BPS" + bytes(40))
    with pytest.raises(smol.LimitExceededError, match="max-pixels"):
        smol.decode(data, max_pixels=1000)
    with pytest.raises(smol.InvalidArgumentError, match="inside the picture of 400x300"):
        smol.decode(data, region=(390, 0, 20, 20))
    with pytest.raises(smol.InvalidArgumentError, match="1/1, 1/2, 1/4, 1/8: 1/3"):
        smol.decode(data, 3)
    with pytest.raises(smol.InvalidArgumentError, match="truncated"):
        smol.decode(data, fail_on="never")  # type: ignore[arg-type]


def test_info_names_codecs_and_backends():
    info = smol.info()
    assert {"jpeg", "png"} <= {codec["name"] for codec in info["codecs"] if codec["available"]}
    assert {"reference", "simulated"} <= {backend["name"] for backend in info["backends"] if backend["available"]}
    assert all(entry["available"] or entry["remedy"] for entry in info["backends"] + info["codecs"])
    assert info["version"] == smol.__version__ and info["cores"] >= 1


def test_the_package_lists_its_names():
    assert set(smol.__all__) <= set(dir(smol))
    assert all(getattr(smol, name) is not None for name in smol.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        smol.no_such_name  # noqa: B018


def test_command_hands_over_to_the_program(tmp_path: Path):
    from smol.command import find_program

    assert find_program().is_file()
