"""Fixtures for tests that use smol as its users do: the program, small pictures, models of the reference backend."""

import json
import os
import pathlib
import subprocess
from collections.abc import Callable

import numpy as np
import pytest
from drawn_clips import CLIPS, encode
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("SMOL_PROGRAM", ROOT / "build" / "smol"))

# Plans measured by one test must not be found by another, or in the user's own cache.
os.environ["SMOL_CACHE_DIR"] = ""

CARD = """\
format: 1
name: {name}
file: {name}.refmodel
backend: reference
task: classification
input: {{name: input, layout: {layout}, dtype: {dtype}, width: {size}, height: {size}, color: RGB}}
preprocess:
  resize: {{short_side: {short_side}, filter: bilinear}}
  crop: {{width: {size}, height: {size}}}
{normalize}
output: {{activation: none, classes: 10}}
licence: Apache-2.0
"""

MODEL = """\
format: 1
kind: projection
input: {{name: input, dtype: {dtype}, layout: {layout}, width: {size}, height: {size}, channels: 3}}
classes: 10
seed: {seed}
delay_us: {delay_us}
fail_every: {fail_every}
"""


def write_model(
    folder: pathlib.Path, name: str = "tiny", dtype: str = "u8", size: int = 32, **options: int
) -> pathlib.Path:
    """A card and a reference model; returns the card's path."""
    layout = "NHWC" if dtype == "u8" else "NCHW"
    fields = {"seed": 1, "delay_us": 0, "fail_every": 0, **options}
    (folder / f"{name}.refmodel").write_text(MODEL.format(dtype=dtype, layout=layout, size=size, **fields))
    normalize = "" if dtype == "u8" else "  mean: [127, 127, 127]\n  scale: [128, 128, 128]"
    card = folder / f"{name}.yaml"
    card.write_text(
        CARD.format(name=name, layout=layout, dtype=dtype, size=size, short_side=size * 8 // 7, normalize=normalize)
    )
    return card


def write_simulated_model(folder: pathlib.Path, rates: str = "{1: 500}") -> pathlib.Path:
    """The model of write_model() on a simulated device with its own memory; returns the card's path."""
    card = write_model(folder, "simulated", size=128)
    (folder / "device.yaml").write_text(
        "format: 1\nname: tiny\nmemory_bytes: 100000000\ntransfer: {bytes_per_s: 1.0e9, latency_us: 10}\n"
        f'compute: reference\nmodels: {{"*": {{pictures_per_s: {rates}}}}}\n'
    )
    text = card.read_text().replace("backend: reference", "backend: simulated\nbackend_config: device.yaml")
    card.write_text(text)
    return card


def picture(seed: int, width: int, height: int) -> Image.Image:
    """Smooth random colours, so that JPEG files stay small and answers differ."""
    generator = np.random.default_rng(seed)
    coarse = Image.fromarray(generator.integers(0, 256, (6, 8, 3), dtype=np.uint8), "RGB")
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


def write_pictures(folder: pathlib.Path, count: int = 24) -> list[str]:
    """Pictures of different sizes, formats and orientations; returns their names, sorted."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for i in range(count):
        image = picture(i, 60 + 7 * (i % 9), 50 + 11 * (i % 7))
        if i % 5 == 3:
            names.append(f"{i:03}.png")
            image.save(folder / names[-1])
            continue
        names.append(f"{i:03}.jpg")
        exif = Image.Exif()
        exif[0x0112] = 1 + i % 8
        image.save(folder / names[-1], quality=90, subsampling=i % 3, progressive=i % 4 == 2, exif=exif)
    return sorted(names)


def smol(*arguments: object, check: bool = True, **options: object) -> subprocess.CompletedProcess[str]:
    """Runs the program; with check, a failure shows what it printed."""
    words = [str(PROGRAM), *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}\nexit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def smol_json(*arguments: object) -> dict:
    """The program's JSON answer."""
    return json.loads(smol(*arguments, "--json").stdout)


@pytest.fixture
def photos(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder of 24 pictures."""
    write_pictures(tmp_path / "photos")
    return tmp_path / "photos"


@pytest.fixture
def card(tmp_path: pathlib.Path) -> pathlib.Path:
    """The card of a small model with 8-bit input."""
    return write_model(tmp_path)


@pytest.fixture
def rows_of() -> Callable[[pathlib.Path], dict[str, dict]]:
    """Reads an output into rows keyed by item and region; fails on a key that is there twice."""
    import pyarrow.parquet as pq

    def read(path: pathlib.Path) -> dict[str, dict]:
        rows: dict[str, dict] = {}
        for row in pq.read_table(path).to_pylist():
            key = row["item"] + ("#" + row["region"] if row["region"] else "") + "@" + row["plan"]
            assert key not in rows, f"written twice: {key}"
            rows[key] = row
        return rows

    return read


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], pathlib.Path]:
    """The videos of CLIPS by name, made when first asked for."""
    folder = tmp_path_factory.mktemp("clips")

    def clip(name: str) -> pathlib.Path:
        path = folder / name
        return path if path.exists() else encode(path, CLIPS[name])

    return clip
