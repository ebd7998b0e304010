#!/usr/bin/env bash
# Makes the clips of video_seeds: small, each of another container, codec or kind of group. Needs the command ffmpeg.
set -euo pipefail
cd "$(dirname "$0")/video_seeds"
clip() {
  local name=$1
  shift
  ffmpeg -v error -f lavfi -i testsrc2=size=64x48:rate=3,settb=1/25,setpts=N,fps=25 -frames:v 20 -fflags +bitexact -map_metadata -1 "$@" -y "$name"
}
h264=(-c:v libx264 -preset veryslow -crf 30 -pix_fmt yuv420p -threads 1 -flags:v +bitexact)
clip h264.mp4 "${h264[@]}" -g 8 -bf 2 -sc_threshold 0
clip h264-open.mkv "${h264[@]}" -x264-params keyint=8:bframes=3:open-gop=1:scenecut=0
clip h264.ts "${h264[@]}" -g 8 -bf 0
clip h264-untimed.h264 "${h264[@]}" -g 8 -bf 2
clip hevc.mp4 -c:v libx265 -crf 30 -pix_fmt yuv420p -x265-params keyint=8:min-keyint=8:bframes=2:log-level=none:pools=1:frame-threads=1:info=0
clip mpeg4.avi -c:v mpeg4 -g 8 -bf 2 -q:v 10 -flags:v +bitexact
clip mjpeg.avi -c:v mjpeg -q:v 31 -frames:v 6 -pix_fmt yuvj420p -flags:v +bitexact
clip vp8.webm -c:v libvpx -g 8 -b:v 60k -auto-alt-ref 1 -lag-in-frames 4
clip vp9.webm -c:v libvpx-vp9 -g 8 -b:v 60k -cpu-used 8
