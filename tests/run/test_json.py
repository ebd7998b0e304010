"""--json: one JSON document on standard output, whatever the command and whatever becomes of it."""

import json
import os
import shutil
import signal
import stat
import subprocess
import time

import pytest

from conftest import PROGRAM, smol, smol_json, write_model, write_pictures


def test_several_models_and_pictures_are_one_list(tmp_path):
    write_pictures(tmp_path, 1)
    first, second = write_model(tmp_path, "a"), write_model(tmp_path, "b")
    files = [first.with_suffix(".refmodel"), tmp_path / "000.jpg", second.with_suffix(".refmodel")]
    assert [entry["file"] for entry in smol_json("inspect", *files)] == [str(file) for file in files]
    assert len(smol_json("inspect", files[0], files[2])) == 2
    done = smol("inspect", *files, tmp_path / "missing.jpg", "--json", check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)[3]["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    "words",
    [
        ["run"],
        ["run", "card.yaml", "photos", "-o", "out", "--batch", "0"],
        ["decode", "x.jpg", "-o", "x.png", "--fail-on", "sometimes"],
        ["decode", "--no-such-option"],
        ["no-such-command"],
        [],
    ],
)
def test_wrong_usage_is_json(words):
    for place in (0, len(words)):
        done = smol(*words[:place], "--json", *words[place:], check=False)
        assert done.returncode == 2
        error = json.loads(done.stdout)["error"]
        assert error["code"] == "invalid_argument"
        assert error["message"] in done.stderr


def test_help_version_and_completion_are_json():
    assert smol_json("--version")["text"] == smol("--version").stdout
    assert "--max-failures" in smol_json("run", "--help")["text"]
    assert smol_json("completion") == {"shell": "bash", "script": smol("completion").stdout}


def test_names_that_are_no_utf8(tmp_path):
    name = os.fsencode(tmp_path) + b"/caf\xe9.jpg"
    write_pictures(tmp_path, 1)
    shutil.copy(tmp_path / "000.jpg", name)
    done = subprocess.run([PROGRAM, "inspect", name, "--json"], capture_output=True, check=True)
    assert json.loads(done.stdout)[0]["file"].endswith("caf\N{REPLACEMENT CHARACTER}.jpg")


def test_a_stopped_run_says_so_in_its_report(photos, tmp_path):
    card = write_model(tmp_path, "slow", delay_us=100_000)
    words = [PROGRAM, "run", card, photos, "-o", tmp_path / "out", "--json", "--streams", "1"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(0.7)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 1, stderr
    report = json.loads(stdout)
    assert report["cancelled"]
    assert report["error"]["code"] == "cancelled"
    assert "--resume" in report["error"]["message"]
    assert report["items"] < 24


def test_the_demo_tells_its_story_elsewhere(tmp_path):
    python = tmp_path / "python"  # makes nothing: the demo fails at its second form of the photographs
    python.write_text("#!/bin/sh\necho assets\n")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    done = smol("demo", "-o", tmp_path / "demo", "--python", python, "--json", check=False)
    assert done.returncode == 1
    assert "error" in json.loads(done.stdout)
    assert "assets\n" in done.stderr
