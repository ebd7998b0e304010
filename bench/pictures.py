# SPDX-License-Identifier: Apache-2.0
"""The pictures of the studies: RGB JPEGs without a turning orientation, which all competitors read alike."""

from __future__ import annotations

from pathlib import Path

from harness import DATA, ROOT, Settings, run_smol
from PIL import Image

ORIENTATION_TAG = 274
LITE0 = ROOT / "demo/models/efficientnet_lite0.yaml"


def rgb_jpegs(folder: Path, min_pixels: int, max_pixels: int) -> list[Path]:
    """Sorted by name."""
    chosen = []
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() not in {".jpg", ".jpeg"}:
            continue
        with Image.open(file) as opened:
            pixels = opened.width * opened.height
            turned = opened.getexif().get(ORIENTATION_TAG, 1) != 1
            if opened.format == "JPEG" and opened.mode == "RGB" and not turned and min_pixels <= pixels <= max_pixels:
                chosen.append(file.resolve())
    return chosen


def medium(count: int) -> list[Path]:
    """Of the 500x375 class, evenly spaced over the sample."""
    files = rgb_jpegs(DATA / "imagenet-sample", 140_000, 260_000)
    return [files[i * len(files) // count] for i in range(count)]


def large() -> list[Path]:
    """6 and 12 megapixels."""
    return rgb_jpegs(DATA / "photos", 5_000_000, 13_000_000)


def files_in(folder: Path) -> list[Path]:
    """Sorted by name; what is hidden is no picture (a rendition says there how it was made)."""
    return sorted(file for file in folder.iterdir() if not file.name.startswith("."))


def describe(files: list[Path]) -> str:
    """How many, how large."""
    sizes = []
    for file in files:
        with Image.open(file) as opened:
            sizes.append(opened.width * opened.height)
    kilobytes = sum(file.stat().st_size for file in files) / len(files) / 1000
    return f"{len(files)} JPEGs, {min(sizes) / 1e6:.2f}-{max(sizes) / 1e6:.2f} MP, mean {kilobytes:.0f} kB"


def as_folder(settings: Settings, name: str, files: list[Path]) -> Path:
    """A folder in the scratch space with links to the files."""
    folder = settings.scratch / name
    folder.mkdir(exist_ok=True)
    for file in files:
        link = folder / file.name
        if not link.exists():
            link.symlink_to(file)
    return folder


def rendition(settings: Settings, source: Path, form: str) -> Path:
    """The pictures of a folder with a short side of 161, as png or jpeg:QUALITY."""
    folder = settings.scratch / f"{source.name}-161-{form.replace(':', '')}"
    if not folder.exists():
        run_smol(settings, "rendition", str(source), "--short-side", "161", "--format", form, "-o", str(folder))
    return folder


def plan_without(settings: Settings, files: list[Path], names: list[str]) -> Path:
    """The exact plan of EfficientNet-Lite0 that `smol plan --without NAMES` makes for these pictures."""
    plans = settings.scratch / f"without-{'-'.join(names)}.yaml"
    if not plans.exists():
        sample = as_folder(settings, "sample", files[:4])
        options = ["--exact-only", "--precision", "f32", "--batch", "1", "--repeats", "1", "--without", *names]
        run_smol(settings, "plan", str(sample), "--models", str(LITE0), *options, "-o", str(plans))
    return plans


def simulated_card(settings: Settings, model: Path) -> Path:
    """A card of the model on a simulated device with memory of its own; it waits and computes no answers."""
    folder = settings.scratch / "simulated"
    if not folder.exists():
        folder.mkdir()
        (folder / "device.yaml").write_text(
            "format: 1\nname: simulated device, PCIe 3 x8\nmemory_bytes: 4000000000\nstreams: 2\n"
            "transfer: {bytes_per_s: 6.0e9, latency_us: 10}\nlaunch_us: 20\ncompute: wait\n"
            'models: {"*": {pictures_per_s: {1: 2000, 16: 8000}}}\n'
        )
    card = folder / f"{model.stem}.yaml"
    if not card.exists():
        text = model_card(settings, model).read_text()
        lines = [line for line in text.splitlines() if not line.startswith(("backend:", "file:"))]
        lines += [f"file: {model.resolve()}", "backend: simulated", "backend_config: device.yaml"]
        card.write_text("\n".join(lines) + "\n")
    return card


def model_card(settings: Settings, model: Path) -> Path:
    """The card that smol writes for a model file."""
    card = settings.scratch / f"{model.stem}.yaml"
    if not card.exists():
        run_smol(settings, "inspect", str(model), "--card", "-o", str(card))
    return card
