#!/usr/bin/env bash
# Everything that needs no run: formatting, room arrows, file sizes, Python lint and types, clang-tidy on changed files.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=0
step() {
  echo "check: $1"
  shift
  "$@" || failed=1
}

format() { git ls-files '*.h' '*.cpp' | xargs clang-format-14 --dry-run -Werror; }
tidy() {
  [ -f build/compile_commands.json ] || { echo "  no build yet: skipped"; return 0; }
  local base changed
  base=$(git merge-base HEAD "${CHECK_BASE:-HEAD~1}" 2>/dev/null) || return 0
  changed=$(git diff --name-only --diff-filter=d "$base" -- 'src/*.cpp' 'python/src/*.cpp' 'tests/*.cpp' 'fuzz/*.cpp' 'bench/*.cpp' | head -40)
  [ -z "$changed" ] || clang-tidy-14 -p build --quiet $changed 2>/dev/null
}

step "clang-format" format
step "room arrows and file sizes" .venv/bin/python scripts/check_arrows.py
step "ruff" .venv/bin/ruff check -q .
step "ruff format" .venv/bin/ruff format -q --check .
step "mypy" .venv/bin/mypy
step "clang-tidy on changed files" tidy
[ "$failed" -eq 0 ] && echo "check: all passed" || { echo "check: failed"; exit 1; }
