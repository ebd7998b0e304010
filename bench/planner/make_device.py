# SPDX-License-Identifier: Apache-2.0
"""Writes a model on a simulated device: a card, a stand-in for the model's file, and the description of the device.

python bench/planner/make_device.py --model-input 224 --batch-rates 1:300,8:1500,64:4999 --launch-us 50 --jitter 0.02 \
    --transfer-bytes-per-s 12e9 -o DIR
prints the path of the card. All figures that come from it are simulated.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MODEL = """\
format: 1
kind: projection
input: {{name: input, dtype: {dtype}, layout: {layout}, width: {side}, height: {side}, channels: 3}}
classes: {classes}
seed: {seed}
"""

CARD = """\
format: 1
name: {name}
file: {name}.refmodel
backend: simulated
backend_config: {name}.device.yaml
task: classification
input: {{name: input, layout: {layout}, dtype: {dtype}, width: {side}, height: {side}, color: RGB}}
preprocess:
  resize: {{short_side: {short_side}, filter: bilinear}}
  crop: {{width: {side}, height: {side}}}
{normalize}output: {{activation: none, classes: {classes}}}
licence: Apache-2.0
"""

DEVICE = """\
format: 1
name: simulated device of {name}
source: made up by make_device.py
devices: {devices}
memory_bytes: {memory_bytes}
streams: {streams}
transfer: {{bytes_per_s: {transfer_bytes_per_s:g}, latency_us: {transfer_latency_us:g}, shared: {shared}}}
launch_us: {launch_us:g}
jitter: {{fraction: {jitter:g}, seed: {seed}}}
compute: {compute}
{operators}models: {{"*": {{pictures_per_s: {{{rates}}}, memory_bytes: {weight_bytes}}}}}
"""


@dataclass(frozen=True)
class DeviceModel:
    """A model and the device it runs on.

    Attributes:
        batch_rates: pictures a second by batch, of one device; times are linear between them.
        model_input: width and height of the input, pixels; the short side is resized to 8/7 of it.
        dtype: of the input: f32 (NCHW, normalised) or u8 (NHWC).
        operations_per_s: of operators placed on the device; 0: they take no time.
        devices: equal ones; `shared_link`: they copy over one link of `transfer_bytes_per_s`.
        compute: wait (answers are zeros, the host stays free) or reference (the host computes answers on the side).
    """

    batch_rates: Mapping[int, float]
    name: str = "simulated"
    model_input: int = 224
    dtype: str = "f32"
    classes: int = 10
    launch_us: float = 20
    jitter: float = 0
    transfer_bytes_per_s: float = 12e9
    transfer_latency_us: float = 10
    operations_per_s: float = 0
    devices: int = 1
    shared_link: bool = False
    streams: int = 4
    memory_bytes: int = 16_000_000_000
    weight_bytes: int = 100_000_000
    compute: str = "wait"
    seed: int = 1


def write_device_model(folder: Path, model: DeviceModel) -> Path:
    """Writes NAME.refmodel, NAME.device.yaml and NAME.yaml into the folder; returns the path of the card, NAME.yaml."""
    folder.mkdir(parents=True, exist_ok=True)
    normalized = model.dtype == "f32"
    values = vars(model) | {
        "side": model.model_input,
        "short_side": model.model_input * 8 // 7,
        "layout": "NCHW" if normalized else "NHWC",
        "normalize": "  mean: [123.675, 116.28, 103.53]\n  scale: [58.395, 57.12, 57.375]\n" if normalized else "",
        "shared": str(model.shared_link).lower(),
        "operators": f"operators: {{operations_per_s: {model.operations_per_s:g}}}\n" if model.operations_per_s else "",
        "rates": ", ".join(f"{batch}: {rate:g}" for batch, rate in sorted(model.batch_rates.items())),
    }
    for suffix, text in ((".refmodel", MODEL), (".device.yaml", DEVICE), (".yaml", CARD)):
        (folder / f"{model.name}{suffix}").write_text(text.format(**values))
    return folder / f"{model.name}.yaml"


def parse_rates(text: str) -> dict[int, float]:
    """1:300,8:1500 → {1: 300.0, 8: 1500.0}."""
    try:
        rates = {int(batch): float(rate) for batch, rate in (pair.split(":") for pair in text.split(","))}
    except ValueError:
        raise argparse.ArgumentTypeError(f"rates are written BATCH:PICTURES_PER_S,...: {text}") from None
    if min(rates) < 1 or min(rates.values()) <= 0:
        raise argparse.ArgumentTypeError(f"batches and rates must be positive: {text}")
    return rates


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, argument_default=argparse.SUPPRESS
    )
    parser.add_argument("--batch-rates", type=parse_rates, required=True, metavar="BATCH:PICTURES_PER_S,...")
    parser.add_argument("--dtype", choices=["f32", "u8"])
    parser.add_argument("--compute", choices=["wait", "reference"])
    parser.add_argument("--shared-link", action="store_true")
    for key in ("model_input", "classes", "devices", "streams", "memory_bytes", "weight_bytes", "seed"):
        parser.add_argument(f"--{key.replace('_', '-')}", type=lambda text: int(float(text)), metavar="N")
    for key in ("launch_us", "jitter", "transfer_bytes_per_s", "transfer_latency_us", "operations_per_s"):
        parser.add_argument(f"--{key.replace('_', '-')}", type=float, metavar="X")
    parser.add_argument("--name", help="of the model and its files")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    given = vars(parser.parse_args(arguments))
    folder = given.pop("output")
    print(write_device_model(folder, DeviceModel(**given)))


if __name__ == "__main__":
    main()
