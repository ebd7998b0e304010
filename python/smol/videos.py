# SPDX-License-Identifier: Apache-2.0
"""Videos: their frames by number or time."""

from __future__ import annotations

import operator
import os
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from smol import _native, arguments
from smol.pictures import FailOn, Preprocessor

Picture = npt.NDArray[np.uint8]


class Video:
    """An open video file. Frames are numbered in the order in which they are shown; every number is exact.

    Opening reads all packets once, without decoding them. Thread-safe: one call at a time; for more, open it again.

    Args:
        path: any container and codec that the installed FFmpeg reads.
        fidelity: "exact"; "deblock-reference" and "deblock-none" leave the in-loop filter out, of frames that no other
            depends on or of all; "+1/2", "+1/4" behind it: reduced resolution, of codecs that have it (MPEG-4, MJPEG).
        threads: of the decoder. One is the most economical.
        fail_on: "none" also gives damaged frames.

    Raises:
        UnsupportedError: the file has no video, or this installation has no FFmpeg.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        fidelity: str = "exact",
        *,
        threads: int = 1,
        fail_on: FailOn = "truncated",
    ) -> None:
        self._options = (
            arguments.text("fidelity", fidelity),
            arguments.integer("threads", threads),
            arguments.text("fail_on", fail_on),
        )
        self._lock = threading.Lock()
        self._video = _native.OpenVideo(arguments.path("path", path))

    @property
    def info(self) -> dict[str, Any]:
        """Container, codec, size, frames, groups, colour: what `smol inspect` prints."""
        return self._video.info()

    @property
    def times_s(self) -> npt.NDArray[np.float64]:
        """When each frame is shown, in seconds of the container's clock."""
        return np.asarray(self._video.times_s(), np.float64)

    @property
    def key_frames(self) -> list[int]:
        """Numbers of the frames that decode without others."""
        return self._video.key_frames()

    def __len__(self) -> int:
        return int(self.info["frames"])

    def __getitem__(self, number: int) -> Picture:
        """One frame: an array (height, width, 3) of RGB, of gray videos (height, width, 1). -1 is the last one."""
        index = operator.index(number)
        if not -len(self) <= index < len(self):
            raise IndexError(f"the video has {len(self)} frames: {index}")
        return self.frames([index % len(self)])[0]

    def __iter__(self) -> Iterator[Picture]:
        """All frames, a few at a time."""
        for start in range(0, len(self), 16):
            yield from self.frames(range(start, min(start + 16, len(self))))

    def frames(self, numbers: Iterable[int]) -> list[Picture]:
        """Chosen frames in any order. What lies between them is skipped or sought, whichever decodes less."""
        wanted = [arguments.integer(f"numbers[{i}]", number, 2**62) for i, number in enumerate(numbers)]
        ascending = sorted(set(wanted))
        with self._lock:
            pictures = dict(zip(ascending, self._video.read(ascending, *self._options), strict=True))
        return [pictures[number] for number in wanted]

    def tensors(self, numbers: Iterable[int], preprocessor: Preprocessor, *, threads: int = 0) -> npt.NDArray[Any]:
        """The tensors of chosen frames, stacked in the order of `numbers`: decoded, resized and normalised in one go.

        Groups of frames are decoded side by side by `threads` threads (0: one a core). What this costs over
        `preprocessor(frame)` for each of `frames(numbers)` is less: no full-size RGB is made.
        """
        wanted = [arguments.integer(f"numbers[{i}]", number, 2**62) for i, number in enumerate(numbers)]
        ascending = sorted(set(wanted))
        fidelity, _, fail_on = self._options
        made = self._video.tensors(
            ascending, preprocessor.native, fidelity, arguments.integer("threads", threads), fail_on
        )
        if ascending == wanted:
            return made
        place = {number: i for i, number in enumerate(ascending)}
        return made[[place[number] for number in wanted]]

    def at(self, seconds: float) -> Picture:
        """The frame that is shown at this time after the first frame."""
        return self[self._video.frame_at(float(seconds))]
