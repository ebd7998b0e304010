# SPDX-License-Identifier: Apache-2.0
"""Frames of one video to tensors by one library, in a process of its own.

Requests: {"do": "answers", "output": FILE.npy} (the tensors of the first wanted frames), {"do": "round"} (all of them).
A tensor is float32 CHW of (x - 127) / 128: short side 256 bilinear, centre crop 224. Two threads decode where a library
has threads of its own; the others use what its users would.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
SHORT_SIDE, SIZE = 256, 224


def to_tensor(pixels: Array) -> Array:
    """float32 CHW of uint8 HWC."""
    return ((pixels.astype(np.float32) - 127) / 128).transpose(2, 0, 1)


class Job:
    """What to do: `video`, `frames` (numbers, ascending), `threads`, `fidelity`, sizes of the video."""

    def __init__(self, words: dict[str, Any]) -> None:
        self.video: str = words["video"]
        self.frames: list[int] = words["frames"]
        self.threads: int = words["threads"]
        self.fidelity: str = words.get("fidelity", "exact")
        self.form: str = words.get("form", "exact")
        width, height = words["width"], words["height"]
        self.resized = (SHORT_SIDE * width // height, SHORT_SIDE)
        self.corner = ((self.resized[0] - SIZE) // 2, (SHORT_SIDE - SIZE) // 2)

    def crop(self, pixels: Array) -> Array:
        """The square in the middle."""
        left, top = self.corner
        return pixels[top : top + SIZE, left : left + SIZE]


def smol_tensors(job: Job) -> Callable[[list[int]], Array]:
    """`Video.tensors`."""
    import smol

    steps = f"resize(short_side={SHORT_SIDE}) | center_crop({SIZE}x{SIZE}) | normalize(mean=127, scale=128)"
    preprocessor = smol.Preprocessor(steps, job.form)
    video = smol.Video(job.video, job.fidelity)
    return lambda frames: np.asarray(video.tensors(frames, preprocessor, threads=job.threads))


def in_pool(work: Callable[[Any], Array], inputs: Iterator[Any], threads: int) -> Array:
    """`work` in a few threads behind one that decodes; answers in order."""
    waiting: queue.Queue[tuple[int, Any] | None] = queue.Queue(maxsize=4 * threads)
    answers: dict[int, Array] = {}

    def loop() -> None:
        while (entry := waiting.get()) is not None:
            answers[entry[0]] = work(entry[1])

    pool = [threading.Thread(target=loop) for _ in range(threads)]
    for thread in pool:
        thread.start()
    for entry in enumerate(inputs):
        waiting.put(entry)
    for _ in pool:
        waiting.put(None)
    for thread in pool:
        thread.join()
    return np.stack([answers[i] for i in range(len(answers))])


def opencv_tensors(job: Job) -> Callable[[list[int]], Array]:
    """VideoCapture with the threads of its decoder; grab() passes frames by."""
    import cv2

    cv2.setNumThreads(1)

    def decoded(frames: list[int]) -> Iterator[Array]:
        threads = [cv2.CAP_PROP_N_THREADS, job.threads]
        capture = cv2.VideoCapture(job.video, cv2.CAP_FFMPEG, threads)
        place = 0
        for number in frames:
            while place < number:
                capture.grab()
                place += 1
            good, pixels = capture.read()
            assert good, number
            place += 1
            yield pixels
        capture.release()

    def tensor(pixels: Array) -> Array:
        resized = cv2.resize(pixels, job.resized, interpolation=cv2.INTER_AREA)
        return to_tensor(job.crop(cv2.cvtColor(resized, cv2.COLOR_BGR2RGB)))

    return lambda frames: in_pool(tensor, decoded(frames), job.threads)


def pyav_tensors(job: Job) -> Callable[[list[int]], Array]:
    """PyAV with frame threads; FFmpeg's converter scales."""
    import av

    def decoded(frames: list[int]) -> Iterator[Any]:
        wanted, last = set(frames), frames[-1]
        with av.open(job.video) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            stream.thread_count = job.threads
            for number, frame in enumerate(container.decode(stream)):
                if number in wanted:
                    yield frame
                if number == last:
                    return

    def tensor(frame: Any) -> Array:
        small = frame.reformat(*job.resized, format="rgb24", interpolation="BILINEAR")
        return to_tensor(job.crop(small.to_ndarray()))

    return lambda frames: np.stack([tensor(frame) for frame in decoded(frames)])


def torchcodec_tensors(job: Job) -> Callable[[list[int]], Array]:
    """VideoDecoder with its own index; torch resizes, antialiased, in its threads."""
    import torch
    from torchcodec.decoders import VideoDecoder

    torch.set_num_threads(job.threads)
    left, top = job.corner

    def run(frames: list[int]) -> Array:
        decoder = VideoDecoder(job.video, num_ffmpeg_threads=job.threads, seek_mode="exact")
        made = []
        for first in range(0, len(frames), 16):
            batch = decoder.get_frames_at(frames[first : first + 16]).data.float()
            small = torch.nn.functional.interpolate(
                batch, size=(job.resized[1], job.resized[0]), mode="bilinear", antialias=True
            )
            made.append(((small[:, :, top : top + SIZE, left : left + SIZE] - 127) / 128).numpy())
        return np.concatenate(made)

    return run


def decord_tensors(job: Job) -> Callable[[list[int]], Array]:
    """VideoReader that scales while it decodes."""
    import decord

    def run(frames: list[int]) -> Array:
        reader = decord.VideoReader(job.video, width=job.resized[0], height=job.resized[1], num_threads=job.threads)
        made = []
        for first in range(0, len(frames), 16):
            made += [to_tensor(job.crop(f)) for f in reader.get_batch(frames[first : first + 16]).asnumpy()]
        return np.stack(made)

    return run


def ffmpeg_tensors(job: Job) -> Callable[[list[int]], Array]:
    """The command: decodes, scales, crops; a pipe of RGB bytes, normalised by NumPy."""
    left, top = job.corner
    step = job.frames[1] - job.frames[0] if len(job.frames) > 1 else 1
    select = f"select='not(mod(n\\,{step}))'," if step > 1 else ""
    scale = f"{select}scale={job.resized[0]}:{job.resized[1]}:flags=bilinear,crop={SIZE}:{SIZE}:{left}:{top}"

    def run(frames: list[int]) -> Array:
        command = ["ffmpeg", "-v", "error", "-threads", str(job.threads), "-i", job.video, "-vf", scale]
        command += [
            "-fps_mode",
            "passthrough",
            "-frames:v",
            str(len(frames)),
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "-",
        ]
        raw = subprocess.run(command, capture_output=True, check=True).stdout
        pixels = np.frombuffer(raw, np.uint8).reshape(-1, SIZE, SIZE, 3)
        return np.stack([to_tensor(frame) for frame in pixels])

    return run


LIBRARIES: dict[str, Callable[[Job], Callable[[list[int]], Array]]] = {
    "smol": smol_tensors,
    "opencv": opencv_tensors,
    "pyav": pyav_tensors,
    "torchcodec": torchcodec_tensors,
    "decord": decord_tensors,
    "ffmpeg": ffmpeg_tensors,
}


def main() -> None:
    """Standard output carries replies only."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    words = json.loads(sys.stdin.readline())
    job = Job(words)
    tensors = LIBRARIES[words["library"]](job)
    print(json.dumps({"ready": True}), file=replies, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        start, cpu = time.perf_counter(), sum(os.times()[:4])
        made = tensors(job.frames[: request.get("count", len(job.frames))])
        reply = {
            "items": len(made),
            "seconds": time.perf_counter() - start,
            "cpu_seconds": sum(os.times()[:4]) - cpu,
        }
        if request["do"] == "answers":
            np.save(request["output"], made)
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main()
