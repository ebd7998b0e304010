"""The other subcommands, and what wrong input is answered with."""

import io
import os
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image, ImageOps

from conftest import PROGRAM, smol, smol_json, write_model, write_pictures, write_simulated_model

COMMANDS = [
    "info",
    "inspect",
    "decode",
    "preprocess",
    "rendition",
    "plan",
    "explain",
    "measure",
    "run",
    "demo",
    "completion",
]


def test_help_shows_examples():
    assert "First steps" in smol("--help").stdout
    for command in COMMANDS:
        text = smol(command, "--help").stdout
        assert "Example" in text, command


def test_info_names_the_licences_of_third_party_md():
    page = (pathlib.Path(__file__).parents[2] / "THIRD_PARTY.md").read_text()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| ")]
    libraries = {library["name"]: library for library in smol_json("info")["libraries"]}
    debian = {"libjpeg-turbo": "libjpeg62-turbo", "libspng": "libspng0", "libdeflate": "libdeflate0", "zlib": "zlib1g"}
    debian |= {"highway": "libhwy1", "yaml-cpp": "libyaml-cpp0.7", "fmt": "libfmt9", "xxhash": "libxxhash-dev"}
    debian |= {"libwebp": "libwebp7", "libtiff": "libtiff6", "giflib": "libgif7"}
    debian |= {"nlohmann-json": "nlohmann-json3-dev", "CLI11": "libcli11-dev"}
    plug_ins = {"libavif": "libavif15", "libheif": "libheif1", "openjpeg": "libopenjp2-7", "libjxl": "libjxl0.7"}
    debian |= {name: package for name, package in plug_ins.items() if name in libraries}
    for name, package in debian.items():
        (row,) = (row for row in rows if row[0] == package)
        assert [libraries[name]["licence"], "yes" if libraries[name]["gpl"] else "no"] == row[3:]
        assert row[1].split(":")[-1].startswith(libraries[name]["version"])
    (row,) = (row for row in rows if row[0] == "pyarrow")
    assert libraries.pop("arrow")["licence"] == row[2]
    assert set(libraries) == set(debian)
    said = smol("info").stdout
    assert all(f"  {name} " in said for name in libraries)


def test_info_lists_what_works_and_what_does_not():
    info = smol_json("info")
    assert {"jpeg", "png", "webp", "gif", "tiff", "bmp", "ppm"} <= {c["name"] for c in info["codecs"] if c["available"]}
    for entry in [*info["codecs"], *info["backends"]]:
        assert entry["available"] or (entry["reason"] and entry["remedy"])
    assert "reference" in {b["name"] for b in info["backends"]}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["frobnicate"], "unknown subcommand 'frobnicate'. Allowed: info,"),
        (["plna", "photos"], "unknown subcommand 'plna', did you mean 'plan'? Allowed: info,"),
        (["--json"], "name a subcommand"),
        (["run"], "PLANS is required"),
        (["run", "card.yaml", "photos", "-o", "out", "--fail-on", "often"], "often"),
        (["run", "nothing.yaml", "photos", "-o", "out"], "nothing.yaml"),
        (["run", "card.yaml", "nowhere", "-o", "out"], "nowhere"),
        (["run", "card.yaml", "photos", "-o", "out", "--shard", "3/3"], "0 <= I < N"),
        (["run", "card.yaml", "photos", "-o", "out", "--memory", "lots"], "512M"),
        (["run", "card.yaml", "photos", "-o", "out", "--memory", "1"], "--memory"),
        (
            ["run", "card.yaml", "photos", "-o", "out", "--memory", "99999999T"],
            "--memory must lie between 1 and 1048576T",
        ),
        (["run", "card.yaml", "photos", "-o", "out", "--memory", "1e400"], "--memory must lie between"),
        (["run", "card.yaml", "photos", "-o", "out", "--memory", "nan"], "--memory must lie between"),
        (["run", "card.yaml", "photos", "-o", "out", "--memory", "0.1"], "--memory must lie between"),
        (["run", "card.yaml", "photos", "-o", "out", "--memory", "5Mega"], "512M"),
        (["run", "card.yaml", "photos", "-o", "out", "--max-pixels", "9999999999G"], "--max-pixels must lie between"),
        (["decode", "photos/000.jpg", "-o", "x.png", "--max-pixels", "inf"], "--max-pixels must lie between"),
        (["run", "card.yaml", "photos", "-o", "out", "--rendition", "small"], "it has: full"),
        (["plan", "photos", "--models", "card.yaml", "--min-accuracy", "7"], "7"),
        (["plan", "photos", "--models", "card.yaml", "--min-accuracy", "nan"], "fraction 0..1"),
        (["run", "card.yaml", "photos", "-o", "out", "--simd", "MMX"], "MMX"),
        (["run", "card.yaml", "photos", "-o", "out", "--disable-rule", "magic"], "magic"),
        (["plan", "photos"], "--models"),
        (["decode", "photos/000.jpg", "-o", "x.bmp"], "bmp"),
        (["decode", "photos/000.jpg", "-o", "x.png", "--region", "0,0,9999,1"], "inside"),
        (["decode", "photos/000.jpg", "-o", "x.png", "--scale", "1/3"], "1/3"),
        (["decode", "photos/000.jpg", "-o", "x.png", "--max-pixels", "10"], "--max-pixels"),
        (["preprocess", "photos/000.jpg", "--model", "card.yaml", "-o", "x.npy", "--fidelity", "blurry"], "exact"),
        (["rendition", "photos", "-o", "thumbs", "--format", "jpeg:101"], "1..100"),
        (["explain", "card.yaml"], "--input"),
    ],
)
def test_wrong_input_is_explained(tmp_path, arguments, says):
    write_pictures(tmp_path / "photos", 3)
    write_model(tmp_path, "card")
    done = smol(*arguments, check=False, cwd=tmp_path)
    assert done.returncode in (1, 2), done
    assert says in done.stderr, done.stderr
    assert "terminate" not in done.stderr


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("renditionz: {full: {path: photos}}", "renditionz"),
        ("renditions: [photos]", "renditions"),
        ("renditions: {full: {path: photos}}\nlabels: none.csv", "none.csv"),
        ("renditions: {full: {path: photos}}\ncalibration: 2", "calibration"),
        ("renditions: {full: {path: [}", "line"),
        ("renditions: {full: {path: photos, scale: 2}}", "unknown key 'scale' on line 1; allowed are path"),
    ],
)
def test_broken_dataset_files_are_explained(tmp_path, card, photos, line, says):
    (tmp_path / "dataset.yaml").write_text(line + "\n")
    done = smol("run", card, tmp_path / "dataset.yaml", "-o", tmp_path / "out", check=False)
    assert done.returncode in (1, 2) and says in done.stderr, done.stderr


def test_decode_equals_pillow(photos, tmp_path):
    for path in sorted(photos.iterdir()):
        smol("decode", path, "-o", tmp_path / "out.npy")
        expected = np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
        np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), expected)
        smol("decode", path, "-o", tmp_path / "out.png")
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.png")), expected)
        height, width = expected.shape[:2]
        smol("decode", path, "-o", tmp_path / "out.ppm", "--region", f"5,7,{width - 9},{height - 11}")
        np.testing.assert_array_equal(
            np.asarray(Image.open(tmp_path / "out.ppm")), expected[7 : height - 4, 5 : width - 4]
        )


def test_preprocess_equals_pillow(photos, tmp_path):
    card = write_model(tmp_path, "net", dtype="f32", size=32)
    for path in sorted(photos.iterdir()):
        smol("preprocess", path, "--model", card, "-o", tmp_path / "out.npy")
        image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        short, long = min(image.size), max(image.size)
        sides = (36, int(36 * long / short))
        image = image.resize(sides if image.width <= image.height else sides[::-1], Image.Resampling.BILINEAR)
        left, top = round((image.width - 32) / 2.0), round((image.height - 32) / 2.0)
        pixels = np.asarray(image.crop((left, top, left + 32, top + 32)), dtype=np.float32)
        np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), ((pixels - 127) / 128).transpose(2, 0, 1))


def test_rendition_pixels_equal_pillow(photos, tmp_path):
    report = smol_json("rendition", photos, "--short-side", "40", "--format", "png", "-o", tmp_path / "small")
    assert report["written"] == 24 and not report["failures"]
    for path in sorted(photos.iterdir()):
        image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        short, long = min(image.size), max(image.size)
        sides = (40, int(40 * long / short))
        image = image.resize(sides if image.width <= image.height else sides[::-1], Image.Resampling.BILINEAR)
        small = np.asarray(Image.open(tmp_path / "small" / (path.stem + ".png")))
        np.testing.assert_array_equal(small, np.asarray(image))
    assert (
        smol_json("rendition", photos, "--short-side", "40", "--format", "png", "-o", tmp_path / "small", "--resume")[
            "skipped"
        ]
        == 24
    )


@pytest.mark.parametrize(("sampling", "subsampled"), [("", 2), (":420", 2), (":444", 0)])
def test_rendition_jpegs_are_those_of_pillow(photos, tmp_path, sampling, subsampled):
    smol("rendition", photos, "--short-side", "40", "--format", "png", "-o", tmp_path / "png")
    smol("rendition", photos, "--short-side", "40", "--format", "jpeg:88" + sampling, "-o", tmp_path / "jpeg")
    for file in sorted((tmp_path / "png").glob("*.png")):
        encoded = io.BytesIO()
        with Image.open(file) as picture:
            picture.save(encoded, "jpeg", quality=88, subsampling=subsampled)
        with Image.open(encoded) as expected, Image.open(tmp_path / "jpeg" / f"{file.stem}.jpg") as ours:
            assert ours.layer == expected.layer
            assert np.abs(np.asarray(ours, int) - np.asarray(expected, int)).max() <= 1


def test_rendition_reports_each_failure(photos, tmp_path):
    (photos / "000.jpg").write_bytes(b"\xff\xd8nothing")
    done = smol("rendition", photos, "-o", tmp_path / "small", check=False)
    assert done.returncode == 1 and "000.jpg" in done.stderr and "23 files written" in done.stdout
    one = smol("rendition", photos / "001.jpg", "-o", tmp_path / "one")
    assert "1 file written" in one.stdout


@pytest.fixture(scope="module")
def planned_once(tmp_path_factory):
    """A dataset of two renditions and two models, planned."""
    tmp_path = tmp_path_factory.mktemp("planned")
    write_pictures(tmp_path / "photos")
    photos = tmp_path / "photos"
    smol("rendition", photos, "--short-side", "40", "--format", "png", "-o", tmp_path / "small")
    cards = [write_model(tmp_path, "fast", size=32), write_model(tmp_path, "slow", size=32, seed=3, delay_us=3000)]
    names = sorted(p.name for p in photos.iterdir())
    (tmp_path / "labels.csv").write_text("item,label\n" + "".join(f"{name},{i % 10}\n" for i, name in enumerate(names)))
    (tmp_path / "dataset.yaml").write_text(
        "renditions: {full: {path: photos}, small: {path: small}}\nlabels: labels.csv\n"
        f"models: [{cards[0].name}, {cards[1].name}]\n"
    )
    smol("plan", tmp_path / "dataset.yaml", "-o", tmp_path / "plans.yaml", "--repeats", "2")
    return tmp_path


@pytest.fixture
def planned(planned_once, tmp_path):
    """A copy of it, to do with as one likes."""
    shutil.copytree(planned_once, tmp_path, dirs_exist_ok=True)
    return tmp_path / "plans.yaml"


def test_plan_measures_every_combination(planned):
    text = planned.read_text()
    for plan in ("fast/full/exact", "slow/full/exact", "fast/small/exact", "slow/small/exact"):
        assert f"id: {plan}" in text
    assert "accuracy_kind: labels" in text


def test_plans_parse_back(planned, photos, tmp_path, rows_of):
    smol("run", planned, tmp_path / "dataset.yaml", "-o", tmp_path / "out.parquet")
    assert len(rows_of(tmp_path / "out.parquet")) == 24
    explained = smol("explain", planned, "--plan", "fast/full/exact").stdout
    assert "forms:" in explained and "rules:" in explained and "measured" in explained
    broken = tmp_path / "broken.yaml"
    broken.write_text(planned.read_text().replace("rendition:", "rendering:"))
    done = smol("run", broken, photos, "-o", tmp_path / "x", check=False)
    assert done.returncode == 2 and "rendering" in done.stderr
    broken.write_text(planned.read_text().replace("format: 2", "format: 99"))
    done = smol("run", broken, photos, "-o", tmp_path / "x", check=False)
    assert done.returncode != 0 and "plan again" in done.stderr
    done = smol("run", planned, photos, "-o", tmp_path / "x", "--plan", "none", check=False)
    assert done.returncode != 0 and "fast/full/exact" in done.stderr


def test_reduced_fidelities_run_over_mixed_folders(photos, tmp_path, rows_of):
    """PNG has no scales and no planes, small pictures no headroom: they are decoded as far as they allow."""
    card = write_model(tmp_path, "net", size=16)
    (tmp_path / "dataset.yaml").write_text(f"renditions: {{full: {{path: photos}}}}\nmodels: [{card.name}]\n")
    smol("plan", tmp_path / "dataset.yaml", "-o", tmp_path / "plans.yaml", "--repeats", "1", "--all-fidelities")
    text = (tmp_path / "plans.yaml").read_text()
    ids = [line.split("id: ")[1] for line in text.splitlines() if "id: " in line]
    assert any("scale" in plan for plan in ids)
    for number, plan in enumerate(ids):
        smol("run", tmp_path / "plans.yaml", photos, "-o", tmp_path / f"out{number}", "--plan", plan)
        assert all(row["status"] == "ok" for row in rows_of(tmp_path / f"out{number}").values())


def test_a_changed_model_voids_its_plans(planned, tmp_path):
    write_model(tmp_path, "fast", size=32, seed=77)
    done = smol(
        "run", planned, tmp_path / "dataset.yaml", "-o", tmp_path / "x", "--plan", "fast/full/exact", check=False
    )
    assert done.returncode == 2 and "plan again" in done.stderr


def test_infeasible_constraints_name_the_nearest(planned, tmp_path):
    done = smol("plan", tmp_path / "dataset.yaml", "--min-throughput", "1e9", "--repeats", "1", check=False)
    assert done.returncode == 1 and "preprocessing alone reaches" in done.stderr
    assert "the most that can be had is" in done.stderr
    done = smol("plan", tmp_path / "dataset.yaml", "--min-accuracy", "1", "--repeats", "1", check=False)
    assert done.returncode == 1 and "what the data support is" in done.stderr


def test_measure_reports_parts_and_bounds(card, photos):
    report = smol_json("measure", card, photos, "--repeats", "2", "--seconds", "0.1", "--unfused")
    assert report["preprocess_alone"]["median"] > 0 and report["infer_alone"]["median"] > 0
    assert len(report["together"]["samples"]) == 2
    assert report["unfused_us"]["decode"] > 0 and report["unfused_us"]["fused"] > 0


def test_completion_knows_every_command():
    script = smol("completion").stdout
    assert all(f"{command})" in script for command in COMMANDS if command != "completion")


def test_plugins_add_user_operators(photos, tmp_path):
    card = write_model(tmp_path, "inverted", dtype="u8", size=32)
    before, after = card.read_text().split("preprocess:")
    output = after[after.index("output:") :]
    steps = "{resize: {width: 32, height: 32}}, {user: invert}"
    card.write_text(f"{before}preprocess: {{operators: [{steps}]}}\n{output}")
    plugin = PROGRAM.parent / "libsmol_test_plugin.so"
    for path in sorted(photos.iterdir())[:6]:
        smol("preprocess", path, "--model", card, "-o", tmp_path / "out.npy", "--plugin", plugin)
        image = ImageOps.exif_transpose(Image.open(path)).convert("RGB").resize((32, 32), Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), 255 - np.asarray(image))
    smol("run", card, photos, "-o", tmp_path / "out", "--plugin", plugin)
    done = smol("run", card, photos, "-o", tmp_path / "without", check=False)
    assert done.returncode == 1 and "invert" in done.stderr
    done = smol("info", "--plugin", card, check=False)
    assert done.returncode == 2 and "plug-in" in done.stderr


def test_unfused_stages_include_the_transfer(card, photos, tmp_path):
    short = ["--repeats", "1", "--seconds", "0.1", "--unfused"]
    report = smol_json("measure", card, photos, *short)
    assert report["unfused_us"]["transfer"] is None
    assert (
        "transfer to and from the device: none (host memory is the device's)"
        in smol("measure", card, photos, *short).stdout
    )
    device = write_simulated_model(tmp_path)
    stages = smol_json("measure", device, photos, *short, "--batch", "1")["unfused_us"]
    # Two latencies of 10 us, and 128 x 128 x 3 bytes in at 1,000 a microsecond.
    assert stages["transfer"] == pytest.approx(20 + 128 * 128 * 3 / 1000, rel=0.05)
    assert "(simulated)" in smol("measure", device, photos, *short).stdout


def test_runs_without_pinning_stage_their_copies(card, photos, tmp_path):
    device = write_simulated_model(tmp_path)
    expected = smol_json("run", device, photos, "-o", tmp_path / "pinned")
    without = smol("run", device, photos, "-o", tmp_path / "pageable", "--without", "pinning", "--json")
    assert "no effect" not in without.stderr and expected["rows"] == 24
    assert np.array_equal(labels(tmp_path / "pinned"), labels(tmp_path / "pageable"))
    told = smol("run", card, photos, "-o", tmp_path / "host", "--without", "pinning").stderr
    assert "--without pinning has no effect" in told and "reference" in told


def labels(output):
    """Labels by item."""
    import pyarrow.parquet as pq

    table = pq.read_table(output).sort_by("item")
    return table["label"].to_pylist()


def test_planning_without_low_resolution(card, photos, tmp_path):
    smol("rendition", photos, "--short-side", "36", "--format", "png", "-o", tmp_path / "thumbs")
    dataset = tmp_path / "dataset.yaml"
    dataset.write_text(
        f"renditions: {{full: {{path: photos}}, thumb: {{path: thumbs}}}}\nmodels: [{card.name}]\ncalibration: 0.3\n"
    )
    renditions = {}
    for options in ([], ["--without", "low-resolution"]):
        plans = smol_json("plan", dataset, "--repeats", "1", "--batch", "2", *options)
        renditions[len(options)] = {plan["rendition"] for plan in [*plans["plans"], *plans["dominated"]]}
    assert renditions == {0: {"full", "thumb"}, 2: {"full"}}
    refused = smol("run", card, photos, "-o", tmp_path / "out", "--without", "low-resolution", check=False)
    assert "is for `smol plan`" in refused.stderr
    assert "--without takes here" in smol("plan", dataset, "--without", "threading", check=False).stderr


def test_the_batch_of_a_card_is_the_fastest_where_it_is_measured(photos, tmp_path):
    device = write_simulated_model(tmp_path, "{1: 200, 8: 1500, 16: 800}")
    short = ["--repeats", "1", "--seconds", "0.1"]
    assert smol_json("measure", device, photos, *short)["report"]["batch"] == 8
    assert smol_json("measure", device, photos, *short, "--batch", "4")["report"]["batch"] == 4
    assert smol_json("run", device, photos, "-o", tmp_path / "few")["batch"] == 1
    names = sorted(p.name for p in photos.iterdir())
    for i in range(5000 // len(names) + 1):
        (photos / f"copy{i}").mkdir()
        for name in names:
            (photos / f"copy{i}" / name).symlink_to(photos / name)
    report = smol_json("run", device, photos, "-o", tmp_path / "many")
    assert report["batch"] == 8 and report["error_rows"] == 0


def test_renditions_replace_nothing_unasked(tmp_path):
    photos = tmp_path / "photos"
    write_pictures(photos, 3)
    before = {path.name: path.read_bytes() for path in photos.iterdir()}
    for folder in (photos, photos / "thumbs"):
        done = smol("rendition", photos, "-o", folder, check=False)
        assert done.returncode == 2 and "among its pictures" in done.stderr
    assert {path.name: path.read_bytes() for path in photos.iterdir()} == before
    small = ["rendition", photos, "-o", tmp_path / "small"]
    smol(*small, "--short-side", "40")
    done = smol(*small, "--short-side", "20", check=False)
    assert done.returncode == 2 and "--overwrite" in done.stderr
    smol(*small, "--short-side", "20", "--overwrite")
    with Image.open(next((tmp_path / "small").glob("*.jpg"))) as picture:
        assert min(picture.size) == 20


def test_renditions_of_one_stem_are_refused(tmp_path):
    photos = tmp_path / "photos"
    write_pictures(photos, 1)
    original = next(iter(photos.iterdir()))
    with Image.open(original) as picture:
        picture.save(original.with_suffix(".png"))
    done = smol("rendition", photos, "-o", tmp_path / "small", check=False)
    assert done.returncode != 0 and "extension" in done.stderr


def test_named_pipes_are_no_pictures(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    done = smol("inspect", tmp_path / "pipe.jpg", check=False)
    assert done.returncode == 1 and "not a regular file" in done.stderr


def test_numbers_too_large_for_a_region_are_refused(tmp_path):
    photos = tmp_path / "photos"
    write_pictures(photos, 1)
    picture = next(iter(photos.iterdir()))
    done = smol("decode", picture, "--region", "4294967296,0,1,1", "-o", tmp_path / "a.npy", check=False)
    assert done.returncode == 2 and "region" in done.stderr


def test_the_failure_budget_counts_in_small_runs(tmp_path):
    photos = tmp_path / "photos"
    write_pictures(photos, 4)
    (photos / "bad.jpg").write_bytes(b"no picture")
    card = write_model(tmp_path)
    allowed = smol("run", card, photos, "-o", tmp_path / "a", "--max-failures", "30%", check=False)
    assert allowed.returncode == 0, allowed.stderr
    refused = smol("run", card, photos, "-o", tmp_path / "b", "--max-failures", "10%", check=False)
    assert refused.returncode == 1 and "--max-failures allows 10 %: 1 of 5" in refused.stderr


def test_graph_nodes_are_no_paths(tmp_path):
    graph = tmp_path / "graph.yaml"
    graph.write_text("format: 1\nnodes: {../esc: {operators: [{resize: {width: 8, height: 8}}]}}\noutputs: [../esc]\n")
    write_pictures(tmp_path / "photos", 1)
    picture = next(iter((tmp_path / "photos").iterdir()))
    done = smol("preprocess", picture, "--graph", graph, "-o", tmp_path / "out", check=False)
    assert done.returncode != 0 and "slash" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "card.yaml", "photos", "-o", "out", "--plan", "none"],
        ["run", "card.yaml", "photos", "-o", "out", "--rendition", "none"],
        ["run", "card.yaml", "photos", "-o", "out", "--without", "none"],
        ["run", "card.yaml", "photos", "-o", "out", "--disable-rule", "none"],
        ["run", "card.yaml", "photos", "-o", "out", "--shard", "none"],
        ["run", "card.yaml", "photos", "-o", "out", "--memory", "none"],
        ["run", "card.yaml", "photos", "-o", "out", "--batch", "none"],
        ["run", "card.yaml", "photos", "-o", "out", "--simd", "none"],
        ["explain", "card.yaml"],
        ["preprocess", "photos/000.jpg", "--model", "card.yaml", "-o", "x.npy", "--fidelity", "none"],
        ["preprocess", "photos/000.jpg", "-o", "x.npy"],
        ["decode", "photos/000.jpg", "-o", "x.none"],
        ["decode", "photos/000.jpg", "-o", "x.png", "--scale", "none"],
        ["decode", "photos/000.jpg", "-o", "x.png", "--region", "none"],
        ["rendition", "photos", "-o", "out", "--format", "none"],
        ["none"],
    ],
)
def test_wrong_arguments_exit_with_2(tmp_path, arguments):
    write_pictures(tmp_path / "photos", 1)
    write_model(tmp_path, "card")
    if "--plan" in arguments:
        smol("plan", tmp_path / "photos", "--models", tmp_path / "card.yaml", "-o", tmp_path / "plans.yaml")
        arguments = ["plans.yaml" if word == "card.yaml" else word for word in arguments]
    done = smol(*arguments, check=False, cwd=tmp_path)
    assert done.returncode == 2, done


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "none.yaml", "photos", "-o", "out"],
        ["run", "card.yaml", "none", "-o", "out"],
        ["plan", "photos", "--models", "none.yaml"],
        ["measure", "card.yaml", "none"],
        ["explain", "none.yaml", "--input", "photos"],
        ["inspect", "none.jpg"],
        ["decode", "none.jpg", "-o", "x.png"],
        ["preprocess", "none.jpg", "--model", "card.yaml", "-o", "x.npy"],
        ["preprocess", "photos/000.jpg", "--model", "none.yaml", "-o", "x.npy"],
        ["rendition", "none", "-o", "out"],
        ["info", "--plugin", "none.so"],
    ],
)
def test_missing_files_exit_with_1(tmp_path, arguments):
    write_pictures(tmp_path / "photos", 1)
    write_model(tmp_path, "card")
    done = smol(*arguments, check=False, cwd=tmp_path)
    assert done.returncode == 1 and "none" in done.stderr, done


def test_quiet_commands_print_no_summaries(photos, tmp_path):
    card = write_model(tmp_path)
    for arguments in (
        ["run", card, photos, "-o", tmp_path / "out"],
        ["rendition", photos, "-o", tmp_path / "small"],
        ["decode", photos / "000.jpg", "-o", tmp_path / "x.png"],
        ["preprocess", photos / "000.jpg", "--model", card, "-o", tmp_path / "x.npy"],
        ["plan", photos, "--models", card, "--repeats", "1", "--calibration", "2", "-o", tmp_path / "plans.yaml"],
    ):
        done = smol("-q", *arguments)
        assert (done.stdout, done.stderr) == ("", ""), arguments
    assert "items" in smol("-q", "run", card, photos, "-o", tmp_path / "again", "--json").stdout
    assert "batch" in smol("-q", "explain", tmp_path / "plans.yaml").stdout


def test_one_of_a_thing_is_singular(photos, tmp_path):
    card = write_model(tmp_path)
    done = smol("run", card, photos / "000.jpg", "-o", tmp_path / "out")
    assert "1 item in" in done.stdout and "1 row (0 errors)" in done.stdout
    assert "1 item," in smol("run", card, photos / "000.jpg", "-o", tmp_path / "none", "--dry-run").stdout


def test_plan_files_refuse_what_acts_on_planning(card, photos, tmp_path):
    plans = tmp_path / "plans.yaml"
    smol("plan", photos, "--models", card, "--repeats", "1", "--calibration", "2", "-o", plans)
    for options in (["--without", "dag"], ["--without", "region"], ["--disable-rule", "fuse"]):
        for command in (["run", plans, photos, "-o", tmp_path / "out"], ["measure", plans, photos]):
            done = smol(*command, *options, check=False)
            assert done.returncode == 2 and "`smol plan`" in done.stderr and "model card" in done.stderr
    done = smol("measure", plans, photos, "--without", "low-resolution", check=False)
    assert done.returncode == 2 and "is for `smol plan`" in done.stderr
    done = smol("explain", plans, "--disable-rule", "fuse", check=False)
    assert done.returncode == 2 and "`smol plan`" in done.stderr
    assert not (tmp_path / "out").exists()


def test_measure_leaves_failed_items_out_and_says_so(card, photos, tmp_path):
    short = ["--repeats", "1", "--seconds", "0.1", "--batch", "1"]
    assert "failed" not in smol("measure", card, photos, *short).stdout
    (photos / "004.jpg").write_bytes(b"no picture")
    (photos / "009.jpg").write_bytes(b"")
    told = smol("measure", card, photos, *short, "--unfused").stdout
    assert "2 of 24 items failed and are left out of the rates; the first, 004.jpg: unsupported" in told
    report = smol_json("measure", card, photos, *short)
    assert report["items"] == 24 and report["failed_items"] == 2 and report["first_failure"]["item"] == "004.jpg"
    assert report["report"]["error_rows"] == 0
    for path in photos.iterdir():
        path.write_bytes(b"no picture")
    done = smol("measure", card, photos, *short, check=False)
    assert done.returncode == 1 and "all of 24 items failed" in done.stderr and "000.jpg" in done.stderr


def test_preprocess_clips_regions_and_says_so(photos, tmp_path):
    card = write_model(tmp_path)
    name = photos / "000.jpg"
    with Image.open(name) as image:
        width, height = ImageOps.exif_transpose(image).size
    arguments = ["preprocess", name, "--model", card, "-o"]
    inside = smol(*arguments, tmp_path / "a.npy", "--region", f"10,12,{width - 10},{height - 12}")
    beyond = smol(*arguments, tmp_path / "b.npy", "--region", f"10,12,{width - 9},{height - 10}")
    assert inside.stderr == "" and f"sticks out of the picture of {width}x{height} and is clipped" in beyond.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), np.load(tmp_path / "b.npy"))
    missed = smol(*arguments, tmp_path / "c.npy", "--region", f"{width},0,5,5", check=False)
    assert missed.returncode == 2 and f"misses the picture of {width}x{height}" in missed.stderr
    part = smol("decode", name, "-o", tmp_path / "x.png", "--region", f"10,12,{width - 9},9", check=False)
    assert part.returncode == 2 and f"must lie inside the picture of {width}x{height}" in part.stderr


def test_resumed_renditions_keep_only_what_was_made_alike(photos, tmp_path):
    small = ["rendition", photos, "-o", tmp_path / "small"]
    smol(*small, "--short-side", "40", "--format", "jpeg:80")
    for other in (["--short-side", "20", "--format", "jpeg:80"], ["--short-side", "40", "--format", "jpeg:75"]):
        done = smol(*small, *other, "--resume", check=False)
        assert done.returncode == 2 and "other settings" in done.stderr and "--overwrite" in done.stderr
    alike = [*small, "--short-side", "40", "--format", "jpeg:80", "--resume"]
    (tmp_path / "small" / "007.jpg").unlink()
    assert smol_json(*alike)["written"] == 1
    (tmp_path / "small" / ".smol-rendition.json").unlink()
    done = smol(*alike, check=False)
    assert done.returncode == 2 and "there unknown" in done.stderr
    smol(*alike[:-1], "--overwrite")
    assert smol_json(*alike)["skipped"] == 24


def test_an_interrupted_overwrite_is_resumed_with_new_files_only(photos, tmp_path):
    small = ["rendition", photos, "-o", tmp_path / "small"]
    smol(*small, "--short-side", "20", "--format", "png")
    old = {path.name: path.read_bytes() for path in (tmp_path / "small").glob("*.png")}
    smol(*small, "--short-side", "40", "--format", "png", "--overwrite")
    replaced = tmp_path / "small" / "005.png"
    replaced.write_bytes(old["005.png"])  # as if it had not been its turn yet
    os.utime(replaced, (1, 1))
    assert smol_json(*small, "--short-side", "40", "--format", "png", "--resume")["written"] == 1
    with Image.open(replaced) as picture:
        assert min(picture.size) == 40


def test_what_is_no_picture_in_a_folder_is_counted(card, photos, tmp_path):
    os.mkfifo(photos / "pipe.jpg")
    (photos / "notes.md").write_text("of the photographer")
    (photos / ".hidden.md").write_text("not counted")
    (photos / "000.jpg").rename(photos / "first")
    (photos / "003.png").rename(photos / "third.png.orig")
    (photos / "gone.jpg").symlink_to(photos / "nowhere.jpg")
    done = smol("run", card, photos, "-o", tmp_path / "out", "--json")
    assert "no picture" in done.stderr and ": 3 in" in done.stderr
    assert '"passed_over": 3' in done.stdout and '"items": 24' in done.stdout


def test_lists_have_comments_and_blank_lines(card, photos, tmp_path):
    (photos / "list.txt").write_text("# the first\n000.jpg\n\n  \n#001.jpg\n002.jpg\n")
    assert smol_json("run", card, photos / "list.txt", "-o", tmp_path / "out")["items"] == 2
    (photos / "empty.txt").write_text("# nothing\n")
    done = smol("run", card, photos / "empty.txt", "-o", tmp_path / "none", check=False)
    assert done.returncode == 2 and "names no items" in done.stderr
