"""Shards of one run in one folder: every row once, nobody touches the parts of another."""

import pathlib
import subprocess

import pytest
from test_run import restore, spoil

from conftest import PROGRAM, smol, smol_json


def parts(folder: pathlib.Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.parquet")}


def run_shards(
    card: pathlib.Path, photos: pathlib.Path, output: pathlib.Path, *arguments: str, failing: tuple[int, ...] = ()
) -> None:
    """Two shards at the same time; those of `failing` have rows that are errors."""
    words = [[PROGRAM, "run", card, photos, "-o", output, "--shard", f"{i}/2", *arguments] for i in range(2)]
    running = [subprocess.Popen([str(word) for word in line], stdout=subprocess.DEVNULL) for line in words]
    assert [process.wait(300) for process in running] == [int(i in failing) for i in range(2)]


def test_overwriting_a_shard_leaves_the_others(card, photos, tmp_path, rows_of):
    output = tmp_path / "out"
    run_shards(card, photos, output)
    before = parts(output)
    for name in ("notes.parquet", "part-of-mine.parquet"):
        (output / name).write_text("mine")
    smol("run", card, photos, "-o", output, "--shard", "1/2", "--overwrite")
    after = parts(output)
    assert after.pop("notes.parquet") == after.pop("part-of-mine.parquet") == b"mine"
    assert {name: after[name] for name in after if "shard-0" in name} == {
        name: before[name] for name in before if "shard-0" in name
    }
    smol("run", card, photos, "-o", output, "--resume")
    for name in ("notes.parquet", "part-of-mine.parquet"):
        (output / name).unlink()
    assert len(rows_of(output)) == 24
    smol("run", card, photos, "-o", output, "--overwrite")
    assert [name for name in parts(output) if name.startswith("shard")] == [] and len(rows_of(output)) == 24


@pytest.mark.parametrize("earlier", [[], ["--shard", "0/3"]])
@pytest.mark.parametrize("how", [[], ["--overwrite"]])
def test_shards_do_not_mix_with_other_runs(card, photos, tmp_path, rows_of, earlier, how):
    output = tmp_path / "out"
    smol("run", card, photos, "-o", output, *earlier)
    before = parts(output)
    done = smol("run", card, photos, "-o", output, "--shard", "1/2", *how, check=False)
    assert done.returncode != 0 and "not divided into these shards" in done.stderr
    assert parts(output) == before
    run_shards(card, photos, output, "--resume")  # what is there is known, whoever wrote it
    assert len(rows_of(output)) == 24


def test_shards_retry_their_own_failures_at_the_same_time(card, photos, tmp_path, rows_of):
    output, names = tmp_path / "out", ["000.jpg", "001.jpg", "005.jpg", "010.jpg"]
    contents = {name: spoil(photos / name) for name in names}
    run_shards(card, photos, output, failing=(0, 1))
    for name, content in contents.items():
        restore(photos / name, content)
    run_shards(card, photos, output, "--resume", "--retry-failed")
    rows = rows_of(output)
    assert len(rows) == 24 and {row["status"] for row in rows.values()} == {"ok"}


def test_rows_of_other_shards_are_replaced_without_shards_only(card, photos, tmp_path, rows_of):
    output = tmp_path / "out"
    content = spoil(photos / "000.jpg")
    run_shards(card, photos, output, failing=(0,))
    restore(photos / "000.jpg", content)
    (photos / "0.jpg").write_bytes(content)  # every item moves to the other shard
    before = parts(output)
    done = smol("run", card, photos, "-o", output, "--shard", "1/2", "--resume", "--retry-failed", check=False)
    assert done.returncode != 0 and "without --shard" in done.stderr
    assert parts(output) == before
    report = smol_json("run", card, photos, "-o", output, "--resume", "--retry-failed")
    assert report["rows"] == 2
    rows = rows_of(output)
    assert len(rows) == 25 and {row["status"] for row in rows.values()} == {"ok"}
