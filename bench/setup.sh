#!/usr/bin/env bash
# Installs the peers: .venv-bench, .venv-dali (large, therefore apart) and, where root may, libvips. Does nothing when all is
# there. What cannot be installed is left out of the results, which say so.
set -uo pipefail
cd "$(dirname "$0")/.."
python=$(command -v python3.11 || command -v python3)

# install VENV PIP_ARGUMENTS...: unless it was done with these arguments before.
install() {
  local venv=$1 stamp=$1/smol-requirements
  shift
  local wanted
  wanted=$(echo "$*" | cat - bench/requirements.txt | sha256sum)
  [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
  [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
  echo "bench: installing $*"
  if "$venv/bin/pip" install -q --disable-pip-version-check "$@"; then
    echo "$wanted" > "$stamp"
  else
    echo "bench: left out: $*" >&2
  fi
}

install .venv-bench --only-binary=:all: -r bench/requirements.txt
# Sources only, and its torch requirement is met already.
[ -d .venv-bench/lib/python3.11/site-packages/efficientnet_lite_pytorch ] ||
  .venv-bench/bin/pip install -q --disable-pip-version-check --no-deps efficientnet-lite-pytorch==0.1.0 ||
  echo "bench: left out: PyTorch eager" >&2
install .venv-dali --only-binary=:all: nvidia-dali-cuda130==2.4.0 numpy==2.4.6 openvino==2026.4.1
if ! ldconfig -p | grep -q libvips.so.42; then
  as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo -n)
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends libvips42 > /dev/null ||
    echo "bench: left out: libvips" >&2
fi
.venv-bench/bin/python -c 'import pyvips' 2> /dev/null || .venv-bench/bin/pip install -q --disable-pip-version-check pyvips==3.2.0 ||
  echo "bench: left out: libvips" >&2
