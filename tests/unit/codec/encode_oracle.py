"""Compares encoded files with Pillow: encode_oracle.py FOLDER; prints what differs and exits with 1.

Each line of FOLDER/manifest, tab-separated: stem, width, height, channels, format. STEM.raw is the picture without
gaps, STEM.file what smol wrote. Lossless files must read as the picture; a JPEG must have the tables, the sampling and
the pixels of Pillow's own at this quality.
"""

import io
import pathlib
import sys

import numpy as np
from PIL import Image


def differs(folder: pathlib.Path, stem: str, width: int, height: int, channels: int, wanted: str) -> str:
    raw = np.frombuffer((folder / f"{stem}.raw").read_bytes(), np.uint8).reshape(height, width, channels)
    picture = Image.fromarray(raw[..., 0] if channels == 1 else raw)
    name, _, quality = wanted.partition(":")
    with Image.open(folder / f"{stem}.file") as file:
        if (file.format, file.mode) != (name.upper(), picture.mode):
            return f"is {file.format} {file.mode}"
        if name != "jpeg":
            return "" if np.array_equal(np.asarray(file), np.asarray(picture)) else "pixels"
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=int(quality))
        with Image.open(stream) as own:
            if file.quantization != own.quantization:
                return "quantisation tables"
            if file.layer != own.layer:
                return f"sampling {file.layer} instead of {own.layer}"
            return "" if np.array_equal(np.asarray(file), np.asarray(own)) else "pixels"


folder = pathlib.Path(sys.argv[1])
failed = False
for line in (folder / "manifest").read_text().splitlines():
    stem, width, height, channels, wanted = line.split("\t")
    difference = differs(folder, stem, int(width), int(height), int(channels), wanted)
    if difference:
        print(f"{wanted} {width}x{height}x{channels}: {difference}")
        failed = True
sys.exit(failed)
