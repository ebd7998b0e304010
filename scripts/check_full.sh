#!/usr/bin/env bash
# The slow tier: thread sanitizer on the threaded rooms, long mutation runs, soak. Writes a dated result into bench/results.
set -uo pipefail
cd "$(dirname "$0")/.."
mutations=${MUTATIONS:-100000}
jobs=$(nproc)
result=bench/results/check-full-$(date -u +%Y-%m-%d).md
mkdir -p bench/results
failed=0
{
  echo "# Slow tier, $(date -u +%Y-%m-%d)"
  echo
  echo "Machine: $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs), $jobs cores. Commit $(git rev-parse --short HEAD)."
  echo
  echo "| check | result |"
  echo "|---|---|"
} > "$result"

record() {
  local name=$1 start=$SECONDS log
  shift
  log=$(mktemp)
  echo "check-full: $name"
  if "$@" > "$log" 2>&1; then
    echo "| $name | passed, $((SECONDS - start)) s |" >> "$result"
  else
    failed=1
    tail -30 "$log"
    echo "| $name | FAILED, $((SECONDS - start)) s |" >> "$result"
  fi
  rm -f "$log"
}

threads() {
  cmake -B build-tsan -G Ninja -DSMOL_SANITIZE=thread -DSMOL_WITH_OPENVINO=OFF > /dev/null &&
    cmake --build build-tsan -j "$jobs" --target execute_test batch_assembler_test backend_conformance_test simulated_backend_test &&
    for program in execute_test batch_assembler_test backend_conformance_test simulated_backend_test; do
      TSAN_OPTIONS=halt_on_error=1 "build-tsan/$program" || return 1
    done
}
mutate() { build-asan/codec_mutation "$mutations"; }
mutate_videos() { build-asan/video_mutation "$mutations"; }
mutate_texts() { build-asan/text_mutation "$((mutations / 5))"; }
soak() { SMOL_SOAK=1 build/engine_allocation_test; }

record "thread sanitizer: engine, reference and simulated backends" threads
record "memory and undefined-behaviour sanitizers: core rooms" make -s test-sanitize
record "$mutations mutations a codec under the sanitizers: no crash, no hang over 2 s" mutate
record "$mutations mutations of video clips under the sanitizers (FFmpeg itself is not instrumented)" mutate_videos
record "$((mutations / 5)) mutations of cards, plans, graphs, datasets, labels, regions under the sanitizers" mutate_texts
record "100,000 items: resident memory flat" soak
cat "$result"
exit "$failed"
