"""Videos: every frame that is asked for is that frame, in every container, codec and order of asking."""

import subprocess

import numpy as np
import pytest
import smol
from drawn_clips import CLIPS, FFMPEG, HEIGHT, NUM_FRAMES, WIDTH, drawn, encode, expected_numbers, read_number

from conftest import smol as run_smol
from conftest import smol_json

pytestmark = pytest.mark.skipif(FFMPEG is None, reason="the command ffmpeg makes the videos: scripts/setup.sh tests")


@pytest.mark.parametrize("name", CLIPS)
def test_every_frame_is_the_one_that_was_asked_for(clips, name):
    video, numbers = smol.Video(clips(name)), expected_numbers(name)
    assert len(video) == len(numbers)
    assert [read_number(picture) for picture in video] == numbers
    last = len(video) - 1
    for wanted in (
        [0],
        [last],
        [last // 2],
        range(0, last, 7),
        range(5, last, 30),
        [11, 12, 13],
        [3, 60, 61],
        range(last, 0, -11),
    ):
        assert [read_number(p) for p in video.frames(wanted)] == [numbers[i] for i in wanted], wanted
    fresh = smol.Video(clips(name))
    order = np.random.default_rng(3).permutation(len(video))[:20]
    assert [read_number(fresh[int(i)]) for i in order] == [numbers[i] for i in order]
    assert read_number(fresh[-1]) == numbers[-1]


def ffmpeg_frames(path, pixels="rgb24", *options):
    """All frames as ffmpeg's command gives them."""
    raw = ["-fps_mode", "passthrough", *options, "-f", "rawvideo", "-pix_fmt", pixels, "-"]
    out = subprocess.run([FFMPEG, "-v", "error", "-i", path, *raw], capture_output=True, check=True).stdout
    return np.frombuffer(out, np.uint8)


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m", "bt2020nc"])
@pytest.mark.parametrize("color_range", ["tv", "pc"])
def test_colours_are_those_of_the_tags(tmp_path, matrix, color_range):
    """4:4:4, so that matrix and range alone decide; ffmpeg's converter, at its most exact, is the oracle."""
    options = f"-vf scale=out_color_matrix={matrix}:out_range={color_range} -c:v libx264 -qp 0 -pix_fmt yuv444p"
    path = encode(tmp_path / "clip.mp4", f"{options} -colorspace {matrix} -color_range {color_range}", range(3))
    video = smol.Video(path)
    assert video.info["full_range"] == (color_range == "pc")
    assert video.info["matrix"] == {"smpte170m": "bt601", "bt2020nc": "bt2020"}.get(matrix, matrix)
    ours = np.stack(list(video)).astype(int)
    theirs = (
        ffmpeg_frames(path, "rgb24", "-sws_flags", "accurate_rnd+full_chroma_int+bitexact")
        .reshape(ours.shape)
        .astype(int)
    )
    assert np.abs(ours - theirs).max() <= 2 and np.abs(ours - theirs).mean() < 0.6
    drawn_frames = np.stack([drawn(n) for n in range(3)]).astype(int)
    assert np.abs(ours - drawn_frames).mean() < 1.5


def test_deblocking_off_changes_pixels_and_says_so(clips):
    exact, none = smol.Video(clips("h264.mp4")), smol.Video(clips("h264.mp4"), "deblock-none")
    a, b = np.stack(exact.frames(range(20))).astype(int), np.stack(none.frames(range(20))).astype(int)
    assert 0 < np.abs(a - b).mean() < 4
    half = smol.Video(clips("mpeg4.mp4"), "exact+1/2")[5]
    assert half.shape == (HEIGHT // 2, WIDTH // 2, 3)
    with pytest.raises(smol.UnsupportedError, match="reduced resolution"):
        smol.Video(clips("h264.mp4"), "exact+1/2")[0]
    with pytest.raises(smol.InvalidArgumentError, match="deblock-none"):
        smol.Video(clips("h264.mp4"), "blurred")[0]


def test_rotation_is_applied(clips, tmp_path):
    turned = tmp_path / "turned.mp4"
    subprocess.run(
        [FFMPEG, "-v", "error", "-i", clips("h264.mp4"), "-c", "copy", "-metadata:s:v", "rotate=90", turned], check=True
    )
    video = smol.Video(turned)
    assert (video.info["width"], video.info["height"]) == (HEIGHT, WIDTH)
    shown = ffmpeg_frames(turned, "gray").reshape(-1, WIDTH, HEIGHT)[10]  # ffmpeg turns by itself
    luma = video[10] @ [0.299, 0.587, 0.114]
    assert np.abs(shown.astype(float) - luma).mean() < 25 and np.corrcoef(shown.ravel(), luma.ravel())[0, 1] > 0.98


def test_times_are_those_of_the_container(clips):
    video = smol.Video(clips("vfr.mkv"))
    np.testing.assert_allclose(video.times_s, [n / 25 for n in expected_numbers("vfr.mkv")], atol=0.0015)
    assert read_number(video.at(2.0)) == 50
    assert read_number(video.at(2.13)) == 52  # 53 was dropped
    late = smol.Video(clips("h264-b.ts"))
    assert late.times_s[0] > 5 and read_number(late.at(0)) == 0
    with pytest.raises(smol.NotFoundError, match="no frame at this time"):
        video.at(99)


def test_a_truncated_file_gives_the_frames_that_are_there(clips, tmp_path):
    whole = clips("h264-no-b.ts").read_bytes()
    (tmp_path / "cut.ts").write_bytes(whole[: len(whole) // 2])
    video = smol.Video(tmp_path / "cut.ts")
    assert 20 < len(video) < NUM_FRAMES
    assert [read_number(p) for p in video.frames(range(len(video) - 2))] == list(range(len(video) - 2))


def test_damage_costs_its_own_frames(clips, tmp_path):
    """Times are the container's, so that what is lost shifts nothing."""
    data = bytearray(clips("h264-no-b.ts").read_bytes())
    for place in range(len(data) // 2, len(data) // 2 + 400):
        data[place] ^= 0x5A
    (tmp_path / "bad.ts").write_bytes(data)
    video = smol.Video(tmp_path / "bad.ts")
    times = video.times_s
    right = failed = 0
    for number in range(len(video)):
        try:
            right += read_number(video[number]) == round(25 * (times[number] - times[0]))
        except smol.CorruptError:
            failed += 1
    # Up to the next key frame others may lean on what is lost; none of them passes for a good one.
    assert 0 < failed <= 30 and right + failed == len(video) >= NUM_FRAMES - 5


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "none"), (b"\0\0\0\x18ftypmp42" + bytes(200), "video"), (b"RIFF\0\0\0\0AVI " + bytes(99), "")],
)
def test_broken_files_are_refused(tmp_path, content, told):
    (tmp_path / "bad.mp4").write_bytes(content)
    with pytest.raises(smol.Error):
        smol.Video(tmp_path / "bad.mp4")
    assert run_smol("inspect", tmp_path / "bad.mp4", check=False).returncode == 1


def test_commands_read_frames(clips, tmp_path):
    path = clips("h264.mp4")
    told = run_smol("inspect", path).stdout
    assert "video, h264, 160x96, 90 frames in 8 groups" in told
    (answer,) = smol_json("inspect", path)
    assert (answer["codec"], answer["frames"], answer["seekable"]) == ("h264", NUM_FRAMES, True)
    run_smol("decode", path, "--frame", 37, "-o", tmp_path / "frame.npy")
    assert read_number(np.load(tmp_path / "frame.npy")) == 37
    run_smol("decode", path, "--time", 1.5, "--region", "0,0,140,60", "-o", tmp_path / "part.npy")
    part = np.load(tmp_path / "part.npy")
    assert part.shape == (60, 140, 3) and read_number(part) == 37
    for words, told in {
        ("--frame", 90): "0..89",
        ("--frame", 1, "--time", 2): "excludes",
        ("--time", 400): "no frame at this time",
        ("--fidelity", "scale2"): "deblock-none",
    }.items():
        refused = run_smol("decode", path, *words, "-o", tmp_path / "x.png", check=False)
        assert refused.returncode != 0 and told in refused.stderr, refused.stderr
    assert "video" in run_smol("info").stdout
