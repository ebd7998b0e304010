# SPDX-License-Identifier: Apache-2.0
"""Looking at pictures, decoding them, and turning them into tensors."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from smol import _native, arguments
from smol._native import ImageHeader, ModelCard
from smol.errors import NotFoundError
from smol.operators import UserOperator, native_operators
from smol.plans import Plan

FailOn = Literal["none", "truncated", "error", "warning"]
Encoded = str | os.PathLike[str] | bytes | bytearray | memoryview
AnyPicture = Encoded | npt.NDArray[np.uint8]


def probe(picture: Encoded) -> ImageHeader:
    """What the header of a picture says: format, size, orientation, cost features. Decodes nothing."""
    return _native.probe(picture)


def decode(
    picture: Encoded,
    scale: int = 1,
    region: tuple[int, int, int, int] | None = None,
    fail_on: FailOn = "truncated",
    keep_orientation: bool = False,
    max_pixels: int | None = None,
) -> npt.NDArray[np.uint8]:
    """Decodes a picture to an array (height, width, channels): 1 channel where the file is gray, else RGB.

    Args:
        picture: a path or encoded bytes.
        scale: 1, or what the format offers inside its decoder: 2, 4 or 8 for JPEG. The size is rounded up.
        region: (x, y, width, height) in the oriented, scaled picture; only that is returned, and little more decoded.
        fail_on: how strict decoding is; "none" delivers what can be had of damaged files.
        keep_orientation: True leaves the picture as it is stored; else the EXIF orientation is applied.
        max_pixels: larger pictures are refused; None is 2**28.
    """
    wanted = None if region is None else arguments.integers("region", region, ("x", "y", "width", "height"))
    return _native.decode(
        picture,
        arguments.integer("scale", scale),
        cast(tuple[int, int, int, int] | None, wanted),
        arguments.text("fail_on", fail_on),
        arguments.flag("keep_orientation", keep_orientation),
        arguments.integer_or_none("max_pixels", max_pixels),
    )


class Preprocessor:
    """Turns pictures into the tensor that a model takes. Thread-safe; releases Python's lock while it works.

    Args:
        source: a model card (its path, or from `load_card`), a `Plan`, or operators as text, separated by `|`:
            "resize(short_side=256) | center_crop(224x224) | normalize(mean=127, scale=128)". Orientation in front and
            colour, conversion and layout at the end may be left out, as in a card.
        fidelity: "exact" gives Pillow's pixels; a name that the pictures do not allow raises an error that lists the
            others. How is decided at the first picture of each format.

    The arrays are ordinary NumPy arrays; `torch.from_dlpack(array)` shares their memory.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | ModelCard | Plan,
        fidelity: str = "exact",
        *,
        fail_on: FailOn = "truncated",
        max_pixels: int | None = None,
        user_operators: Sequence[UserOperator] = (),
    ) -> None:
        operators = native_operators(user_operators)
        self._arguments = (source, fidelity, fail_on, max_pixels, tuple(user_operators))
        fidelity = arguments.text("fidelity", fidelity)
        strictness = arguments.text("fail_on", fail_on)
        max_pixels = arguments.integer_or_none("max_pixels", max_pixels)
        native = _native.PicturePreprocessor
        if isinstance(source, Plan):
            self._native = native.from_plan(source.native, strictness, max_pixels)
        elif isinstance(source, str) and "(" in source and not os.path.exists(source):
            self._native = native.from_text(source, fidelity, strictness, max_pixels, operators)
        else:
            card = source if isinstance(source, ModelCard) else _load_source(source, operators)
            self._native = native.from_card(card, fidelity, strictness, max_pixels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one tensor: (channels, height, width) or (height, width, channels)."""
        return self._native.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 or float32."""
        return np.dtype(np.uint8 if self._native.dtype == "u8" else np.float32)

    @property
    def native(self) -> _native.PicturePreprocessor:
        """What does the work."""
        return self._native

    def __call__(self, picture: AnyPicture) -> npt.NDArray[Any]:
        """The tensor of a picture: a path, encoded bytes, or an array (height, width, 3) of uint8."""
        return self._native.run(picture)

    def batch(self, pictures: Iterable[AnyPicture], threads: int = 0) -> npt.NDArray[Any]:
        """The tensors of several pictures, stacked, made by `threads` threads (0: one a core).

        The first picture that fails raises its error, which names its position.
        """
        if isinstance(pictures, (str, bytes, bytearray, memoryview)) or not isinstance(pictures, Iterable):
            raise arguments.wrong_type("pictures", "a list of pictures", pictures)
        return self._native.run_batch(pictures, arguments.integer("threads", threads))

    def __reduce__(self) -> tuple[Any, ...]:
        return _make_preprocessor, self._arguments


def _load_source(source: object, operators: list[_native.UserOperator]) -> ModelCard:
    """The card named as the source of a Preprocessor."""
    allowed = "a model card (its path, or from load_card), a Plan, or operators as text"
    path = arguments.path("source", source, allowed)
    if not os.path.exists(path):
        raise NotFoundError(
            f"no such file; source is {allowed}, such as 'resize(short_side=256) | center_crop(224x224)': {path}"
        )
    return _native.load_card(path, operators)


def _make_preprocessor(
    source: str | os.PathLike[str] | ModelCard | Plan,
    fidelity: str,
    fail_on: FailOn,
    max_pixels: int | None,
    user_operators: tuple[UserOperator, ...],
) -> Preprocessor:
    return Preprocessor(source, fidelity, fail_on=fail_on, max_pixels=max_pixels, user_operators=user_operators)


class PreprocessGraph:
    """Several tensors of a picture from one decode. Thread-safe; releases Python's lock while it works.

    Args:
        source: the path of a YAML file, its text (of several lines), or the same as a dict
            (docs/howto/preprocessing-graph.md):
            {"format": 1, "nodes": {"tiny": {"operators": [{"resize": {"short_side": 64}}]}}, "outputs": ["tiny"]}
        fidelity: "exact" gives Pillow's pixels; a name that not all outputs allow raises an error listing the others.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | Mapping[str, Any],
        fidelity: str = "exact",
        *,
        fail_on: FailOn = "truncated",
        max_pixels: int | None = None,
        user_operators: Sequence[UserOperator] = (),
    ) -> None:
        native = _native.PicturePreprocessor
        options = (
            arguments.text("fidelity", fidelity),
            arguments.text("fail_on", fail_on),
            arguments.integer_or_none("max_pixels", max_pixels),
            native_operators(user_operators),
        )
        if isinstance(source, Mapping):
            self._native = native.from_graph(_to_json(source), "", *options)  # every JSON text is YAML
        elif isinstance(source, str) and "\n" in source:
            self._native = native.from_graph(source, "", *options)
        else:
            allowed = "the path of a YAML file, its text, or a dict"
            path = arguments.path("source", source, allowed)
            if not os.path.exists(path):
                raise NotFoundError(f"no such file; the source of a graph is {allowed}: {path}")
            self._native = native.from_graph_file(path, *options)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the tensors, in the order of the file."""
        return tuple(self._native.names)

    def __call__(self, picture: AnyPicture) -> dict[str, npt.NDArray[Any]]:
        """The tensors of a picture by name."""
        return self._native.run_all(picture)


def _to_json(graph: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(graph))
    except TypeError as error:
        raise TypeError(f"source: a graph holds dicts, lists, texts and numbers only: {error}") from None


def load_card(path: str | os.PathLike[str], user_operators: Sequence[UserOperator] = ()) -> ModelCard:
    """Reads a model card."""
    return _native.load_card(arguments.path("path", path), native_operators(user_operators))
