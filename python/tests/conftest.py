# SPDX-License-Identifier: Apache-2.0
"""Fixtures: generated pictures and models of the reference backend, whose answers are the same bits everywhere."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

CARD = """\
format: 1
name: {name}
file: {name}.refmodel
backend: reference
task: {task}
input: {{name: input, layout: NHWC, dtype: u8, width: 32, height: 32, color: RGB}}
preprocess: {{{preprocess}}}
output: {{activation: none{classes}}}
"""
MODEL = """\
format: 1
kind: {kind}
input: {{name: input, dtype: u8, layout: NHWC, width: 32, height: 32, channels: 3}}
{classes}
seed: {seed}
delay_us: {delay_us}
"""


def make_picture(seed: int, width: int, height: int) -> Image.Image:
    """Smooth colours that differ with the seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def jpeg_bytes(image: Image.Image, orientation: int = 1, subsampling: int = 2) -> bytes:
    """A JPEG with an EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=90, subsampling=subsampling, exif=exif)
    return stream.getvalue()


@pytest.fixture
def picture() -> Callable[[int, int, int], Image.Image]:
    return make_picture


@pytest.fixture
def jpeg() -> Callable[..., bytes]:
    """jpeg(seed, width=90, height=70, orientation=1) -> bytes."""

    def make(seed: int, width: int = 90, height: int = 70, orientation: int = 1, subsampling: int = 2) -> bytes:
        return jpeg_bytes(make_picture(seed, width, height), orientation, subsampling)

    return make


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of 20 pictures, JPEG and PNG, of different sizes and orientations."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(20):
        image = make_picture(i, 60 + 7 * (i % 9), 50 + 11 * (i % 7))
        if i % 5 == 3:
            image.save(folder / f"{i:02}.png")
        else:
            (folder / f"{i:02}.jpg").write_bytes(jpeg_bytes(image, 1 + i % 8, i % 3))
    return folder


@pytest.fixture
def make_card(tmp_path: Path) -> Callable[..., Path]:
    """make_card(name="tiny", kind="projection", delay_us=0, seed=3, preprocess=...) -> path of a card."""

    def make(
        name: str = "tiny",
        kind: str = "projection",
        delay_us: int = 0,
        seed: int = 3,
        preprocess: str = "resize: {short_side: 36, filter: bilinear}, crop: {width: 32, height: 32}",
    ) -> Path:
        classifies = kind == "projection"
        classes = "classes: 10" if classifies else ""
        model = MODEL.format(kind=kind, classes=classes, delay_us=delay_us, seed=seed)
        (tmp_path / f"{name}.refmodel").write_text(model)
        card = tmp_path / f"{name}.yaml"
        card.write_text(
            CARD.format(
                name=name,
                task="classification" if classifies else "raw",
                classes=", classes: 10" if classifies else "",
                preprocess=preprocess,
            )
        )
        return card

    return make


@pytest.fixture
def card(make_card: Callable[..., Path]) -> Path:
    """The card of a small classifier."""
    return make_card()
