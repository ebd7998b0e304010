"""Answers for the codecs over large libraries: `python opaque_oracle.py DIRECTORY [DATA]`.

Writes pictures, their pixels as other programs decode them (8-bit RGB as stored) and DIRECTORY/manifest.tsv: group,
path, path of the pixels, width, height, orientation, frames, largest and mean difference allowed.

What the answers are worth: lossless pictures are compared with their sources. Pillow brings a libavif of its own, a
newer one with other conversions. Pillow's JPEG 2000 is OpenJPEG, too, and heif-convert and djxl are the same libraries
as ours: they test our glue only. ffmpeg has a JPEG 2000 decoder of its own.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

random = np.random.default_rng(7)
lines: list[str] = []


def picture(width: int, height: int, channels: int) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width]
    planes = [128 + 100 * np.sin(x / (9 + 4 * c)) * np.cos(y / (11 - 3 * c)) for c in range(channels)]
    array = np.clip(np.stack(planes, -1) + random.normal(0, 2, (height, width, channels)), 0, 255).astype(np.uint8)
    return Image.fromarray(array[..., 0] if channels == 1 else array)


def add(group, path, pixels, *, most=0, mean=0.0, orientation=1, frames=1) -> None:
    answer = path.parent / f"{path.name}.{len(lines)}.rgb"
    if group == "data":
        answer = Path(sys.argv[1]) / f"{path.name}.rgb"
    pixels = np.ascontiguousarray(pixels)
    answer.write_bytes(pixels.tobytes())
    height, width = pixels.shape[:2]
    lines.append(f"{group}\t{path}\t{answer}\t{width}\t{height}\t{orientation}\t{frames}\t{most}\t{mean}")


def rgb(source) -> np.ndarray:
    with Image.open(source) as image:
        if image.mode == "I;16":
            gray = np.rint(np.asarray(image).astype(np.float64) / 257).astype(np.uint8)
            return np.repeat(gray[..., None], 3, axis=2)
        return np.asarray(image.convert("RGB"))


def run(*words) -> bool:
    return subprocess.run([str(word) for word in words], capture_output=True, check=False).returncode == 0


def has(*programs: str) -> bool:
    """Whether they are installed; without them the test has fewer answers, and says so."""
    return all(shutil.which(program) for program in programs)


def ffmpeg(path: Path) -> np.ndarray:
    png = path.with_suffix(".ffmpeg.png")
    assert run("ffmpeg", "-y", "-loglevel", "error", "-i", path, "-pix_fmt", "rgb24", png)
    return rgb(png)


def make_avif(folder: Path, colour: Image.Image, gray: Image.Image) -> None:
    alpha = colour.convert("RGBA")
    alpha.putalpha(gray)
    for name, image, options in (
        ("420", colour, {"subsampling": "4:2:0"}),
        ("422", colour, {"subsampling": "4:2:2"}),
        ("444", colour, {"subsampling": "4:4:4"}),
        ("limited", colour, {"range": "limited"}),
        ("gray", gray, {"subsampling": "4:0:0"}),
        ("gray_limited", gray, {"subsampling": "4:0:0", "range": "limited"}),
        ("alpha", alpha, {}),
    ):
        path = folder / f"avif_{name}.avif"
        image.save(path, quality=85, **options)
        add("avif", path, rgb(path), most=4, mean=0.8)
        add("avif", path, np.asarray(image.convert("RGB")), most=60, mean=6.0)
    path = folder / "avif_animated.avif"
    colour.save(path, save_all=True, append_images=[colour.transpose(Image.Transpose.FLIP_LEFT_RIGHT)] * 2, duration=40)
    add("avif", path, rgb(path), most=4, mean=0.8, frames=3)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = folder / f"avif_turned{orientation}.avif"
        colour.save(path, quality=85, exif=exif)
        add("avif", path, rgb(path), most=4, mean=0.8, orientation=orientation)


def make_jpeg2000(folder: Path, colour: Image.Image, gray: Image.Image) -> None:
    lossy = {"irreversible": True, "quality_mode": "rates", "quality_layers": [15]}
    for name, image, options in (
        ("lossless.jp2", colour, {}),
        ("raw.j2k", colour, {}),
        ("tiles.jp2", colour, {"tile_size": (64, 32)}),
        ("no_mct.jp2", colour, {"mct": 0}),
        ("gray.jp2", gray, {}),
    ):
        path = folder / f"jpeg2000_{name}"
        image.save(path, **options)
        add("jpeg2000", path, np.asarray(image.convert("RGB")))
        if name.endswith(".jp2") and has("ffmpeg"):
            add("jpeg2000", path, ffmpeg(path))
    wide = (np.asarray(gray).astype(np.uint32) * 251 + 77).astype(np.uint16)
    path = folder / "jpeg2000_gray16.jp2"
    Image.fromarray(wide).save(path)
    expected = np.rint(wide.astype(np.float64) / 257).astype(np.uint8)
    add("jpeg2000", path, np.repeat(expected[..., None], 3, axis=2))
    path = folder / "jpeg2000_alpha.jp2"
    alpha = colour.convert("RGBA")
    alpha.putalpha(gray)
    alpha.save(path)
    add("jpeg2000", path, np.asarray(colour))
    path = folder / "jpeg2000_lossy.jp2"
    colour.save(path, **lossy)
    add("jpeg2000", path, rgb(path))
    if has("ffmpeg"):
        add("jpeg2000", path, ffmpeg(path), most=2, mean=0.5)
    add("jpeg2000", path, np.asarray(colour), most=80, mean=8.0)
    path = folder / "jpeg2000_offset.jp2"
    colour.save(path, offset=(5, 3), tile_offset=(0, 0), tile_size=(64, 64))
    add("jpeg2000", path, np.asarray(colour)[: colour.height, : colour.width])
    ycc = folder / "jpeg2000_ycc420.jp2"
    png = folder / "source.png"
    colour.save(png)
    if has("ffmpeg") and run(
        "ffmpeg", "-y", "-loglevel", "error", "-i", png, "-pix_fmt", "yuvj420p", "-c:v", "jpeg2000", ycc
    ):
        add("jpeg2000", ycc, np.asarray(colour), most=90, mean=8.0)


def make_heic(folder: Path, colour: Image.Image) -> None:
    png = folder / "heic_source.png"
    colour.save(png)
    wide = folder / "heic_wide.png"
    assert run("ffmpeg", "-y", "-loglevel", "error", "-i", png, "-pix_fmt", "rgb48be", wide)
    for name, source, options in (
        ("420", png, []),
        ("444", png, ["-p", "chroma=444"]),
        ("ten_bit", wide, ["-b", "10"]),
    ):
        path = folder / f"heic_{name}.heic"
        assert run("heif-enc", source, "-o", path, "-q", "85", *options)
        assert run("heif-convert", path, path.with_suffix(".png"))
        add("heic", path, rgb(path.with_suffix(".png")), most=1, mean=0.6)
        add("heic", path, np.asarray(colour), most=90, mean=8.0)


def make_jpegxl(folder: Path, colour: Image.Image, gray: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for name, image, options, saved in (
        ("lossless", colour, ["-d", "0"], {}),
        ("lossless_gray", gray, ["-d", "0"], {}),
        ("lossy", colour, ["-d", "1"], {}),
        ("progressive", colour, ["-d", "2", "-p"], {}),
        ("lossy_gray", gray, ["-d", "1"], {}),
        ("turned", colour, ["-d", "0"], {"exif": exif}),
    ):
        png = folder / f"jpegxl_{name}.png"
        image.save(png, **saved)
        path = folder / f"jpegxl_{name}.jxl"
        assert run("cjxl", png, path, "-e", "4", *options)
        turned = {"orientation": 6} if saved else {}
        lossless = "0" in options
        source = np.asarray(image.convert("RGB"))
        add("jpegxl", path, source, most=0 if lossless else 60, mean=0.0 if lossless else 6.0, **turned)
        if not saved:
            decoded = folder / f"jpegxl_{name}.decoded.png"
            assert run("djxl", path, decoded)
            add("jpegxl", path, rgb(decoded), most=1, mean=0.6)


def main() -> None:
    folder = Path(sys.argv[1])
    colour, gray = picture(150, 101, 3), picture(150, 101, 1)
    make_avif(folder, colour, gray)
    make_jpeg2000(folder, colour, gray)
    if has("heif-enc", "heif-convert", "ffmpeg"):
        make_heic(folder, colour)
    if has("cjxl", "djxl"):
        make_jpegxl(folder, colour, gray)
    if len(sys.argv) > 2:
        for path in sorted((Path(sys.argv[2]) / "conformance" / "avif").iterdir()):
            try:
                add("data", path, rgb(path), most=6, mean=1.2)
            except (OSError, RuntimeError):
                continue
    (folder / "manifest.tsv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
