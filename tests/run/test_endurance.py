"""Runs that are stopped hard, sharded, resumed, or long: what is done is kept, and memory stays where it was."""

import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

import pytest

from conftest import PROGRAM, picture, smol, smol_json, write_model, write_pictures


def answers(rows: dict[str, dict]) -> dict[str, tuple]:
    """What does not depend on when a row was made."""
    return {key: (row["status"], row["label"], row["score"]) for key, row in rows.items()}


def test_the_second_interrupt_ends_at_once_and_can_be_resumed(tmp_path, rows_of):
    write_pictures(tmp_path / "photos", 10)
    card = write_model(tmp_path, "slow", delay_us=500_000)
    words = ["run", card, tmp_path / "photos", "-o", tmp_path / "out", "--batch", "1", "--streams", "1"]
    words += ["--part-rows", "1"]
    process = subprocess.Popen([PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while not list((tmp_path / "out").glob("part-*.parquet")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    while "Once more to end at once" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert output == "" and "smol:" not in errors  # it reported nothing more
    done = rows_of(tmp_path / "out")
    assert 0 < len(done) < 10
    report = smol_json(*words, "--resume")
    assert report["skipped"] == len(done) and report["items"] == 10 - len(done)
    assert len(rows_of(tmp_path / "out")) == 10


def test_a_killed_shard_is_resumed_beside_others(tmp_path, rows_of):
    write_pictures(tmp_path / "photos", 90)
    card = write_model(tmp_path, "slow", delay_us=4000)
    smol("run", card, tmp_path / "photos", "-o", tmp_path / "whole")
    words = [
        "run",
        card,
        tmp_path / "photos",
        "-o",
        tmp_path / "out",
        "--part-rows",
        "3",
        "--streams",
        "1",
        "--batch",
        "2",
    ]
    smol(*words, "--shard", "0/3")
    generator = random.Random(5)
    for _ in range(4):
        process = subprocess.Popen(
            [str(PROGRAM), *map(str, words), "--shard", "1/3", "--resume"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(generator.uniform(0.02, 0.15))
        process.send_signal(signal.SIGKILL)
        process.wait()
    finished = smol_json(*words, "--shard", "0/3", "--resume")
    assert (finished["items"], finished["skipped"]) == (0, 30)
    continued = smol_json(*words, "--shard", "1/3", "--resume")
    assert continued["items"] + continued["skipped"] == 30
    assert smol_json(*words, "--shard", "2/3", "--resume")["items"] == 30
    assert answers(rows_of(tmp_path / "out")) == answers(rows_of(tmp_path / "whole"))


def peak_resident_bytes(*arguments: object) -> int:
    """Of a run of the program."""
    process = subprocess.Popen([str(PROGRAM), *map(str, arguments)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss * 1024


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_resident_memory_does_not_grow_with_the_number_of_pictures(tmp_path, name):
    large = tmp_path / name
    picture(1, 2400, 1800).save(large, **({"progressive": True} if name == "a.jpg" else {"compress_level": 1}))
    card = write_model(tmp_path)
    peaks = {}
    for count in (6, 60):
        folder = pathlib.Path(tmp_path / f"photos{count}")
        folder.mkdir()
        for i in range(count):
            shutil.copy(large, folder / f"{i:03}{large.suffix}")
        words = ["run", card, folder, "-o", tmp_path / f"out{count}", "--memory", "128M", "--workers", "2"]
        peaks[count] = peak_resident_bytes(*words)
    decoded = 2400 * 1800 * 3
    # A picture that is kept, or a few of ten times as many, would show.
    assert peaks[60] < peaks[6] + 2 * decoded, peaks
