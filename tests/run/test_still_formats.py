"""WebP, GIF, TIFF, BMP and PPM as users decode them: the same pixels as Pillow's, also on a background."""

import io
import pathlib
import struct

import numpy as np
import pytest
from PIL import Image, ImageOps

from conftest import smol, smol_json

SIZE = (61, 47)


def picture(mode: str = "RGB", size: tuple[int, int] = SIZE, seed: int = 1) -> Image.Image:
    """Waves with noise in every channel, alpha included."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    if mode == "1":
        return Image.fromarray(((x * 3 + y * 5) % 17 < 7).astype(np.uint8) * 255).convert("1")
    if mode == "P":
        return picture("RGB", size, seed).quantize(50)
    channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    planes = [128 + 120 * np.sin(x / (5 + c)) * np.cos(y / (7 - c)) for c in range(channels)]
    values = np.clip(np.stack(planes, -1) + random.normal(0, 8, (*x.shape, channels)), 0, 255).astype(np.uint8)
    return Image.fromarray(values[..., 0] if channels == 1 else values, mode)


def decoded(path: pathlib.Path, *options: object) -> np.ndarray:
    """What the program makes of a picture, as RGB."""
    output = path.with_suffix(path.suffix + ".npy")
    done = smol("decode", path, "-o", output, "--quiet", *options)
    assert done.stderr == ""
    pixels = np.load(output)
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


def by_pillow(path: pathlib.Path) -> np.ndarray:
    with Image.open(path) as image:
        image.load()
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def composited(path: pathlib.Path, color: tuple[int, int, int]) -> np.ndarray:
    with Image.open(path) as image:
        image.load()
        image = ImageOps.exif_transpose(image).convert("RGBA")
    return np.asarray(Image.alpha_composite(Image.new("RGBA", image.size, (*color, 255)), image).convert("RGB"))


def save(folder: pathlib.Path, name: str, image: Image.Image, **options: object) -> pathlib.Path:
    path = folder / name
    image.save(path, **options)
    return path


def assert_same(path: pathlib.Path) -> None:
    expected, actual = by_pillow(path), decoded(path)
    assert actual.shape == expected.shape, path.name
    assert np.array_equal(actual, expected), f"{path.name}: {np.abs(actual.astype(int) - expected).max()}"


def test_tiff_of_every_kind(tmp_path):
    compressions = {"raw": "raw", "lzw": "tiff_lzw", "deflate": "tiff_adobe_deflate", "packbits": "packbits"}
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK"):
        for name, compression in compressions.items():
            assert_same(save(tmp_path, f"{mode}_{name}.tif", picture(mode), compression=compression))
    assert_same(save(tmp_path, "predictor.tif", picture(), compression="tiff_lzw", tiffinfo={317: 2}))
    for kind in ("group3", "group4"):
        assert_same(save(tmp_path, f"{kind}.tif", picture("1"), compression=kind))
    white_is_zero = {262: 0}
    assert_same(save(tmp_path, "inverted.tif", picture("L"), tiffinfo=white_is_zero))
    assert_same(save(tmp_path, "strips.tif", picture(), compression="tiff_lzw", tiffinfo={278: 5}))
    for orientation in range(1, 9):
        assert_same(save(tmp_path, f"turned{orientation}.tif", picture(), tiffinfo={274: orientation}))


def test_tiff_with_jpeg_inside(tmp_path):
    for mode in ("L", "RGB"):
        path = save(tmp_path, f"{mode}.tif", picture(mode), compression="jpeg", quality=90)
        # Pillow's libjpeg-turbo is a later one than ours; their exact transforms agree.
        assert np.abs(decoded(path).astype(int) - by_pillow(path)).max() <= 1


def tiff(samples: np.ndarray, photometric: int, order: str = "<", extra: tuple[int, ...] = ()) -> bytes:
    """An uncompressed page of 16 bits a sample."""
    height, width, channels = samples.shape
    data = samples.astype(order + "u2").tobytes()
    bits = (16,) * channels
    fields = [(256, 4, (width,)), (257, 4, (height,)), (258, 3, bits), (259, 3, (1,)), (262, 3, (photometric,))]
    fields += [(273, 4, (8,)), (277, 3, (channels,)), (278, 4, (height,)), (279, 4, (len(data),))]
    if extra:
        fields.append((338, 3, extra))
    start, entries, overflow = 8 + len(data), b"", b""
    for tag, kind, values in fields:
        packed = struct.pack(order + ("H" if kind == 3 else "I") * len(values), *values)
        if len(packed) > 4:
            offset = start + 2 + 12 * len(fields) + 4 + len(overflow)
            overflow += packed
            packed = struct.pack(order + "I", offset)
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    header = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", start)
    return header + data + struct.pack(order + "H", len(fields)) + entries + bytes(4) + overflow


def test_sixteen_bits_are_rounded(tmp_path):
    """Where Pillow drops the low byte or clips."""
    random = np.random.default_rng(5)
    for order in "<>":
        for channels, photometric in ((1, 0), (1, 1), (3, 2), (4, 2)):
            samples = random.integers(0, 65536, (23, 31, channels))
            path = tmp_path / f"deep{channels}_{photometric}_{ord(order)}.tif"
            path.write_bytes(tiff(samples, photometric, order, (2,) if channels == 4 else ()))
            expected = np.rint(samples[..., :3] / 257).astype(np.uint8)
            if photometric == 0:
                expected = 255 - expected
            assert np.array_equal(decoded(path), np.broadcast_to(expected, (23, 31, 3)))
    for kind, channels in ((5, 1), (6, 3)):
        samples = random.integers(0, 65536, (23, 31, channels))
        path = tmp_path / f"deep{kind}.ppm"
        path.write_bytes(f"P{kind}\n31 23\n65535\n".encode() + samples.astype(">u2").tobytes())
        assert np.array_equal(decoded(path), np.broadcast_to(np.rint(samples / 257).astype(np.uint8), (23, 31, 3)))


def test_pages_count_and_the_first_is_decoded(tmp_path):
    pages = [picture(seed=1), picture(seed=2), picture(seed=3)]
    for name in ("pages.tif", "pages.gif", "pages.webp"):
        path = save(tmp_path, name, pages[0], save_all=True, append_images=pages[1:], lossless=True)
        assert_same(path)
        assert smol_json("inspect", path)[0]["frames"] == 3


def test_odd_tiffs_are_refused_in_one_line(tmp_path):
    cases = {"float.tif": Image.new("F", SIZE), "int.tif": Image.new("I", SIZE)}
    for name, image in cases.items():
        done = smol("decode", save(tmp_path, name, image), "-o", tmp_path / "x.png", check=False)
        assert done.returncode == 1 and "cannot be read here" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    whole = save(tmp_path, "whole.tif", picture(), compression="tiff_lzw").read_bytes()
    for i in range(0, len(whole), 7):
        broken = bytearray(whole)
        broken[i] ^= 0xFF
        (tmp_path / "broken.tif").write_bytes(broken)
        done = smol("decode", tmp_path / "broken.tif", "-o", tmp_path / "x.npy", "--quiet", check=False)
        assert len(done.stderr.strip().splitlines()) <= 1, done.stderr
        if i > 400:
            break


def gif(frame: Image.Image, screen: tuple[int, int], at: tuple[int, int], transparent: int | None = None) -> bytes:
    """A GIF whose first picture covers only a part of its screen, with a palette of its own."""
    stream = io.BytesIO()
    frame.save(stream, "GIF", **({} if transparent is None else {"transparency": transparent}))
    data = bytearray(stream.getvalue())
    data[6:10] = struct.pack("<HH", *screen)
    start = data.index(b",", 13 + (3 << ((data[10] & 7) + 1)))
    data[start + 1 : start + 5] = struct.pack("<HH", *at)
    return bytes(data)


def test_gif_is_laid_on_its_screen(tmp_path):
    for mode in ("1", "L", "P", "RGB"):
        for interlaced in (0, 1):
            assert_same(save(tmp_path, f"{mode}{interlaced}.gif", picture(mode), interlace=interlaced))
    for number, (screen, at) in enumerate([((90, 80), (9, 5)), ((40, 30), (3, 2)), ((61, 47), (0, 0))]):
        for transparent in (None, 7):
            path = tmp_path / f"partial{number}_{transparent}.gif"
            path.write_bytes(gif(picture("P"), screen, at, transparent))
            assert_same(path)
            assert np.array_equal(decoded(path, "--background", "#102030"), composited(path, (16, 32, 48)))
    short = picture("P").point(lambda index: index % 5).copy()
    short.putpalette(bytes(range(40, 55)))
    assert_same(save(tmp_path, "short_palette.gif", short))


def test_bmp_and_ppm_of_every_kind(tmp_path):
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        assert_same(save(tmp_path, f"{mode}.bmp", picture(mode)))
    for mode in ("1", "L", "RGB"):
        assert_same(save(tmp_path, f"{mode}.ppm", picture(mode)))
    random = np.random.default_rng(7)
    for kind, channels in ((2, 1), (3, 3), (5, 1), (6, 3)):
        for maximum in (1, 2, 10, 100, 254, 255):
            samples = random.integers(0, maximum + 1, (9, 11, channels))
            path = tmp_path / f"P{kind}_{maximum}.pnm"
            text = b" ".join(b"%d" % value for value in samples.reshape(-1)) + b"\n"
            body = samples.astype(np.uint8).tobytes() if kind > 4 else text.replace(b" ", b" # note\n", 3)
            path.write_bytes(f"P{kind} #one\n11\t9 #two\n{maximum}\n".encode() + body)
            assert_same(path)
    bits = random.integers(0, 2, (9, 11))
    (tmp_path / "P1.pbm").write_bytes(b"P1\n11 9\n" + "".join(str(bit) for bit in bits.reshape(-1)).encode())
    assert_same(tmp_path / "P1.pbm")


def bmp(
    pixels: bytes,
    bits: int,
    compression: int = 0,
    palette: bytes = b"",
    size: tuple[int, int] = (16, 4),
    masks: tuple[int, ...] = (),
    header_bytes: int = 40,
) -> bytes:
    """A BMP by hand; masks lie in headers longer than 40 bytes, else behind them."""
    width, height = size
    if header_bytes == 12:
        header = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        header = struct.pack("<IiiHHIIiiII", header_bytes, width, height, 1, bits, compression, len(pixels), 0, 0, 0, 0)
        header += struct.pack(f"<{len(masks)}I", *masks)
        header = header.ljust(header_bytes, b"\0")
    offset = 14 + len(header) + len(palette)
    return struct.pack("<2sIHHI", b"BM", offset + len(pixels), 0, 0, offset) + header + palette + pixels


def test_rare_bmps(tmp_path):
    random = np.random.default_rng(9)
    palette = random.integers(0, 256, 256 * 4, dtype=np.uint8).tobytes()
    runs = (
        b"\x05\x07\x00\x04\x01\x02\x03\x04\x07\x09\x00\x00" + b"\x10\x22\x00\x00" + b"\x03\x08\x00\x02\x04\x01\x02\x06"
    )
    nibbles = (
        b"\x05\x71\x00\x05\x12\x34\x50\x00\x06\x9a\x00\x00" + b"\x10\x2f\x00\x00" + b"\x10\x11\x00\x00\x10\x33\x00\x01"
    )
    plain = random.integers(0, 256, 16 * 4 * 4, dtype=np.uint8).tobytes()
    v5 = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    files = {
        "rle8": bmp(runs + b"\x03\x01\x00\x00" + b"\x10\x05\x00\x01", 8, 1, palette),
        "rle4": bmp(nibbles, 4, 2, palette[:64]),
        "core8": bmp(plain[:64], 8, palette=palette[:768], header_bytes=12),
        "core24": bmp(plain[:192], 24, header_bytes=12),
        "555": bmp(plain[:128], 16),
        "565": bmp(plain[:128], 16, 3, masks=(0xF800, 0x7E0, 0x1F)),
        "masks32": bmp(plain, 32, 3, masks=(0xFF000000, 0xFF0000, 0xFF00)),
        "v5": bmp(plain, 32, 3, masks=v5, header_bytes=124),
        "v4_rgba": bmp(plain, 32, 3, masks=(0xFF, 0xFF00, 0xFF0000, 0xFF000000), header_bytes=108),
        "os2": bmp(plain[:192], 24, header_bytes=64),
        "top_down": bmp(plain[:192], 24, size=(16, -4)),
    }
    for name, data in files.items():
        path = tmp_path / f"{name}.bmp"
        path.write_bytes(data)
        assert_same(path)
    for name in ("v5", "v4_rgba"):
        path = tmp_path / f"{name}.bmp"
        assert np.array_equal(decoded(path, "--background", "#ff8000"), composited(path, (255, 128, 0)))


def test_webp_lossless_is_exact_and_lossy_nearly(tmp_path):
    for mode in ("RGB", "RGBA"):
        assert_same(save(tmp_path, f"{mode}_lossless.webp", picture(mode), lossless=True, exact=True))
        path = save(tmp_path, f"{mode}_lossy.webp", picture(mode), quality=80)
        # The same standard and the same "fancy" upsampling: libwebp has not changed its bits from 1.2 to 1.6.
        assert np.array_equal(decoded(path), by_pillow(path))
    exif = Image.Exif()
    for orientation in (3, 6):
        exif[0x0112] = orientation
        assert_same(save(tmp_path, f"turned{orientation}.webp", picture(), lossless=True, exif=exif))


@pytest.mark.parametrize("color", ["#ffffff", "#102030"])
def test_alpha_is_laid_on_a_background(tmp_path, color):
    rgb = tuple(int(color[i : i + 2], 16) for i in (1, 3, 5))
    rgba = picture("RGBA")
    palette = picture("P")
    paths = [
        save(tmp_path, "rgba.png", rgba),
        save(tmp_path, "rgba.tif", rgba, compression="tiff_lzw"),
        save(tmp_path, "rgba.webp", rgba, lossless=True, exact=True),
        save(tmp_path, "rgba_lossy.webp", rgba, quality=80),
        save(tmp_path, "palette.png", palette, transparency=bytes(range(0, 250, 5))),
        save(tmp_path, "palette.gif", palette, transparency=7),
        save(tmp_path, "key.png", picture("RGB").quantize(9).convert("RGB"), transparency=(0, 0, 0)),
        save(tmp_path, "opaque.png", picture("RGB")),
        save(tmp_path, "opaque.jpg", picture("RGB")),
    ]
    for path in paths:
        difference = np.abs(decoded(path, "--background", color).astype(int) - composited(path, rgb))
        assert difference.max() <= 1, path.name
    transparent = Image.new("RGBA", SIZE, (9, 9, 9, 0))
    path = save(tmp_path, "transparent.png", transparent)
    assert (decoded(path, "--background", color) == rgb).all()
    assert (decoded(path) == 9).all(), "without one, alpha is dropped"
    # Grey pictures stay grey: they lie on the grey of the colour.
    path = save(tmp_path, "grey.png", picture("LA"))
    expected = np.asarray(Image.fromarray(composited(path, rgb)).convert("L"))
    assert np.abs(decoded(path, "--background", color)[..., 0].astype(int) - expected).max() <= 1


def test_colour_keys_of_png_count_at_their_own_depth(tmp_path):
    pixels = np.array([[10, 20, 30]] * 5 + [[10, 20, 31]] * 4, np.uint8).reshape(3, 3, 3)
    path = save(tmp_path, "key.png", Image.fromarray(pixels), transparency=(10, 20, 30))
    expected = np.where((pixels == (10, 20, 30)).all(-1, keepdims=True), 200, pixels)
    assert np.array_equal(decoded(path, "--background", "#c8c8c8"), expected)


def test_wrong_backgrounds_are_refused(tmp_path):
    path = save(tmp_path, "a.png", picture())
    for text in ("white", "#fff", "#12345g", "ffffff"):
        done = smol("decode", path, "-o", tmp_path / "x.png", "--background", text, check=False)
        assert done.returncode == 2 and text in done.stderr


def test_preprocess_takes_a_background(tmp_path, card):
    path = save(tmp_path, "clear.png", Image.new("RGBA", (64, 64), (9, 9, 9, 0)))
    smol("preprocess", path, "--model", card, "-o", tmp_path / "t.npy", "--background", "#0a141e")
    assert (np.load(tmp_path / "t.npy").reshape(-1, 3) == (10, 20, 30)).all()


def test_regions_are_parts_of_the_whole(tmp_path):
    rgb, rgba = picture(), picture("RGBA")
    paths = [
        save(tmp_path, "a.tif", rgb, compression="tiff_lzw", tiffinfo={278: 5}),
        save(tmp_path, "a.webp", rgb, quality=70),
        save(tmp_path, "alpha.webp", rgba, lossless=True, exact=True),
        save(tmp_path, "a.gif", picture("P"), interlace=1),
        save(tmp_path, "a.bmp", rgb),
        save(tmp_path, "a.ppm", rgb),
    ]
    for path in paths:
        whole = decoded(path)
        for x, y, width, height in ((0, 0, 7, 9), (13, 11, 21, 17), (40, 20, 21, 27)):
            part = decoded(path, "--region", f"{x},{y},{width},{height}")
            assert np.array_equal(part, whole[y : y + height, x : x + width]), path.name


def test_a_run_lays_pictures_on_the_background(card, tmp_path, rows_of):
    (tmp_path / "clear").mkdir()
    (tmp_path / "laid").mkdir()
    rgba = np.random.default_rng(5).integers(0, 256, (40, 50, 4), np.uint8)
    Image.fromarray(rgba, "RGBA").save(tmp_path / "clear" / "a.png")
    below = Image.new("RGBA", (50, 40), (200, 30, 90, 255))
    Image.alpha_composite(below, Image.fromarray(rgba, "RGBA")).convert("RGB").save(tmp_path / "laid" / "a.png")
    smol("run", card, tmp_path / "clear", "-o", tmp_path / "one", "--background", "#c81e5a")
    smol("run", card, tmp_path / "clear", "-o", tmp_path / "none")
    smol("run", card, tmp_path / "laid", "-o", tmp_path / "two")
    one, none, two = (list(rows_of(tmp_path / name).values())[0] for name in ("one", "none", "two"))
    assert abs(one["score"] - two["score"]) < 0.02 < abs(none["score"] - two["score"])


def test_codecs_that_cannot_composite_say_so(tmp_path):
    rgba = np.full((40, 50, 4), 128, np.uint8)
    Image.fromarray(rgba, "RGBA").save(tmp_path / "a.avif")
    assert smol("decode", tmp_path / "a.avif", "-o", tmp_path / "a.png").returncode == 0
    refused = smol("decode", tmp_path / "a.avif", "-o", tmp_path / "b.png", "--background", "#000000", check=False)
    assert refused.returncode == 1 and "cannot be laid on a background" in refused.stderr
