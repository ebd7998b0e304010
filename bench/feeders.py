# SPDX-License-Identifier: Apache-2.0
"""Ways to turn encoded pictures into the tensors of a DNN: smol and its peers, each as its users would write it.

A feeder lives in a process of its own (`feeder_worker.py`), because the peers need different environments. All read the
same files, held in memory (DALI: in the page cache), and use the threads or processes that `Job.threads` allows.
"""

from __future__ import annotations

import io
import itertools
import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Job:
    """What a feeder does.

    Attributes:
        feeder: name in `FEEDERS`.
        files: the pictures; RGB JPEGs.
        threads: worker threads, or processes where a feeder uses those.
        short_side: what the short side is resized to, bilinearly.
        size: side of the square that is cut from the centre.
        floats: float32 CHW of (x - 127) / 128; False: uint8 HWC.
        variant: a reduced fidelity: "draft" (Pillow), "reduced4" (OpenCV), "scale4" ... (smol); "" is ordinary. A plan
            file (smol): its chosen plan, whose card must ask for what this job does.
        batch: tensors in a batch of the feeder.
        model_batch: of the DNN; divides `batch`.
        cpus: cores the process may use; empty: all.
        model: DNN file for `together`; empty: none.
        precision: OpenVINO's inference precision.
    """

    feeder: str
    files: list[str]
    threads: int
    short_side: int = 256
    size: int = 224
    floats: bool = True
    variant: str = ""
    batch: int = 16
    model_batch: int = 16
    cpus: tuple[int, ...] = ()
    model: str = ""
    precision: str = "f32"


class Feeder(ABC):
    """Pictures to tensors, or merely decoded."""

    def __init__(self, job: Job) -> None:
        self.job = job

    @abstractmethod
    def answers(self) -> Array:
        """One tensor a file, stacked."""

    @abstractmethod
    def consume(self, what: str, passes: int) -> int:
        """Makes the tensors ("tensor") of all files, or decodes them ("decode"), `passes` times; returns how many."""

    @abstractmethod
    def batches(self, passes: int) -> Iterator[Array]:
        """Full batches of tensors over all files, `passes` times; each array belongs to the caller."""


class PictureFeeder(Feeder):
    """A feeder that works picture by picture, in threads: all libraries here release Python's lock."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.pictures = [Path(file).read_bytes() for file in job.files]

    @abstractmethod
    def tensor(self, picture: bytes) -> Array:
        """What the DNN gets."""

    @abstractmethod
    def decode(self, picture: bytes) -> Any:
        """The full picture, RGB."""

    def answers(self) -> Array:
        return np.stack([self.tensor(picture) for picture in self.pictures])

    def consume(self, what: str, passes: int) -> int:
        work: Callable[[bytes], Any] = self.tensor if what == "tensor" else self.decode
        count = passes * len(self.pictures)
        indices = itertools.count()

        def loop() -> None:
            while (index := next(indices)) < count:
                work(self.pictures[index % len(self.pictures)])

        in_threads(loop, self.job.threads)
        return count

    def batches(self, passes: int) -> Iterator[Array]:
        count = passes * len(self.pictures) // self.job.batch
        ready: queue.Queue[Array] = queue.Queue(maxsize=2 * self.job.threads)
        indices = itertools.count()

        def loop() -> None:
            while (index := next(indices)) < count:
                first = index * self.job.batch
                chosen = [self.pictures[(first + i) % len(self.pictures)] for i in range(self.job.batch)]
                tensors = [self.tensor(picture) for picture in chosen]
                ready.put(tensors[0][None] if len(tensors) == 1 else np.stack(tensors))

        threads = [threading.Thread(target=loop, daemon=True) for _ in range(self.job.threads)]
        for thread in threads:
            thread.start()
        for _ in range(count):
            yield ready.get()
        for thread in threads:
            thread.join()


def in_threads(loop: Callable[[], None], threads: int) -> None:
    """Runs `loop` in this many threads, one of them the caller's."""
    others = [threading.Thread(target=loop) for _ in range(threads - 1)]
    for thread in others:
        thread.start()
    loop()
    for thread in others:
        thread.join()


def resized_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    """torchvision's rule: the long side is rounded down."""
    if width <= height:
        return short_side, int(short_side * height / width)
    return int(short_side * width / height), short_side


def center_box(width: int, height: int, size: int) -> tuple[int, int, int, int]:
    """torchvision's rule for the centre crop: left, top, right, bottom."""
    left, top = int(round((width - size) / 2.0)), int(round((height - size) / 2.0))
    return left, top, left + size, top + size


def finish_with_numpy(pixels: Array, floats: bool) -> Array:
    """uint8 HWC to what the DNN takes: the fewest passes that NumPy allows."""
    if not floats:
        return np.ascontiguousarray(pixels)
    tensor = np.ascontiguousarray(pixels.transpose(2, 0, 1)).astype(np.float32)
    tensor -= np.float32(127)
    tensor *= np.float32(1 / 128)
    return tensor


class Smol(PictureFeeder):
    """`smol.Preprocessor`, picture by picture; "exact" or what the variant names."""

    def __init__(self, job: Job) -> None:
        import smol

        super().__init__(job)
        self._decode = smol.decode
        if job.variant.endswith(".yaml"):
            self._preprocessor = smol.Preprocessor(smol.PlanSet.load(job.variant).chosen)
            return
        steps = f"resize(short_side={job.short_side}) | center_crop({job.size}x{job.size})"
        normalise = " | normalize(mean=127, scale=128)" if job.floats else ""
        self._preprocessor = smol.Preprocessor(steps + normalise, job.variant or "exact")

    def tensor(self, picture: bytes) -> Array:
        return np.asarray(self._preprocessor(picture))

    def decode(self, picture: bytes) -> Any:
        return self._decode(picture)


class Pillow(PictureFeeder):
    """Pillow and NumPy; "draft" lets the decoder scale."""

    def _open(self, picture: bytes) -> Any:
        from PIL import Image

        opened = Image.open(io.BytesIO(picture))
        if self.job.variant == "draft":
            opened.draft("RGB", resized_size(opened.width, opened.height, 2 * self.job.short_side))
        return opened

    def tensor(self, picture: bytes) -> Array:
        return finish_with_numpy(pillow_pixels(self._open(picture), self.job), self.job.floats)

    def decode(self, picture: bytes) -> Any:
        opened = self._open(picture)
        opened.load()
        return opened


def pillow_pixels(opened: Any, job: Job) -> Array:
    """Resized and cropped by Pillow: uint8 HWC."""
    from PIL import Image

    size = resized_size(opened.width, opened.height, job.short_side)
    resized = opened.convert("RGB").resize(size, Image.Resampling.BILINEAR)
    return np.asarray(resized.crop(center_box(*size, job.size)))


class OpenCv(PictureFeeder):
    """OpenCV in Python threads, its own off; INTER_LINEAR does not antialias. "reduced4": the decoder scales."""

    def __init__(self, job: Job) -> None:
        import cv2

        super().__init__(job)
        self._cv2 = cv2
        cv2.setNumThreads(1)
        self._flags = cv2.IMREAD_REDUCED_COLOR_4 if job.variant == "reduced4" else cv2.IMREAD_COLOR

    def decode(self, picture: bytes) -> Array:
        return np.asarray(self._cv2.imdecode(np.frombuffer(picture, np.uint8), self._flags))

    def tensor(self, picture: bytes) -> Array:
        cv2, job = self._cv2, self.job
        pixels = self.decode(picture)
        height, width = pixels.shape[:2]
        size = resized_size(width, height, job.short_side)
        left, top, right, bottom = center_box(*size, job.size)
        crop = cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)[top:bottom, left:right]
        if job.floats:  # one pass of OpenCV: swaps the colours, normalises, splits; faster than NumPy's two
            return np.asarray(cv2.dnn.blobFromImage(crop, 1 / 128, mean=(127, 127, 127), swapRB=True)[0])
        return np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2RGB))


class Vips(PictureFeeder):
    """libvips' thumbnail: scales in the decoder, then lanczos3; its own threads off."""

    def __init__(self, job: Job) -> None:
        import pyvips

        super().__init__(job)
        self._vips = pyvips

    def decode(self, picture: bytes) -> Any:
        return self._vips.Image.new_from_buffer(picture, "", access="sequential").write_to_memory()

    def tensor(self, picture: bytes) -> Array:
        side, size = self.job.short_side, self.job.size
        thumbnail = self._vips.Image.thumbnail_buffer(picture, side, height=side, crop="centre")
        offset = (side - size) // 2
        pixels = thumbnail.crop(offset, offset, size, size).numpy()
        return finish_with_numpy(pixels[:, :, :3], self.job.floats)


class PictureDataset:
    """What torch's DataLoader iterates: index to tensor, with Pillow."""

    def __init__(self, pictures: list[bytes], job: Job, length: int) -> None:
        self.pictures, self.job, self.length = pictures, job, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        import torch
        from PIL import Image

        opened = Image.open(io.BytesIO(self.pictures[index % len(self.pictures)]))
        return torch.from_numpy(finish_with_numpy(pillow_pixels(opened, self.job), self.job.floats))


def one_thread(worker: int) -> None:
    """DataLoader's workers are processes already."""
    import torch

    del worker
    torch.set_num_threads(1)


class TorchLoader(Feeder):
    """torch's DataLoader with Pillow in `threads` worker processes that stay; decoding alone is Pillow's."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._pictures = [Path(file).read_bytes() for file in job.files]
        self._loaders: dict[int, Any] = {}

    def _loader(self, passes: int) -> Any:
        from torch.utils.data import DataLoader

        if passes not in self._loaders:
            self._loaders.clear()
            dataset: Any = PictureDataset(self._pictures, self.job, passes * len(self._pictures))
            self._loaders[passes] = DataLoader(
                dataset,
                batch_size=self.job.batch,
                num_workers=self.job.threads,
                persistent_workers=True,
                worker_init_fn=one_thread,
                drop_last=True,
                prefetch_factor=4,
            )
        return self._loaders[passes]

    def answers(self) -> Array:
        dataset = PictureDataset(self._pictures, self.job, len(self._pictures))
        return np.stack([dataset[i].numpy() for i in range(len(dataset))])

    def consume(self, what: str, passes: int) -> int:
        if what != "tensor":
            return 0
        return sum(batch.shape[0] for batch in self._loader(passes))

    def batches(self, passes: int) -> Iterator[Array]:
        for batch in self._loader(passes):
            yield batch.numpy()


class Dali(Feeder):
    """NVIDIA DALI's CPU pipeline. A round starts and ends with nothing in flight, so prefetching gives nothing away."""

    PREFETCH = 2

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._pipelines = {what: self._build(what) for what in ("tensor", "decode")}

    def _build(self, what: str) -> Any:
        from nvidia.dali import fn, pipeline_def, types

        job = self.job

        @pipeline_def(batch_size=job.batch, num_threads=job.threads, device_id=None, prefetch_queue_depth=self.PREFETCH)
        def graph() -> Any:
            encoded, _ = fn.readers.file(files=job.files, name="files")
            pixels = fn.decoders.image(encoded, device="cpu", output_type=types.RGB)
            if what == "decode":
                return fn.shapes(pixels)
            resized = fn.resize(pixels, resize_shorter=job.short_side, interp_type=types.INTERP_LINEAR, antialias=True)
            return fn.crop_mirror_normalize(
                resized,
                crop=(job.size, job.size),
                mean=[127.0] * 3 if job.floats else [0.0] * 3,
                std=[128.0] * 3 if job.floats else [1.0] * 3,
                output_layout="CHW" if job.floats else "HWC",
                dtype=types.FLOAT if job.floats else types.UINT8,
            )

        pipeline = graph()
        pipeline.build()
        return pipeline

    def _run(self, what: str, batches: int) -> Iterator[Any]:
        pipeline = self._pipelines[what]
        scheduled = min(self.PREFETCH, batches)
        for _ in range(scheduled):
            pipeline.schedule_run()
        for _ in range(batches):
            (output,) = pipeline.share_outputs()
            yield output
            pipeline.release_outputs()
            if scheduled < batches:
                pipeline.schedule_run()
                scheduled += 1

    def _num_batches(self, passes: int) -> int:
        return max(1, passes * len(self.job.files) // self.job.batch)

    def answers(self) -> Array:
        rounds = -(-len(self.job.files) // self.job.batch)
        stacked = np.concatenate([output.as_array() for output in self._run("tensor", rounds)])
        return stacked[: len(self.job.files)]

    def consume(self, what: str, passes: int) -> int:
        return sum(len(output) for output in self._run(what, self._num_batches(passes)))

    def batches(self, passes: int) -> Iterator[Array]:
        for output in self._run("tensor", self._num_batches(passes)):
            yield output.as_array()  # a copy


FEEDERS: dict[str, type[Feeder]] = {
    "smol": Smol,
    "pillow": Pillow,
    "opencv": OpenCv,
    "torch_loader": TorchLoader,
    "dali": Dali,
    "vips": Vips,
}
