"""Runs operator chains with Pillow: the independent answer that smol's preprocessing must match bit for bit.

Usage: pillow_oracle.py MANIFEST. Each line, tab-separated:
input  width  height  channels  orientation  operators-joined-by-|  output.raw
The input is raw interleaved samples, or a picture file where width is 0. After convert(f32) a picture is one image of
mode F
a channel, and the output is float32, interleaved.
"""

import re
import sys

import numpy as np
from PIL import Image, ImageOps

FILTERS = {
    name: getattr(Image.Resampling, name.upper())
    for name in ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")
}


def size_of(text):
    width, height = text.split("x")
    return int(width), int(height)


def resized_size(arguments, width, height):
    if "size" in arguments:
        return size_of(arguments["size"])
    if "short_side" in arguments:  # torchvision.transforms.functional._compute_resized_output_size
        side = int(arguments["short_side"])
        short, long = (width, height) if width <= height else (height, width)
        new_long = int(side * long / short)
        return (side, new_long) if width <= height else (new_long, side)
    if "long_side" in arguments:
        target = (int(arguments["long_side"]),) * 2
    else:
        target = size_of(arguments["fit"])
    scale = min(target[0] / width, target[1] / height)
    if target[0] * height <= target[1] * width:
        return target[0], max(1, int(np.floor(height * target[0] / width + 0.5)))
    assert scale > 0
    return max(1, int(np.floor(width * target[1] / height + 0.5))), target[1]


def center_crop(image, crop_width, crop_height):
    """torchvision.transforms.functional.center_crop."""
    width, height = image.size
    if crop_width > width or crop_height > height:
        left = (crop_width - width) // 2 if crop_width > width else 0
        top = (crop_height - height) // 2 if crop_height > height else 0
        padded = Image.new(image.mode, (max(width, crop_width), max(height, crop_height)))
        padded.paste(image, (left, top))
        image = padded
        width, height = image.size
    top = int(round((height - crop_height) / 2.0))
    left = int(round((width - crop_width) / 2.0))
    return image.crop((left, top, left + crop_width, top + crop_height))


def pad(image, arguments):
    width, height = size_of(arguments[""])
    value = tuple(int(v) for v in arguments["value"].strip("[]").split(","))
    left, top = (
        ((width - image.width) // 2, (height - image.height) // 2) if arguments["centered"] == "true" else (0, 0)
    )
    # On a gray picture the pad's colour is turned gray as well.
    padded = Image.new(
        image.mode, (width, height), Image.new("RGB", (1, 1), value).convert(image.mode).getpixel((0, 0))
    )
    padded.paste(image, (left, top))
    return padded


def apply_to_floats(bands, name, arguments, text):
    if name == "normalize":
        mean, scale = ([np.float32(v) for v in arguments[key].strip("[]").split(",")] for key in ("mean", "scale"))
        arrays = [(np.asarray(band) - m) * (np.float32(1) / s) for band, m, s in zip(bands, mean, scale, strict=True)]
        return [Image.fromarray(array) for array in arrays]
    return [apply(band, text) for band in bands]


def apply(image, text):
    name, inside = re.fullmatch(r"\s*(\w+)\((.*)\)\s*", text).groups()
    arguments = {}
    for argument in re.findall(r"(?:[^,\[]|\[[^\]]*\])+", inside):
        key, _, value = argument.strip().rpartition("=")
        arguments[key] = value
    if isinstance(image, list):
        return apply_to_floats(image, name, arguments, text)
    if name == "convert":
        return [band.convert("F") for band in image.split()] if arguments[""] == "f32" else image
    if name == "orient":
        return ImageOps.exif_transpose(image)
    if name == "resize":
        return image.resize(resized_size(arguments, *image.size), FILTERS[arguments["filter"]])
    if name == "crop":
        x, y = int(arguments["x"]), int(arguments["y"])
        width, height = size_of(arguments["size"])
        return image.crop((x, y, x + width, y + height))
    if name == "center_crop":
        return center_crop(image, *size_of(arguments[""]))
    if name == "pad":
        return pad(image, arguments)
    if name == "color":
        return image.convert("L") if arguments[""] == "gray" else image
    if name == "box_resize":  # what decoder scaling asks of a resize
        box = tuple(float(v) for v in arguments["box"].strip("[]").split(","))
        return image.resize(size_of(arguments["size"]), FILTERS[arguments["filter"]], box=box)
    raise ValueError(text)


def convert_keeping_exif(image):
    converted = image.convert("RGB")
    converted.getexif()[0x0112] = image.getexif().get(0x0112, 1)
    return converted


def main():
    for line in open(sys.argv[1]):
        source, width, height, channels, orientation, operators, target = line.rstrip("\n").split("\t")
        if width == "0":
            image = Image.open(source)
            image = image if image.mode == "L" else convert_keeping_exif(image)
        else:
            samples = np.fromfile(source, np.uint8).reshape(int(height), int(width), int(channels))
            image = Image.fromarray(samples[:, :, 0] if channels == "1" else samples)
            image.getexif()[0x0112] = int(orientation)
        for text in operators.split("|"):
            image = apply(image, text)
        if isinstance(image, list):
            image = np.stack([np.asarray(band) for band in image], axis=2)
        np.asarray(image).tofile(target)


main()
