# SPDX-License-Identifier: Apache-2.0
"""One feeder in a process of its own. Reads a job, then one request a line on standard input; answers in JSON lines.

Requests: {"do": "answers", "output": FILE.npy},
{"do": "round", "what": "tensor" or "decode" or "together", "seconds": S}.
The first round of each kind runs twice: the first time finds out how many passes over the files fill the seconds.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import numpy as np
from feeders import FEEDERS, Array, Feeder, Job


class OpenVinoQueue:
    """An OpenVINO model with as many streams as threads, pinning off, fed with batches."""

    def __init__(self, job: Job) -> None:
        import openvino as ov

        core = ov.Core()
        model = core.read_model(job.model)
        if model.inputs[0].partial_shape[0] != job.model_batch:
            shape = model.inputs[0].partial_shape
            shape[0] = job.model_batch
            model.reshape(shape)
        settings = {
            "INFERENCE_PRECISION_HINT": job.precision,
            "NUM_STREAMS": str(job.threads),
            "INFERENCE_NUM_THREADS": job.threads,
            "ENABLE_CPU_PINNING": False,
        }
        self._queue = ov.AsyncInferQueue(core.compile_model(model, "CPU", settings), 2 * job.threads)
        self._queue.set_callback(lambda request, batch: request.get_output_tensor(0).data.argmax(axis=-1))

    def start(self, batch: Array) -> None:
        """Returns when a request was free; the batch is not copied."""
        self._queue.start_async({0: batch}, userdata=batch, share_inputs=True)

    def wait(self) -> None:
        """Until all are done."""
        self._queue.wait_all()


class Worker:
    """Answers requests with one feeder."""

    def __init__(self, job: Job) -> None:
        self._feeder: Feeder = FEEDERS[job.feeder](job)
        self._model = OpenVinoQueue(job) if job.model else None
        self._job = job
        self._passes: dict[str, int] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The reply to one request."""
        if request["do"] == "answers":
            np.save(request["output"], self._feeder.answers())
            return {}
        return self._round(request["what"], request["seconds"])

    def _round(self, what: str, seconds: float) -> dict[str, Any]:
        if what not in self._passes:
            # Batches divide what is run; the lists are short, so one probe pass is followed by one that warms up.
            whole = max(1, -(-2 * self._job.batch // len(self._job.files)))
            self._run(what, whole)
            items, elapsed = self._run(what, whole)
            self._passes[what] = max(whole, round(seconds / elapsed * whole)) if items else whole
        cpu = time.process_time()
        items, elapsed = self._run(what, self._passes[what])
        return {"items": items, "seconds": elapsed, "cpu_seconds": time.process_time() - cpu}

    def _run(self, what: str, passes: int) -> tuple[int, float]:
        start = time.perf_counter()
        items = self._feed_model(passes) if what == "together" else self._feeder.consume(what, passes)
        return items, time.perf_counter() - start

    def _feed_model(self, passes: int) -> int:
        assert self._model is not None
        items = 0
        for batch in self._feeder.batches(passes):
            for first in range(0, len(batch), self._job.model_batch):
                self._model.start(batch[first : first + self._job.model_batch])
            items += len(batch)
        self._model.wait()
        return items


def main() -> None:
    """Standard output carries replies only."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    job = Job(**json.loads(sys.stdin.readline()))
    if job.cpus:
        os.sched_setaffinity(0, set(job.cpus))
    worker = Worker(job)
    print(json.dumps({"ready": True}), file=replies, flush=True)
    for line in sys.stdin:
        print(json.dumps(worker.answer(json.loads(line))), file=replies, flush=True)


if __name__ == "__main__":
    main()
