"""Embedded thumbnails as a fidelity: offered where most pictures carry one, counted, and never a guess."""

import io
import pathlib
import struct

import pyarrow.parquet as pq
from PIL import Image

from conftest import picture, smol, smol_json, write_model


def jpeg(image: Image.Image) -> bytes:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=92)
    return data.getvalue()


def exif(thumbnail: bytes, orientation: int) -> bytes:
    """IFD0 with an orientation, IFD1 with the thumbnail."""
    first = struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 26)
    second = struct.pack("<HHHII", 2, 0x0201, 4, 1, 56) + struct.pack("<HHIII", 0x0202, 4, 1, len(thumbnail), 0)
    return b"Exif\0\0II*\0" + struct.pack("<I", 8) + first + second + thumbnail


def write_photos(folder: pathlib.Path, count: int, carriers: int) -> None:
    """Photographs with thumbnails of other pictures, so that answers tell which was read; the rest without, or of 16:9.

    photos/ is what is to be planned, read/ what is to be read of each, as a file of its own.
    """
    (folder / "photos").mkdir()
    (folder / "read").mkdir()
    for i in range(count):
        whole, orientation = jpeg(picture(i, 640, 480)), 1 + i % 8
        thumbnail = jpeg(picture(1000 + i, 160, 120 if i < carriers else 90))
        carried = thumbnail if i < carriers or i % 2 == 0 else b""
        (folder / "photos" / f"{i:02}.jpg").write_bytes(with_exif(whole, exif(carried, orientation)))
        read = thumbnail if i < carriers else whole
        (folder / "read" / f"{i:02}.jpg").write_bytes(with_exif(read, exif(b"", orientation)))


def with_exif(data: bytes, block: bytes) -> bytes:
    """The same compressed picture behind an EXIF segment."""
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + data[2:]


def scores(output: pathlib.Path) -> list[object]:
    return pq.read_table(output).sort_by("item")["top_scores"].to_pylist()


def fidelities(photos: pathlib.Path, card: pathlib.Path, *options: object) -> dict[str, str]:
    """Ids of all plans by their fidelity."""
    plans = smol_json("plan", photos, "--models", card, "--repeats", 1, "--batch", 2, *options)
    return {plan["fidelity"]: plan["id"] for plan in plans["plans"] + plans["dominated"]}


def test_thumbnails_that_most_pictures_carry_are_a_plan(tmp_path):
    write_photos(tmp_path, 12, 9)
    card, plans = write_model(tmp_path, size=112), tmp_path / "plans.yaml"
    found = fidelities(tmp_path / "photos", card, "-o", plans)
    assert "thumbnail" in found
    report = smol_json("run", plans, tmp_path / "photos", "--plan", found["thumbnail"], "-o", tmp_path / "out")
    assert (report["thumbnails"], report["thumbnail_fallbacks"], report["error_rows"]) == (9, 3, 0)
    smol("run", card, tmp_path / "read", "-o", tmp_path / "expected")
    assert scores(tmp_path / "out") == scores(tmp_path / "expected")
    told = smol("run", plans, tmp_path / "photos", "--plan", found["thumbnail"], "-o", tmp_path / "again").stdout
    assert "stood in for 9 of 12 pictures" in told


def test_thumbnails_of_few_pictures_are_none(tmp_path):
    write_photos(tmp_path, 12, 6)
    card = write_model(tmp_path, size=112)
    assert "thumbnail" not in fidelities(tmp_path / "photos", card)


def test_exact_plans_take_no_thumbnails(tmp_path):
    write_photos(tmp_path, 6, 6)
    card = write_model(tmp_path, size=112)
    report = smol_json("run", card, tmp_path / "photos", "-o", tmp_path / "out")
    assert (report["thumbnails"], report["thumbnail_fallbacks"]) == (0, 0)
