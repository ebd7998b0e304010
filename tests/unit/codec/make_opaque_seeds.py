"""Writes the small pictures of opaque_seeds/: `python make_opaque_seeds.py DIRECTORY`.

They lie in the repository because their encoders (cjxl, heif-enc) are no packages that the build needs.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 40, 36
random = np.random.default_rng(5)


def picture(channels: int) -> Image.Image:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    planes = [128 + 100 * np.sin(x / (5 + c)) * np.cos(y / (7 - c)) for c in range(channels)]
    array = np.clip(np.stack(planes, -1) + random.normal(0, 3, (HEIGHT, WIDTH, channels)), 0, 255).astype(np.uint8)
    return Image.fromarray(array[..., 0] if channels == 1 else array)


def main() -> None:
    root = Path(sys.argv[1])
    avif, heic, jpeg2000, jpegxl = (root / name for name in ("avif", "heic", "jpeg2000", "jpegxl"))
    for folder in (avif, heic, jpeg2000, jpegxl):
        folder.mkdir(parents=True, exist_ok=True)
    colour, gray = picture(3), picture(1)
    alpha = colour.convert("RGBA")
    alpha.putalpha(gray)

    colour.save(avif / "colour_420.avif", quality=30, subsampling="4:2:0")
    colour.save(avif / "colour_444.avif", quality=30, subsampling="4:4:4")
    alpha.save(avif / "alpha.avif", quality=30)
    gray.save(avif / "gray.avif", quality=30, subsampling="4:0:0")

    levels = {"num_resolutions": 4}
    lossy = {"irreversible": True, "quality_mode": "rates", "quality_layers": [10], **levels}
    colour.save(jpeg2000 / "lossy.jp2", **lossy)
    colour.resize((24, 20)).save(jpeg2000 / "lossless.jp2", num_resolutions=3)
    colour.save(jpeg2000 / "tiles.j2k", **lossy, tile_size=(16, 16))
    gray.save(jpeg2000 / "gray.jp2", **lossy)
    wide = (np.asarray(gray).astype(np.uint16)[:20, :24] * 257 + 3).astype(np.uint16)
    Image.fromarray(wide).save(jpeg2000 / "gray16.jp2", num_resolutions=3)

    with tempfile.TemporaryDirectory() as folder:
        sources = {"colour": colour, "gray": gray, "alpha": alpha}
        for name, image in sources.items():
            image.save(f"{folder}/{name}.png")
        for name, source, options in (
            ("lossy", "colour", ["-d", "2", "-e", "3"]),
            ("container", "colour", ["-d", "2", "--container=1", "-e", "3"]),
            ("lossless_gray", "gray", ["-d", "0", "-e", "3"]),
            ("gray", "gray", ["-d", "1", "-e", "3"]),
            ("alpha", "alpha", ["-d", "2", "-e", "3"]),
            ("fast_lossless", "gray", ["-d", "0", "-e", "1"]),
            ("progressive", "colour", ["-d", "3", "-p", "-e", "3"]),
        ):
            subprocess.run(
                ["cjxl", f"{folder}/{source}.png", jpegxl / f"{name}.jxl", *options],
                check=True,
                capture_output=True,
            )
        # libjxl notices nearly all damage to pixels; boxes that tell nothing leave mutations something to decode.
        container = (jpegxl / "container.jxl").read_bytes()
        text = b"<note>" + b"smol " * 180 + b"</note>"
        box = (len(text) + 8).to_bytes(4, "big") + b"xml " + text
        (jpegxl / "boxes.jxl").write_bytes(container[:32] + box + container[32:])
        for name, options in (("plain", []), ("thumbnail", ["-t", "16"])):
            subprocess.run(
                ["heif-enc", f"{folder}/colour.png", "-o", heic / f"{name}.heic", "-q", "30", *options],
                check=True,
                capture_output=True,
            )


if __name__ == "__main__":
    main()
