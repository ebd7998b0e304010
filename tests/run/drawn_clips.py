"""Short videos with the number of each frame drawn into its pixels."""

import pathlib
import shutil
import subprocess

import numpy as np

FFMPEG = shutil.which("ffmpeg")
NUM_FRAMES, WIDTH, HEIGHT, BITS = 90, 160, 96, 8

# Encoder, container. What each is for stands behind it.
CLIPS = {
    "h264.mp4": "-c:v libx264 -g 12 -bf 2 -sc_threshold 0",
    "h264-one-group.mkv": "-c:v libx264 -g 250 -bf 3",
    "h264-open.mp4": "-c:v libx264 -x264-params keyint=12:bframes=3:open-gop=1:scenecut=0",
    "h264-no-b.ts": "-c:v libx264 -g 30 -bf 0",
    "h264-b.ts": "-c:v libx264 -g 20 -bf 3 -output_ts_offset 5",  # does not begin at 0
    "h264.avi": "-c:v libx264 -g 15 -bf 0",
    "h264.h264": "-c:v libx264 -g 12 -bf 2",  # no container, no times
    "hevc.mp4": "-c:v libx265 -x265-params keyint=12:min-keyint=12:bframes=3:open-gop=0:log-level=none",
    "hevc-open.mkv": "-c:v libx265 -x265-params keyint=12:min-keyint=12:bframes=3:open-gop=1:log-level=none",
    "hevc-10-bit.mp4": "-c:v libx265 -pix_fmt yuv420p10le -x265-params keyint=20:log-level=none",
    "vp8.webm": "-c:v libvpx -g 15 -b:v 2M -auto-alt-ref 1 -lag-in-frames 10",  # hidden reference frames
    "vp9.webm": "-c:v libvpx-vp9 -g 15 -b:v 2M -cpu-used 8",
    "mpeg4.avi": "-c:v mpeg4 -g 12 -bf 2 -q:v 2",  # times of decoding only
    "mpeg4.mp4": "-c:v mpeg4 -g 12 -bf 2 -q:v 2",
    "mjpeg.avi": "-c:v mjpeg -q:v 2",
    "vfr.mkv": "-vf select='not(eq(mod(n\\,5)\\,3))' -fps_mode vfr -c:v libx264 -g 12 -bf 2",  # variable frame rate
}


def drawn(number: int) -> np.ndarray:
    """The number in black and white blocks, over a picture that moves."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    frame = np.stack([(x + 3 * number) % 256, (2 * y + number) % 256, (x + y) % 256], -1).astype(np.uint8)
    for bit in range(BITS):
        frame[16:48, 16 * bit + 8 : 16 * bit + 24] = 255 if number >> bit & 1 else 0
    return frame


def read_number(picture: np.ndarray) -> int:
    """What is drawn."""
    return sum(int(picture[24:40, 16 * bit + 12 : 16 * bit + 20].mean() > 128) << bit for bit in range(BITS))


def encode(path: pathlib.Path, options: str, numbers=range(NUM_FRAMES)) -> pathlib.Path:
    """A clip of drawn numbers."""
    frames = b"".join(drawn(number).tobytes() for number in numbers)
    command = [
        FFMPEG,
        "-v",
        "error",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-s",
        f"{WIDTH}x{HEIGHT}",
        "-r",
        "25",
        "-i",
        "-",
    ]
    pixels = [] if "-pix_fmt" in options else ["-pix_fmt", "yuvj420p" if "mjpeg" in options else "yuv420p"]
    done = subprocess.run(
        [*command, *options.replace("'", "").split(), *pixels, "-y", path],
        input=frames,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return path


def expected_numbers(name: str) -> list[int]:
    return [n for n in range(NUM_FRAMES) if n % 5 != 3] if name == "vfr.mkv" else list(range(NUM_FRAMES))
