"""`smol run`: every item has its row, whatever the machine's shape and whatever is wrong with the files."""

import collections
import contextlib
import json
import os
import pathlib
import random
import signal
import subprocess
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageOps

from conftest import PROGRAM, picture, smol, smol_json, write_model, write_pictures

ANSWERS = ("label", "score", "top_labels", "top_scores", "status", "error_code", "fingerprint", "plan_hash")


def answers(rows: dict[str, dict]) -> dict[str, tuple]:
    """What must not depend on how a run was executed."""
    return {key: tuple(str(row[name]) for name in ANSWERS) for key, row in rows.items()}


def test_every_item_has_a_row(card, photos, tmp_path, rows_of):
    report = smol_json("run", card, photos, "-o", tmp_path / "out")
    rows = rows_of(tmp_path / "out")
    assert report["items"] == report["rows"] == len(rows) == 24
    assert all(row["status"] == "ok" and 0 <= row["label"] < 10 for row in rows.values())
    assert {row["item"] for row in rows.values()} == {p.name for p in photos.iterdir()}


CONFIGURATIONS = [
    ["--workers", "1", "--streams", "1", "--batch", "1"],
    ["--workers", "17", "--streams", "3", "--batch", "5"],
    ["--batch", "64"],
    ["--hint", "latency"],
    ["--without", "threading"],
    ["--without", "pipelining", "--batch", "4"],
    ["--without", "buffer-reuse"],
    ["--without", "over-allocation"],
    ["--memory", "400K", "--workers", "5"],
    ["--disable-rule", "fuse"],
    ["--disable-rule", "push_region_into_decoder"],
    ["--disable-rule", "swap_crop_before_resize", "--disable-rule", "fuse"],
    ["--without", "dag"],
    ["--without", "dag", "--without", "region", "--without", "buffer-reuse", "--without", "pipelining"],
    ["--ordered"],
    ["--io-threads", "3"],
    ["--io-threads", "2", "--memory", "400K", "--ordered"],
]


def test_answers_do_not_depend_on_the_configuration(card, photos, tmp_path, rows_of):
    smol("run", card, photos, "-o", tmp_path / "base")
    expected = answers(rows_of(tmp_path / "base"))
    targets = smol_json("info")["simd_targets"]
    print("SIMD targets tested:", targets)
    for index, options in enumerate([*CONFIGURATIONS, *(["--simd", target] for target in targets)]):
        output = tmp_path / f"out{index}"
        smol("run", card, photos, "-o", output, *options)
        assert answers(rows_of(output)) == expected, options


def test_the_latency_hint_is_one_picture_on_all_cores(card, photos, tmp_path):
    report = smol_json("run", card, photos, "-o", tmp_path / "latency", "--hint", "latency")
    assert (report["batch"], report["streams"]) == (1, 1)
    given = ["--hint", "latency", "--batch", "3", "--streams", "2"]
    report = smol_json("run", card, photos, "-o", tmp_path / "given", *given)
    assert (report["batch"], report["streams"]) == (3, 2)


def test_reference_answers_match_pillow_and_numpy(tmp_path, photos, rows_of):
    """The whole way from bytes to logits against Pillow's preprocessing and the model's arithmetic done in NumPy."""
    card = write_model(tmp_path, "mean", size=32)
    (tmp_path / "mean.refmodel").write_text(
        "format: 1\nkind: mean\ninput: {name: input, dtype: u8, layout: NHWC, width: 32, height: 32, channels: 3}\n"
    )
    text = card.read_text().replace("classification", "raw").replace("output: {activation: none, classes: 10}\n", "")
    card.write_text(text)
    smol("run", card, photos, "-o", tmp_path / "out.parquet")
    for row in rows_of(tmp_path / "out.parquet").values():
        image = ImageOps.exif_transpose(Image.open(photos / row["item"])).convert("RGB")
        short, long = min(image.size), max(image.size)
        sides = (36, int(36 * long / short))
        size = sides if image.width <= image.height else sides[::-1]
        image = image.resize(size, Image.Resampling.BILINEAR)
        left, top = round((image.width - 32) / 2.0), round((image.height - 32) / 2.0)
        pixels = np.asarray(image.crop((left, top, left + 32, top + 32)), dtype=np.float64)
        np.testing.assert_allclose(row["embedding"], pixels.mean(axis=(0, 1)), atol=1e-3)


def test_ordered_output_keeps_the_order(card, photos, tmp_path):
    smol("run", card, photos, "-o", tmp_path / "out.parquet", "--ordered", "--workers", "7", "--batch", "3")
    assert pq.read_table(tmp_path / "out.parquet")["item"].to_pylist() == sorted(p.name for p in photos.iterdir())


def damage(folder: pathlib.Path) -> dict[str, set[str]]:
    """Spoils some files in every way that happens; returns the codes that each may be reported with."""
    names = sorted(p.name for p in folder.iterdir())
    spoiled = {}
    data = (folder / names[0]).read_bytes()
    (folder / names[0]).write_bytes(data[: len(data) // 2])
    spoiled[names[0]] = {"truncated"}
    (folder / names[1]).write_bytes(b"")
    spoiled[names[1]] = {"truncated"}
    (folder / names[2]).write_bytes(b"this is text, not a picture\n" * 20)
    spoiled[names[2]] = {"unsupported"}
    (folder / names[4]).write_bytes(b"\xff\xd8\xff\xe0" + b"\x00" * 400)
    spoiled[names[4]] = {"corrupt", "truncated"}
    (folder / names[5]).unlink()
    (folder / names[5]).symlink_to(folder / "nowhere.jpg")
    return spoiled


def test_bad_files_cost_their_own_row_only(card, photos, tmp_path, rows_of):
    names = sorted(p.name for p in photos.iterdir())
    smol("run", card, photos, "-o", tmp_path / "clean")
    clean = answers(rows_of(tmp_path / "clean"))
    spoiled = damage(photos)
    listing = photos / "list.txt"
    listing.write_text("\n".join([*names, "missing.jpg"]) + "\n")
    done = smol("run", card, listing, "-o", tmp_path / "out", check=False)
    assert done.returncode == 1 and "rows are errors" in done.stderr
    rows = rows_of(tmp_path / "out")
    assert len(rows) == len(names) + 1
    spoiled |= {names[5]: {"not_found"}, "missing.jpg": {"not_found"}}
    for key, row in rows.items():
        if row["item"] in spoiled:
            assert row["status"] == "error" and row["error_code"] in spoiled[row["item"]], row
            assert row["error_message"] and row["label"] is None
        else:
            assert answers({key: row})[key] == clean[key]


def test_lenient_decoding_marks_its_answers(card, photos, tmp_path, rows_of):
    spoiled = damage(photos)
    smol("run", card, photos, "-o", tmp_path / "out", "--fail-on", "none", "--max-failures", "100%")
    statuses = {row["item"]: row["status"] for row in rows_of(tmp_path / "out").values()}
    first = sorted(spoiled)[0]
    assert statuses[first] == "truncated"


def test_failure_budget_stops_the_run(card, tmp_path):
    names = write_pictures(tmp_path / "many", 120)
    for name in names[::2]:
        (tmp_path / "many" / name).write_bytes(b"nothing")
    done = smol(
        "run", card, tmp_path / "many", "-o", tmp_path / "out", "--max-failures", "5%", "--workers", "1", check=False
    )
    assert done.returncode == 1 and "--max-failures" in done.stderr


def test_inference_failures_are_rows(photos, tmp_path, rows_of):
    card = write_model(tmp_path, "flaky", fail_every=3)
    done = smol("run", card, photos, "-o", tmp_path / "out", "--batch", "1", check=False)
    assert done.returncode == 1
    rows = rows_of(tmp_path / "out")
    failed = [row for row in rows.values() if row["status"] == "error"]
    assert len(rows) == 24 and failed and all(row["error_stage"] == "infer" for row in failed)


def test_single_file_and_folder_hold_the_same_rows(card, photos, tmp_path, rows_of):
    smol("run", card, photos, "-o", tmp_path / "out")
    smol("run", card, photos, "-o", tmp_path / "out.parquet")
    assert answers(rows_of(tmp_path / "out")) == answers(rows_of(tmp_path / "out.parquet"))
    assert not (tmp_path / "out.parquet.parts").exists()


def test_an_existing_output_is_not_overwritten_silently(card, photos, tmp_path):
    smol("run", card, photos, "-o", tmp_path / "out.parquet")
    before = (tmp_path / "out.parquet").read_bytes()
    done = smol("run", card, photos, "-o", tmp_path / "out.parquet", check=False)
    assert done.returncode == 2 and "--resume" in done.stderr
    assert (tmp_path / "out.parquet").read_bytes() == before
    smol("run", card, photos, "-o", tmp_path / "out.parquet", "--overwrite")


def test_resume_does_only_what_is_missing(card, photos, tmp_path, rows_of):
    smol("run", card, photos, "-o", tmp_path / "out")
    write_pictures(photos, 30)  # six more; the others are written again and have a new time
    for name in ("000.jpg", "001.jpg"):
        os.utime(photos / name, (1, 1))
    report = smol_json("run", card, photos, "-o", tmp_path / "again", "--resume")
    assert report["items"] == 30 and report["skipped"] == 0
    report = smol_json("run", card, photos, "-o", tmp_path / "again", "--resume", "--batch", "7")
    assert report["items"] == 0 and report["skipped"] == 30
    report = smol_json("run", write_model(tmp_path, "tiny", seed=2), photos, "-o", tmp_path / "again", "--resume")
    assert report["items"] == 30, "another model has other answers"


def test_shards_cover_every_item_once(card, photos, tmp_path):
    for shard in range(3):
        smol("run", card, photos, "-o", tmp_path / "out", "--shard", f"{shard}/3")
    items = pq.read_table(tmp_path / "out")["item"].to_pylist()
    assert sorted(items) == sorted(p.name for p in photos.iterdir())


@pytest.mark.parametrize("single_file", [False, True])
def test_killed_runs_resume_to_the_same_rows(tmp_path, rows_of, single_file):
    """kill -9 at random moments, then --resume: the rows of an undisturbed run, none twice."""
    write_pictures(tmp_path / "photos", 150)
    card = write_model(tmp_path, "slow", delay_us=4000)
    smol("run", card, tmp_path / "photos", "-o", tmp_path / "whole")
    expected = answers(rows_of(tmp_path / "whole"))
    output = tmp_path / ("out.parquet" if single_file else "out")
    words = [
        str(PROGRAM),
        "run",
        str(card),
        str(tmp_path / "photos"),
        "-o",
        str(output),
        "--resume",
        "--part-rows",
        "7",
    ]
    generator = random.Random(5)
    killed = 0
    for _ in range(6):
        process = subprocess.Popen([*words, "--batch", "2"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(generator.uniform(0.02, 0.25))
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
    assert killed > 0
    report = json.loads(subprocess.run([*words, "--json"], capture_output=True, text=True, check=True).stdout)
    rows = rows_of(output)
    assert report["skipped"] + report["items"] == 150
    assert answers(rows) == expected


def test_interrupt_keeps_what_is_done(tmp_path, rows_of):
    write_pictures(tmp_path / "photos", 100)
    card = write_model(tmp_path, "slow", delay_us=20000)
    words = [
        str(PROGRAM),
        "run",
        str(card),
        str(tmp_path / "photos"),
        "-o",
        str(tmp_path / "out"),
        "--streams",
        "1",
        "--batch",
        "1",
    ]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(0.6)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1 and "--resume" in errors
    done = rows_of(tmp_path / "out")
    assert 0 < len(done) < 100 and all(row["status"] == "ok" for row in done.values())
    report = smol_json("run", card, tmp_path / "photos", "-o", tmp_path / "out", "--resume")
    assert report["items"] + len(done) == 100
    assert len(rows_of(tmp_path / "out")) == 100


def test_several_models_share_one_decoding(photos, tmp_path, rows_of):
    first, second = write_model(tmp_path, "one", seed=1), write_model(tmp_path, "two", seed=9, size=48)
    dataset = tmp_path / "dataset.yaml"
    dataset.write_text(f"renditions: {{full: {{path: photos}}}}\nmodels: [{first.name}, {second.name}]\n")
    plans = tmp_path / "plans.yaml"
    smol("plan", dataset, "-o", plans, "--repeats", "1", "--exact-only", "--calibration", "4")
    ids = ["one/full/exact", "two/full/exact"]
    smol("run", plans, photos, "-o", tmp_path / "both", "--plan", ids[0], "--plan", ids[1])
    together = rows_of(tmp_path / "both")
    assert len(together) == 48
    for plan in ids:
        smol("run", plans, photos, "-o", tmp_path / plan.replace("/", "-"), "--plan", plan)
        alone = rows_of(tmp_path / plan.replace("/", "-"))
        assert answers(alone) == {key: value for key, value in answers(together).items() if key.endswith(plan)}


def test_regions_have_their_own_rows(card, photos, tmp_path, rows_of):
    lines = ["item,region,x,y,width,height"]
    for name in sorted(p.name for p in photos.iterdir()):
        lines += [f"{name},left,0,0,20,30", f"{name},right,15,10,35,40"][: 1 + (name != "001.jpg")]
    (tmp_path / "regions.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "dataset.yaml").write_text("renditions: {full: {path: photos}}\nregions: regions.csv\n")
    smol("run", card, tmp_path / "dataset.yaml", "-o", tmp_path / "out")
    rows = rows_of(tmp_path / "out")
    assert len(rows) == 47
    # The same answers as for pictures that were cut out beforehand.
    cut = tmp_path / "cut"
    cut.mkdir()
    for name in sorted(p.name for p in photos.iterdir()):
        image = ImageOps.exif_transpose(Image.open(photos / name)).convert("RGB")
        image.crop((0, 0, 20, 30)).save(cut / f"{name}.png")
    smol("run", card, cut, "-o", tmp_path / "cut-out")
    for row in rows_of(tmp_path / "cut-out").values():
        match = next(r for r in rows.values() if r["item"] + ".png" == row["item"] and r["region"] == "left")
        assert (match["label"], match["top_scores"]) == (row["label"], row["top_scores"])
    report = smol_json("run", card, tmp_path / "dataset.yaml", "-o", tmp_path / "out", "--resume")
    assert report["items"] == 0


def test_stage_times_are_columns(card, photos, tmp_path):
    smol("run", card, photos, "-o", tmp_path / "out.parquet", "--stage-times")
    table = pq.read_table(tmp_path / "out.parquet")
    assert min(table["decode_us"].to_pylist()) > 0 and min(table["infer_us"].to_pylist()) >= 0


def test_dry_run_writes_nothing(card, photos, tmp_path):
    done = smol("run", card, photos, "-o", tmp_path / "out", "--dry-run")
    assert "24 items" in done.stdout and not (tmp_path / "out").exists()


def write_region_dataset(folder: pathlib.Path) -> pathlib.Path:
    """Twelve larger pictures; some with neighbouring regions, some with small ones far apart."""
    (folder / "large").mkdir()
    lines = ["item,region,x,y,width,height"]
    for i in range(12):
        name = f"{i:02}.{'png' if i % 6 == 5 else 'jpg'}"
        picture(i, 640, 480).save(folder / "large" / name)
        far = i % 3 == 2
        lines += [f"{name},a,10,12,40,40", f"{name},b,{590 if far else 30},{430 if far else 25},40,40"]
        lines += [] if far else [f"{name},c,0,0,90,80"]
    (folder / "regions.csv").write_text("\n".join(lines) + "\n")
    (folder / "dataset.yaml").write_text("renditions: {full: {path: large}}\nregions: regions.csv\n")
    return folder / "dataset.yaml"


def test_regions_share_decodings_and_answer_as_if_alone(card, tmp_path, rows_of):
    dataset = write_region_dataset(tmp_path)
    report = smol_json("run", card, dataset, "-o", tmp_path / "out")
    rows = rows_of(tmp_path / "out")
    assert len(rows) == 4 * 2 + 8 * 3
    assert 12 < report["decodes"] < len(rows)
    all_lines = (tmp_path / "regions.csv").read_text().splitlines()
    for name in "abc":
        kept = [all_lines[0], *(line for line in all_lines[1:] if line.split(",")[1] == name)]
        (tmp_path / "regions.csv").write_text("\n".join(kept) + "\n")
        smol("run", card, dataset, "-o", tmp_path / name)
        for key, row in rows_of(tmp_path / name).items():
            if row["region"]:
                assert answers({key: row}) == answers({key: rows[key]})


def test_plans_say_how_regions_are_decoded(card, tmp_path):
    dataset = write_region_dataset(tmp_path)
    told = smol("run", card, dataset, "-o", tmp_path / "out", "--dry-run").stdout
    assert "decoded once over the union in" in told and "region by region in the others" in told
    assert "decoded once over the union in" in smol("explain", card, "--input", dataset).stdout
    assert "regions" in smol_json("run", card, dataset, "-o", tmp_path / "out", "--dry-run")[0]


def write_foreign_table(path: pathlib.Path) -> None:
    """A Parquet file of somebody else's, with a column that smol has, too."""
    import pyarrow as pa

    pq.write_table(pa.table({"item": [1, 2], "price": [0.5, 0.25]}), path)


@pytest.mark.parametrize("content", ["table", "text"])
def test_resume_leaves_files_alone_that_it_did_not_write(card, photos, tmp_path, content):
    output = tmp_path / "prices.parquet"
    if content == "table":
        write_foreign_table(output)
    else:
        output.write_text("no Parquet at all\n")
    before = output.read_bytes()
    done = smol("run", card, photos, "-o", output, "--resume", check=False)
    assert done.returncode == 2 and "was not written by smol run" in done.stderr and "--overwrite" in done.stderr
    assert output.read_bytes() == before
    assert not (tmp_path / "prices.parquet.parts").exists()


def test_resume_and_overwrite_contradict_each_other(card, photos, tmp_path):
    done = smol("run", card, photos, "-o", tmp_path / "out", "--resume", "--overwrite", check=False)
    assert done.returncode == 2 and "give one" in done.stderr and not (tmp_path / "out").exists()
    done = smol("run", card, photos, "-o", tmp_path / "out", "--retry-failed", check=False)
    assert done.returncode == 2 and "--resume" in done.stderr and not (tmp_path / "out").exists()


def spoil(path: pathlib.Path) -> bytes:
    """Makes a picture a file that is none, of the same size and time; returns what it was."""
    before, facts = path.read_bytes(), path.stat()
    path.write_bytes(b"no picture".ljust(len(before), b"."))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    return before


def restore(path: pathlib.Path, content: bytes) -> None:
    """Undoes spoil(); nothing tells that the file was another."""
    facts = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


@pytest.mark.parametrize("output", ["out", "out.parquet"])
def test_recorded_failures_count_in_resumed_runs(card, photos, tmp_path, rows_of, output):
    spoil(photos / "000.jpg")
    smol("run", card, photos, "-o", tmp_path / output, check=False)
    again = smol("run", card, photos, "-o", tmp_path / output, "--resume", check=False)
    assert again.returncode == 1 and "1 row is an error" in again.stderr
    assert "24 already done (1 error among them; --retry-failed" in again.stdout and "1 unsupported" in again.stdout
    report = json.loads(smol("run", card, photos, "-o", tmp_path / output, "--resume", "--json", check=False).stdout)
    assert (report["skipped"], report["error_rows"], report["earlier_error_rows"]) == (24, 0, 1)
    assert report["errors_by_code"] == {"unsupported": 1}
    judged = ["run", card, photos, "-o", tmp_path / output, "--resume", "--max-failures"]
    assert smol(*judged, "5%").returncode == 0
    assert len(rows_of(tmp_path / output)) == 24
    refused = smol(*judged, "1%", check=False)
    assert refused.returncode == 1 and "1 of 24" in refused.stderr


@pytest.mark.parametrize("output", ["out", "out.parquet"])
def test_failed_items_are_run_again_on_request(card, photos, tmp_path, rows_of, output):
    smol("run", card, photos, "-o", tmp_path / "whole")
    names = ["000.jpg", "003.png", "017.jpg"]
    contents = {name: spoil(photos / name) for name in names}
    smol("run", card, photos, "-o", tmp_path / output, "--part-rows", "5", check=False)
    for name in names[:2]:
        restore(photos / name, contents[name])
    kept = json.loads(smol("run", card, photos, "-o", tmp_path / output, "--resume", "--json", check=False).stdout)
    assert kept["items"] == 0 and kept["earlier_error_rows"] == 3
    retry = ["run", card, photos, "-o", tmp_path / output, "--resume", "--retry-failed", "--json"]
    report = json.loads(smol(*retry, check=False).stdout)
    assert (report["items"], report["skipped"], report["error_rows"], report["earlier_error_rows"]) == (3, 21, 1, 0)
    rows = rows_of(tmp_path / output)
    assert len(rows) == 24 and [row["item"] for row in rows.values() if row["status"] == "error"] == ["017.jpg"]
    restore(photos / "017.jpg", contents["017.jpg"])
    assert smol_json(*retry[:-1])["items"] == 1
    assert answers(rows_of(tmp_path / output)) == answers(rows_of(tmp_path / "whole"))


def test_rows_of_changed_files_are_replaced(card, photos, tmp_path, rows_of):
    smol("run", card, photos, "-o", tmp_path / "out", "--part-rows", "5")
    picture(77, 90, 70).save(photos / "000.jpg")
    assert smol_json("run", card, photos, "-o", tmp_path / "out", "--resume")["items"] == 1
    smol("run", card, photos, "-o", tmp_path / "whole")
    assert answers(rows_of(tmp_path / "out")) == answers(rows_of(tmp_path / "whole"))


def test_another_strictness_is_another_run(card, photos, tmp_path, rows_of):
    damage(photos)
    smol("run", card, photos, "-o", tmp_path / "out", check=False)
    lenient = ["run", card, photos, "-o", tmp_path / "out", "--resume", "--fail-on", "none", "--max-failures", "100%"]
    report = smol_json(*lenient)
    assert report["skipped"] == 0 and report["items"] == 23
    assert "truncated" in {row["status"] for row in rows_of(tmp_path / "out").values()}
    assert smol_json(*lenient)["items"] == 0


def test_killed_retries_leave_no_row_twice(tmp_path, rows_of):
    names = write_pictures(tmp_path / "photos", 80)
    contents = {name: spoil(tmp_path / "photos" / name) for name in names[::2]}
    card = write_model(tmp_path, "slow", delay_us=4000)
    words = ["run", card, tmp_path / "photos", "-o", tmp_path / "out", "--part-rows", "5"]
    smol(*words, check=False)
    for name, content in contents.items():
        restore(tmp_path / "photos" / name, content)
    words += ["--resume", "--retry-failed", "--batch", "2"]
    generator = random.Random(7)
    for _ in range(5):
        process = subprocess.Popen(
            [str(PROGRAM), *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(generator.uniform(0.02, 0.2))
        process.send_signal(signal.SIGKILL)
        process.wait()
        rows_of(tmp_path / "out")
    smol(*words)
    rows = rows_of(tmp_path / "out")
    assert len(rows) == 80 and all(row["status"] == "ok" for row in rows.values())


def test_ordered_output_stays_ordered_when_it_is_resumed(card, photos, tmp_path):
    smol("run", card, photos, "-o", tmp_path / "out", "--shard", "0/1")
    write_pictures(photos, 60)
    for name in sorted(p.name for p in photos.iterdir())[:24:2]:
        os.utime(photos / name, (1, 1))
    report = smol_json("run", card, photos, "-o", tmp_path / "out", "--resume", "--ordered", "--workers", "5")
    last = sorted((tmp_path / "out").glob("part-*.parquet"))[-1]
    items = pq.read_table(last)["item"].to_pylist()
    assert items == sorted(items) and len(items) == report["items"] > 0


def start_and_interrupt(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Ctrl-C as soon as the program's workers run."""
    words = [str(PROGRAM), *map(str, arguments)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    tasks = pathlib.Path(f"/proc/{process.pid}/task")
    deadline = time.monotonic() + 60
    while not any(comm.read_text().startswith("smol-work") for comm in tasks.glob("*/comm")):
        assert process.poll() is None and time.monotonic() < deadline, "no worker was seen"
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    return subprocess.CompletedProcess(words, process.returncode, output, errors)


def test_no_more_threads_run_than_are_reported(tmp_path):
    write_pictures(tmp_path / "photos", 40)
    card = write_model(tmp_path, "slow", delay_us=20000)
    shape = ["--workers", "3", "--streams", "2", "--batch", "1"]
    words = [str(PROGRAM), "run", str(card), str(tmp_path / "photos"), "-o", str(tmp_path / "out"), *shape, "--json"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    samples = []
    while process.poll() is None:
        names = []
        for comm in pathlib.Path(f"/proc/{process.pid}/task").glob("*/comm"):
            with contextlib.suppress(OSError):
                names.append(comm.read_text().strip().rstrip("0123456789"))
        samples.append(collections.Counter(names))
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert json.loads(output)["runnable_threads"] == 3 + 2
    # Beside these the program's own, those that wait for rows, and the allocator's; nobody's pool. What is there for a
    # moment only is a thread that has no name yet: what was seen most often counts.
    for sample in samples:
        sample.pop("jemalloc_bg_thd", None)
    working = collections.Counter(frozenset(sample.items()) for sample in samples if sample["smol-work-"] > 0)
    steady = dict(working.most_common(1)[0][0])
    assert steady == {"smol": 1, "smol-signals": 1, "smol-work-": 3, "reference": 2, "smol-write": 1, "smol-collect": 1}


def test_interrupted_commands_say_what_is_kept(tmp_path):
    write_pictures(tmp_path / "photos", 40)
    card = write_model(tmp_path, "slow", delay_us=20000)
    run = start_and_interrupt("run", card, tmp_path / "photos", "-o", tmp_path / "out", "--streams", "1")
    assert run.returncode == 1 and "rows that are done are kept" in run.stderr
    plan = start_and_interrupt("plan", tmp_path / "photos", "--models", card, "-o", tmp_path / "plans.yaml")
    assert plan.returncode == 1 and "plans are not written" in plan.stderr
    assert not (tmp_path / "plans.yaml").exists() and "done is kept" not in plan.stderr
    measure = start_and_interrupt("measure", card, tmp_path / "photos", "--batch", "1")
    assert measure.returncode == 1 and "measuring keeps nothing" in measure.stderr


def test_resume_refuses_other_columns_before_it_moves_anything(card, photos, tmp_path):
    output = tmp_path / "out.parquet"
    smol("run", card, photos, "-o", output)
    before = output.read_bytes()
    done = smol("run", card, photos, "-o", output, "--resume", "--stage-times", check=False)
    assert done.returncode == 2 and "other columns" in done.stderr and output.read_bytes() == before
    smol("run", write_model(tmp_path, "second", seed=4), photos, "-o", output, "--resume")
    assert pq.read_table(output).num_rows == 48


def test_overwrite_removes_only_what_a_run_wrote(card, photos, tmp_path, rows_of):
    smol("run", card, photos, "-o", tmp_path / "out", "--part-rows", "5")
    write_foreign_table(tmp_path / "out" / "prices.parquet")
    smol("run", card, photos, "-o", tmp_path / "out", "--overwrite")
    (tmp_path / "out" / "prices.parquet").rename(tmp_path / "prices.parquet")
    assert len(rows_of(tmp_path / "out")) == 24


def test_regions_are_clipped_to_the_picture(card, photos, tmp_path, rows_of):
    with Image.open(photos / "003.png") as image:
        width, height = image.size
    (tmp_path / "dataset.yaml").write_text("renditions: {full: {path: photos}}\nregions: regions.csv\n")
    (tmp_path / "regions.csv").write_text(
        "item,region,x,y,width,height\n"
        f"003.png,inside,10,0,{width - 10},{height}\n"
        f"003.png,beyond,10,-1,{width - 9},{height + 2}\n"
        f"003.png,missed,{width},0,5,5\n"
    )
    done = smol("run", card, tmp_path / "dataset.yaml", "-o", tmp_path / "out", check=False)
    assert done.returncode == 1
    rows = {row["region"]: row for row in rows_of(tmp_path / "out").values() if row["item"] == "003.png"}
    assert rows["beyond"]["status"] == "ok" and rows["beyond"]["top_scores"] == rows["inside"]["top_scores"]
    assert rows["missed"]["error_code"] == "invalid_argument"
    assert f"misses the picture of {width}x{height}" in rows["missed"]["error_message"]


def test_commands_that_keep_nothing_end_at_once(tmp_path):
    """Also whom they started: the pipe closes when nobody holds it any more."""
    sleeper = tmp_path / "sleeper"
    sleeper.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\nexec sleep 600\n")
    sleeper.chmod(0o755)
    words = [str(PROGRAM), "demo", "-o", str(tmp_path / "demo"), "--python", str(sleeper)]
    process = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not (tmp_path / "started").exists():
        assert process.poll() is None
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and errors == "\nsmol: stopped\n"


def test_shards_do_not_share_a_file(card, photos, tmp_path):
    done = smol("run", card, photos, "-o", tmp_path / "out.parquet", "--shard", "0/2", check=False)
    assert done.returncode == 2
    assert "shards write parts into one folder" in done.stderr
    assert list(tmp_path.glob("out.parquet*")) == []


def test_rows_name_the_rendition_that_was_read(card, photos, tmp_path, rows_of):
    smol("rendition", photos, "--short-side", "40", "--format", "png", "-o", tmp_path / "small")
    dataset = tmp_path / "dataset.yaml"
    dataset.write_text(f"renditions: {{full: {{path: {photos.name}}}, small: {{path: small}}}}\n")
    smol("run", card, dataset, "-o", tmp_path / "rows", "--rendition", "small")
    rows = rows_of(tmp_path / "rows").values()
    assert {(row["rendition"], row["plan"].split("/")[1]) for row in rows} == {("small", "small")}
