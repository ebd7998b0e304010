"""Independent answers for the codec suite: Pillow and NumPy, never smol.

    python codec_oracle.py DIRECTORY [DATA]

Adds PNG and JPEG fixtures to DIRECTORY (the test program has put JPEGs of its own there), decodes every picture in it
and in DATA, and writes DIRECTORY/manifest.tsv: group, path, width, height, channels, orientation, CRC-32 of the pixels
as 8-bit RGB in stored orientation. Pictures that Pillow refuses have width 0.

Where smol differs from Pillow on purpose, the oracle is NumPy: 16 bits a sample become round(v / 257), where Pillow
clips grey and drops the low byte of colour.
"""

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

SIZE = (61, 47)
COLOUR_TYPES = {"gray": (0, 1), "rgb": (2, 3), "palette": (3, 1), "gray_alpha": (4, 2), "rgba": (6, 4)}
DEPTHS = {"gray": (1, 2, 4, 8, 16), "rgb": (8, 16), "palette": (1, 2, 4, 8), "gray_alpha": (8, 16), "rgba": (8, 16)}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
random = np.random.default_rng(3)


# ---- PNG, written from the specification ----


def chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def packed_rows(samples: np.ndarray, depth: int) -> list[bytes]:
    """Rows of height x width x channels samples as PNG stores them."""
    rows = []
    for row in samples:
        flat = row.reshape(-1)
        if depth == 16:
            rows.append(flat.astype(">u2").tobytes())
        elif depth == 8:
            rows.append(flat.astype(np.uint8).tobytes())
        else:
            bits = (flat[:, None] >> np.arange(depth - 1, -1, -1)) & 1
            rows.append(np.packbits(bits.reshape(-1)).tobytes())
    return rows


def paeth(a: int, b: int, c: int) -> int:
    p = a + b - c
    distances = (abs(p - a), abs(p - b), abs(p - c))
    return (a, b, c)[distances.index(min(distances))]


def filtered(rows: list[bytes], distance: int, first_filter: int) -> bytes:
    """Uses all five filters in turn."""
    out = bytearray()
    above = bytes(len(rows[0])) if rows else b""
    for number, row in enumerate(rows):
        kind = (number + first_filter) % 5
        out.append(kind)
        for i, value in enumerate(row):
            left = row[i - distance] if i >= distance else 0
            corner = above[i - distance] if i >= distance else 0
            guess = (0, left, above[i], (left + above[i]) // 2, paeth(left, above[i], corner))[kind]
            out.append((value - guess) & 255)
        above = row
    return bytes(out)


def encode_png(samples, kind, depth, *, interlaced=False, palette=None, trns=None, parts=1, extra=b"") -> bytes:
    height, width = samples.shape[:2]
    colour_type, channels = COLOUR_TYPES[kind]
    distance = max(1, channels * depth // 8)
    grids = [samples[y::dy, x::dx] for x, y, dx, dy in ADAM7] if interlaced else [samples]
    raw = b"".join(filtered(packed_rows(g, depth), distance, n) for n, g in enumerate(grids) if g.size)
    data = zlib.compress(raw, 6)
    step = -(-len(data) // parts)
    png = b"\x89PNG\r\n\x1a\n" + chunk(
        b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, interlaced)
    )
    png += extra
    if palette is not None:
        png += chunk(b"PLTE", palette.astype(np.uint8).tobytes())
    if trns is not None:
        png += chunk(b"tRNS", trns)
    png += b"".join(chunk(b"IDAT", data[i : i + step]) for i in range(0, len(data), step))
    return png + chunk(b"IEND", b"")


def rgb_of(samples, kind, depth, palette) -> np.ndarray:
    values = samples.astype(np.int64)
    if kind == "palette":
        table = np.zeros((256, 3), np.uint8)
        table[: len(palette)] = palette
        return table[values[..., 0]]
    eight = np.rint(values * 255 / ((1 << depth) - 1)).astype(np.uint8)
    if kind.startswith("gray"):
        return np.repeat(eight[..., :1], 3, axis=2)
    return eight[..., :3]


def make_pngs(directory: Path) -> dict[str, np.ndarray]:
    answers = {}
    for kind, (_, channels) in COLOUR_TYPES.items():
        for depth in DEPTHS[kind]:
            for interlaced in (False, True):
                for width, height in (SIZE, (1, 1), (3, 9)):
                    ramp = np.add.outer(np.arange(height) * 5, np.arange(width) * 3)[..., None] * (1 << depth) // 256
                    noise = random.integers(0, max(2, (1 << depth) // 8), (height, width, channels))
                    samples = (ramp + noise) % (1 << depth)
                    # A short palette: indices beyond it are black.
                    palette = random.integers(0, 256, (max(2, (1 << depth) * 7 // 8), 3)) if kind == "palette" else None
                    for trns in (None, b"\x00\x80" if kind == "palette" else b"\x00\x01" * channels):
                        if trns is not None and kind in ("gray_alpha", "rgba"):
                            continue
                        name = (
                            f"{kind}{depth}_{width}x{height}{'_adam7' * interlaced}{'_trns' * (trns is not None)}.png"
                        )
                        parts = 3 if trns is not None else 1
                        png = encode_png(
                            samples, kind, depth, interlaced=interlaced, palette=palette, trns=trns, parts=parts
                        )
                        (directory / name).write_bytes(png)
                        answers[name] = rgb_of(samples, kind, depth, palette)
    return answers


# ---- JPEG and EXIF, by Pillow and cjpeg ----


def picture(mode: str = "RGB") -> Image.Image:
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    channels = len(mode) if mode != "L" else 1
    planes = [
        128 + 100 * np.sin(x / (5 + c)) * np.cos(y / (7 - c)) + random.normal(0, 8, x.shape) for c in range(channels)
    ]
    array = np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)
    return Image.fromarray(array[..., 0] if channels == 1 else array, mode)


def tiff(orientation: int, *, big_endian=False, long=False) -> bytes:
    order = ">" if big_endian else "<"
    value = struct.pack(order + "I", orientation) if long else struct.pack(order + "HH", orientation, 0)
    entry = struct.pack(order + "HHI", 0x0112, 4 if long else 3, 1) + value
    other = struct.pack(order + "HHI", 0x0100, 3, 1) + struct.pack(order + "HH", 61, 0)
    header = (b"MM\x00*" if big_endian else b"II*\x00") + struct.pack(order + "I", 8)
    return header + struct.pack(order + "H", 2) + other + entry + struct.pack(order + "I", 0)


def make_jpegs(directory: Path) -> dict[str, int]:
    orientations = {}
    for subsampling in ("4:4:4", "4:2:2", "4:2:0"):
        for progressive in (False, True):
            for quality in (30, 75, 97):
                name = f"pillow_{subsampling.replace(':', '')}_q{quality}{'_progressive' * progressive}.jpg"
                picture().save(directory / name, quality=quality, subsampling=subsampling, progressive=progressive)
    for mode in ("L", "CMYK"):
        for progressive in (False, True):
            picture(mode).save(directory / f"pillow_{mode}{'_progressive' * progressive}.jpg", progressive=progressive)
    picture().save(directory / "pillow_restart.jpg", restart_marker_rows=1)
    picture().save(directory / "pillow_restart_blocks.jpg", restart_marker_blocks=1, subsampling="4:2:2")
    picture().save(directory / "pillow_icc.jpg", icc_profile=bytes(70000))
    (directory / "trailing_garbage.jpg").write_bytes(
        (directory / "pillow_restart.jpg").read_bytes() + bytes(range(256)) * 9
    )
    frames = [picture(), picture()]
    frames[0].save(directory / "two_pictures.mpo.jpg", format="MPO", save_all=True, append_images=frames[1:])
    ppm = io.BytesIO()
    picture().save(ppm, "PPM")
    for sample in ("1x2", "4x1", "2x2,1x2,1x2", "1x1,2x2,2x2"):
        command = ["cjpeg", "-quality", "85", "-sample", sample]
        jpeg = subprocess.run(command, input=ppm.getvalue(), capture_output=True, check=True).stdout
        (directory / f"cjpeg_{sample.replace(',', '_')}.jpg").write_bytes(jpeg)
    for orientation in range(10):
        for big_endian in (False, True):
            for long in (False, True):
                exif = tiff(orientation, big_endian=big_endian, long=long)
                stem = f"exif{orientation}{'_big' * big_endian}{'_long' * long}"
                picture().save(directory / f"{stem}.jpg", exif=b"Exif\0\0" + exif)
                png = encode_png(np.asarray(picture()).astype(np.int64), "rgb", 8, extra=chunk(b"eXIf", exif))
                (directory / f"{stem}.png").write_bytes(png)
                orientations[stem] = orientation if 1 <= orientation <= 8 else 1
    return orientations


# ---- Answers ----


def sixteen_bit_samples(path: Path) -> np.ndarray | None:
    """Samples of a non-interlaced 16-bit colour PNG, which Pillow cannot give."""
    data = path.read_bytes()
    if data[24] != 16 or data[28] != 0:
        return None
    width, height = struct.unpack(">II", data[16:24])
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[data[25]]
    at, stream = 8, b""
    while at < len(data):
        length = struct.unpack(">I", data[at : at + 4])[0]
        if data[at + 4 : at + 8] == b"IDAT":
            stream += data[at + 8 : at + 8 + length]
        at += 12 + length
    raw = zlib.decompress(stream)
    distance, row_bytes = 2 * channels, 2 * channels * width
    above, rows = bytearray(row_bytes), []
    for y in range(height):
        kind, row = raw[y * (row_bytes + 1)], bytearray(raw[y * (row_bytes + 1) + 1 : (y + 1) * (row_bytes + 1)])
        for i in range(row_bytes):
            left = row[i - distance] if i >= distance else 0
            corner = above[i - distance] if i >= distance else 0
            row[i] = (row[i] + (0, left, above[i], (left + above[i]) // 2, paeth(left, above[i], corner))[kind]) & 255
        rows.append(bytes(row))
        above = row
    samples = np.frombuffer(b"".join(rows), ">u2").reshape(height, width, channels).astype(np.int64)
    return rgb_of(samples, "gray" if channels < 3 else "rgb", 16, None)


def decode(path: Path) -> tuple[np.ndarray, int, int]:
    """Pixels, stored channels, orientation."""
    with Image.open(path) as image:
        exif = image.getexif()
        orientation = exif.get(0x0112, 1)
        channels = {"L": 1, "CMYK": 4}.get(image.mode, 3)
        if image.format == "PNG":
            channels = 1 if path.read_bytes()[25] in (0, 4) else 3
            wide = sixteen_bit_samples(path)
            if wide is not None:
                return wide, channels, orientation
        return np.asarray(image.convert("RGB")), channels, orientation


def thumbnail(path: Path) -> tuple[np.ndarray, int] | None:
    """Pixels and channels of the JPEG that a JPEG's EXIF block embeds, where it is a smaller one of the same kind."""
    with Image.open(path) as image:
        exif = image.info.get("exif", b"")
        directory = image.getexif().get_ifd(ExifTags.IFD.IFD1)
        if image.format not in ("JPEG", "MPO") or not {0x0201, 0x0202} <= directory.keys():
            return None
        start, size = directory[0x0201], directory[0x0202]
        data = exif[6 + start : 6 + start + size]
        if len(data) < size:
            return None
        try:
            with Image.open(io.BytesIO(data), formats=["JPEG"]) as small:
                smaller = small.width < image.width and small.height < image.height
                if small.mode != image.mode or not smaller or "progressive" in small.info:
                    return None
                return np.asarray(small.convert("RGB")), {"L": 1, "CMYK": 4}.get(small.mode, 3)
        except (OSError, SyntaxError):
            return None


def make_thumbnails(directory: Path) -> dict[str, int]:
    """JPEGs that embed smaller ones, and what only looks like one; returns their orientations."""
    orientations = {}
    for name, mode, small_mode, size, progressive in (
        ("thumbnail", "RGB", "RGB", (20, 15), False),
        ("thumbnail_gray", "L", "L", (20, 15), False),
        ("thumbnail_gray_of_colour", "RGB", "L", (20, 15), False),
        ("thumbnail_progressive", "RGB", "RGB", (20, 15), True),
        ("thumbnail_as_large", "RGB", "RGB", SIZE, False),
    ):
        small = io.BytesIO()
        picture(small_mode).resize(size).save(small, "JPEG", progressive=progressive)
        for big_endian in (False, True):
            for cut in (0, 5):
                exif = tiff_with_thumbnail(small.getvalue(), big_endian, cut)
                stem = f"{name}{'_big' * big_endian}{'_cut' * (cut > 0)}"
                picture(mode).save(directory / f"{stem}.jpg", exif=b"Exif\0\0" + exif)
                orientations[stem] = 6
    return orientations


def tiff_with_thumbnail(data: bytes, big_endian: bool, cut: int) -> bytes:
    """`cut` bytes of the thumbnail are missing at the end."""
    order = ">" if big_endian else "<"
    header = (b"MM\x00*" if big_endian else b"II*\x00") + struct.pack(order + "I", 8)
    first = struct.pack(order + "HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 26)
    second = struct.pack(order + "HHHII", 2, 0x0201, 4, 1, 56) + struct.pack(order + "HHII", 0x0202, 4, 1, len(data))
    return header + first + second + struct.pack(order + "I", 0) + data[: len(data) - cut]


def main() -> None:
    directory = Path(sys.argv[1])
    png_answers = make_pngs(directory)
    orientations = make_jpegs(directory) | make_thumbnails(directory)
    groups = [("fixture", p) for p in sorted(directory.iterdir()) if p.suffix in (".jpg", ".png")]
    if len(sys.argv) > 2:
        data = Path(sys.argv[2])
        groups += [("photo", p) for p in sorted((data / "imagenet-sample").glob("*.JPEG"))]
        groups += [("photo", p) for p in sorted((data / "photos").rglob("*")) if p.suffix.lower() in (".jpg", ".jpeg")][
            :2
        ]
        groups += [("gray", p) for p in sorted((data / "elpv").glob("*.png"))[:40]]
        for folder in ("jpeg", "png", "exif"):
            groups += [("conformance", p) for p in sorted((data / "conformance" / folder).iterdir())]
    lines = []
    for group, path in groups:
        try:
            pixels, channels, orientation = decode(path)
        except (OSError, ValueError, SyntaxError):
            lines.append(f"{group}\t{path}\t0\t0\t0\t1\t0")
            continue
        if group == "fixture":
            if path.name in png_answers:
                known = png_answers[path.name]
                assert path.name.find("16_") > 0 or np.array_equal(known, pixels), f"oracles disagree: {path.name}"
                pixels = known
            orientation = orientations.get(path.stem, 1)
        height, width = pixels.shape[:2]
        crc = zlib.crc32(np.ascontiguousarray(pixels).tobytes())
        orientation = orientation if orientation in range(1, 9) else 1
        lines.append(f"{group}\t{path}\t{width}\t{height}\t{channels}\t{orientation}\t{crc}")
        if (embedded := thumbnail(path)) is not None:
            pixels, channels = embedded
            crc = zlib.crc32(np.ascontiguousarray(pixels).tobytes())
            size = f"{pixels.shape[1]}\t{pixels.shape[0]}"
            lines.append(f"thumbnail of {group}\t{path}\t{size}\t{channels}\t{orientation}\t{crc}")
    (directory / "manifest.tsv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
