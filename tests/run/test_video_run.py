"""Runs over videos: each row is the answer for the frame that its item names."""

import pathlib
import subprocess

import numpy as np
import pytest
import smol
from drawn_clips import CLIPS, FFMPEG, NUM_FRAMES, encode
from PIL import Image

from conftest import smol as run_smol
from conftest import smol_json, write_model, write_pictures

pytestmark = pytest.mark.skipif(FFMPEG is None, reason="the command ffmpeg makes the videos: scripts/setup.sh tests")


def answers(rows: dict[str, dict]) -> list[tuple]:
    """Label and score of each row, in order of the items' times or names."""

    def place(row: dict) -> tuple:
        name, _, pts = row["item"].rpartition("#")
        return (name, int(pts)) if name else (row["item"], 0)

    return [(row["label"], row["score"]) for row in sorted(rows.values(), key=place)]


@pytest.fixture
def answers_of_pictures(tmp_path, rows_of):
    """What the model says of the frames of a video, each saved as a picture."""

    def run(clip: pathlib.Path, card: pathlib.Path) -> list[tuple]:
        folder = tmp_path / "frames" / clip.name
        folder.mkdir(parents=True)
        for number, frame in enumerate(smol.Video(clip)):
            Image.fromarray(frame).save(folder / f"{number:04}.png")
        output = tmp_path / f"{clip.name}.of-pictures"
        run_smol("run", card, folder, "-o", output)
        return answers(rows_of(output))

    return run


@pytest.mark.parametrize("name", CLIPS)
def test_rows_are_the_answers_for_the_frames(clips, card, tmp_path, rows_of, answers_of_pictures, name):
    expected = answers_of_pictures(clips(name), card)
    assert len(set(expected)) > 0.9 * len(expected), "the model tells the frames apart"
    for words in ((), ("--workers", 1), ("--batch", 7, "--workers", 3)):
        output = tmp_path / f"out-{len(words)}"
        run_smol("run", card, clips(name), "-o", output, *words)
        rows = rows_of(output)
        assert answers(rows) == expected, words
        assert all(row["item"].startswith(f"{name}#") for row in rows.values())


@pytest.mark.parametrize("name", ["h264.mp4", "h264-open.mp4", "mpeg4.avi", "h264.h264", "vp8.webm"])
@pytest.mark.parametrize(
    ("sampling", "chosen"), [("every:7", slice(0, None, 7)), ("every:1000", slice(0, 1)), ("rate:5", slice(0, None, 5))]
)
def test_sampled_frames_have_the_answers_of_all(clips, card, tmp_path, rows_of, name, sampling, chosen):
    run_smol("run", card, clips(name), "-o", tmp_path / "all")
    run_smol("run", card, clips(name), "-o", tmp_path / "some", "--frames", sampling)
    every, some = rows_of(tmp_path / "all"), rows_of(tmp_path / "some")
    assert answers(some) == answers(every)[chosen]
    assert {key: row["score"] for key, row in some.items()} == {key: every[key]["score"] for key in some}


def test_key_frames_alone(clips, card, tmp_path, rows_of):
    run_smol("run", card, clips("h264.mp4"), "-o", tmp_path / "all")
    run_smol("run", card, clips("h264.mp4"), "-o", tmp_path / "key", "--frames", "key")
    assert answers(rows_of(tmp_path / "key")) == answers(rows_of(tmp_path / "all"))[::12]


def test_reference_frames_alone(clips, card, tmp_path, rows_of):
    """ffprobe says which packets nothing depends on: x264's own B-frames that are not kept."""
    run_smol("run", card, clips("h264.mp4"), "-o", tmp_path / "all")
    run_smol("run", card, clips("h264.mp4"), "-o", tmp_path / "some", "--frames", "reference")
    every, some = rows_of(tmp_path / "all"), rows_of(tmp_path / "some")
    decode = [FFMPEG, "-v", "error", "-skip_frame", "noref", "-i", clips("h264.mp4"), "-fps_mode", "passthrough"]
    told = subprocess.run([*decode, "-f", "framemd5", "-"], capture_output=True, text=True, check=True).stdout
    assert len(some) == sum(not line.startswith("#") for line in told.splitlines()) < len(every)
    assert all(every[key]["score"] == row["score"] for key, row in some.items())


def test_ordered_rows_and_resume(clips, card, tmp_path, rows_of):
    import pyarrow.parquet as pq

    run_smol("run", card, clips("h264.mp4"), "-o", tmp_path / "all.parquet", "--ordered", "--workers", 3)
    pts = [int(item.split("#")[1]) for item in pq.read_table(tmp_path / "all.parquet")["item"].to_pylist()]
    assert pts == sorted(pts) and len(pts) == NUM_FRAMES
    run_smol("run", card, clips("h264.mp4"), "-o", tmp_path / "part", "--frames", "every:3")
    answer = smol_json("run", card, clips("h264.mp4"), "-o", tmp_path / "part", "--resume")
    assert (answer["skipped"], answer["items"]) == (NUM_FRAMES // 3, NUM_FRAMES - NUM_FRAMES // 3)
    assert answers(rows_of(tmp_path / "part")) == answers(rows_of(tmp_path / "all.parquet"))


def test_shards_together_are_the_whole(clips, card, tmp_path, rows_of):
    run_smol("run", card, clips("h264-open.mp4"), "-o", tmp_path / "all")
    for shard in range(3):
        run_smol("run", card, clips("h264-open.mp4"), "-o", tmp_path / "shards", "--shard", f"{shard}/3")
    assert answers(rows_of(tmp_path / "shards")) == answers(rows_of(tmp_path / "all"))


def test_folders_lists_and_what_cannot_be_read(clips, card, tmp_path, rows_of):
    folder = tmp_path / "videos"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a.mp4").write_bytes(clips("h264.mp4").read_bytes())
    (folder / "b.avi").write_bytes(clips("mjpeg.avi").read_bytes())
    (folder / "broken.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(200))
    (folder / "notes.csv").write_text("a,b\n")
    done = run_smol("run", card, folder, "-o", tmp_path / "out", check=False)
    assert "1 row is an error" in done.stderr, done.stderr
    rows = rows_of(tmp_path / "out")
    failed = [row for row in rows.values() if row["status"] == "error"]
    assert [row["item"] for row in failed] == ["broken.mp4"] and failed[0]["error_code"]
    assert len(rows) == 2 * NUM_FRAMES + 1
    assert sum(row["item"].startswith("sub/a.mp4#") for row in rows.values()) == NUM_FRAMES
    (tmp_path / "list.txt").write_text("videos/b.avi\n")
    run_smol("run", card, tmp_path / "list.txt", "-o", tmp_path / "listed")
    assert answers(rows_of(tmp_path / "listed")) == answers(
        {key: row for key, row in rows.items() if row["item"].startswith("b.avi#")}
    )


def test_a_video_among_pictures_is_passed_over(clips, card, tmp_path):
    write_pictures(tmp_path / "mixed", 3)
    (tmp_path / "mixed" / "live.mp4").write_bytes(clips("h264.mp4").read_bytes())
    done = run_smol("run", card, tmp_path / "mixed", "-o", tmp_path / "out")
    assert "3 items" in done.stdout + done.stderr and "1 " in done.stderr


def test_damage_costs_frames_never_the_run(clips, card, tmp_path, rows_of):
    data = bytearray(clips("h264-no-b.ts").read_bytes())
    run_smol("run", card, clips("h264-no-b.ts"), "-o", tmp_path / "whole")
    for place in range(len(data) // 2, len(data) // 2 + 400):
        data[place] ^= 0x5A
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "h264-no-b.ts").write_bytes(data)
    run_smol("run", card, tmp_path / "bad", "-o", tmp_path / "out", check=False)
    whole, damaged = rows_of(tmp_path / "whole"), rows_of(tmp_path / "out")
    failed = [row for row in damaged.values() if row["status"] == "error"]
    right = [key for key, row in damaged.items() if row["status"] == "ok" and row["score"] == whole[key]["score"]]
    assert 0 < len(failed) <= 30 and len(failed) + len(right) == len(damaged) >= NUM_FRAMES - 5


def test_renditions_are_joined_by_time(clips, tmp_path, rows_of):
    """A smaller rendition in another container counts time in other ticks, and lacks the end."""
    card = write_model(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "small").mkdir()
    (tmp_path / "full" / "clip.mp4").write_bytes(clips("h264.mp4").read_bytes())
    shrink = ["-frames:v", "80", "-vf", "scale=80:48", "-c:v", "libx264", "-qp", "4"]
    subprocess.run(
        [FFMPEG, "-v", "error", "-i", clips("h264.mp4"), *shrink, tmp_path / "small" / "clip.mkv"], check=True
    )
    (tmp_path / "data.yaml").write_text("renditions: {full: {path: full}, small: {path: small}}\n")
    run_smol("run", card, tmp_path / "data.yaml", "-o", tmp_path / "of-full")
    run_smol("run", card, tmp_path / "data.yaml", "-o", tmp_path / "of-small", "--rendition", "small", check=False)
    full, small = rows_of(tmp_path / "of-full"), rows_of(tmp_path / "of-small")
    assert {row["item"] for row in full.values()} == {row["item"] for row in small.values()}
    missing = [row for row in small.values() if row["status"] == "error"]
    assert len(missing) == 10 and all(row["error_code"] == "not_found" for row in missing)
    scores = np.array(
        [[row["score"], small[key.replace("full", "small")]["score"]] for key, row in full.items()], dtype=float
    )
    scores = scores[~np.isnan(scores).any(axis=1)]
    assert np.corrcoef(scores.T)[0, 1] > 0.9, "the same moments"


def test_regions_of_frames(clips, card, tmp_path, rows_of):
    (tmp_path / "data.yaml").write_text(
        f"renditions: {{full: {{path: {clips('h264.mp4')}}}}}\nregions: regions.csv\nframes: every:30\n"
    )
    items = [row["item"] for row in smol_items(card, clips("h264.mp4"), tmp_path)]
    lines = [f"{item},left,0,0,80,96\n{item},right,80,0,80,96\n" for item in items]
    (tmp_path / "regions.csv").write_text("item,region,x,y,width,height\n" + "".join(lines))
    run_smol("run", card, tmp_path / "data.yaml", "-o", tmp_path / "out")
    rows = rows_of(tmp_path / "out")
    assert len(rows) == 6 and len({row["score"] for row in rows.values()}) == 6


def smol_items(card, clip, tmp_path):
    """The items that every 30th frame makes."""
    import pyarrow.parquet as pq

    run_smol("run", card, clip, "-o", tmp_path / "named", "--frames", "every:30")
    return pq.read_table(tmp_path / "named").to_pylist()


def test_the_index_is_kept_and_renewed(card, tmp_path, rows_of):
    """A second run finds it; a changed file is read again; a damaged index is made anew."""
    clip, cache = tmp_path / "clip.mp4", tmp_path / "cache"
    encode(clip, CLIPS["h264.mp4"], range(20))
    environment = {"env": {"SMOL_CACHE_DIR": str(cache), "PATH": "/usr/bin:/bin"}}
    run_smol("run", card, clip, "-o", tmp_path / "first", **environment)
    (kept,) = cache.glob("frames-*.index")
    kept.write_bytes(kept.read_bytes()[:-40])
    run_smol("run", card, clip, "-o", tmp_path / "second", **environment)
    assert answers(rows_of(tmp_path / "second")) == answers(rows_of(tmp_path / "first"))
    encode(clip, CLIPS["h264.mp4"], range(10, 40))
    run_smol("run", card, clip, "-o", tmp_path / "third", **environment)
    assert len(rows_of(tmp_path / "third")) == 30


@pytest.mark.parametrize("words", ["every:0", "every:x", "rate:-1", "rate:nan", "sometimes"])
def test_wrong_sampling_is_refused(clips, card, tmp_path, words):
    refused = run_smol("run", card, clips("h264.mp4"), "-o", tmp_path / "out", f"--frames={words}", check=False)
    assert refused.returncode == 2 and "every:K" in refused.stderr, refused.stderr
    (tmp_path / "data.yaml").write_text(f"renditions: {{full: {{path: {clips('h264.mp4')}}}}}\nframes: '{words}'\n")
    refused = run_smol("run", card, tmp_path / "data.yaml", "-o", tmp_path / "out", check=False)
    assert refused.returncode != 0 and "line 2" in refused.stderr


def test_python_runs_over_frames(clips, card):
    dataset = smol.Dataset(clips("h264.mp4"), frames="every:30")
    assert [item.startswith("h264.mp4#") for item in dataset.item_ids] == [True] * 3
    preprocessor = smol.Preprocessor("resize(short_side=36) | center_crop(32x32)")
    video = smol.Video(clips("h264.mp4"))
    numbers = [5, 80, 3, 4, 40]
    made = video.tensors(numbers, preprocessor, threads=2)
    assert made.shape == (5, 3, 32, 32)
    for tensor, number in zip(made, numbers, strict=True):
        np.testing.assert_array_equal(tensor, preprocessor(video[number]))
    rows = [row for batch in smol.run(card, dataset) for row in batch.to_pylist()]
    assert sorted(row["item"] for row in rows) == sorted(dataset.item_ids)
    with pytest.raises(smol.InvalidArgumentError, match="every:K"):
        smol.Dataset(clips("h264.mp4"), frames="sometimes")
    with pytest.raises(smol.InvalidArgumentError, match=r"0\.\.89"):
        video.tensors([90], preprocessor)
