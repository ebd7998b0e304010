# SPDX-License-Identifier: Apache-2.0
"""The wheel: installed into a fresh environment, which is then moved, it works; what it holds and what it does not."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import re
import site
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# The large packages are not installed again: links to those of this environment stand for them.
LINKED = ("numpy", "openvino", "pyarrow")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("scikit_build_core") is None, reason="scikit-build-core builds the wheel"
    ),
]


def call(*words: object, **options) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SMOL_"))}
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=1800, env=environment, **options
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built in build-wheel, which is kept: the second time takes seconds. Other builds' compiler cache is shared."""
    os.environ.update(CCACHE_BASEDIR=str(ROOT), CCACHE_NOHASHDIR="1")
    folder = tmp_path_factory.mktemp("wheel")
    call(sys.executable, "-m", "pip", "wheel", ROOT, "--no-deps", "--no-build-isolation", "-q", "-w", folder)
    (built,) = folder.glob("smol-*.whl")
    return built


def make_environment(folder: Path, wheel: Path, linked: tuple[str, ...]) -> Path:
    """A virtual environment with the wheel and links to packages; returns its site-packages."""
    call(sys.executable, "-m", "venv", "--without-pip", folder)
    call(sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "-q", "--no-deps", wheel)
    (packages,) = folder.glob("lib/python*/site-packages")
    here = Path(next(path for path in site.getsitepackages() if (Path(path) / "pyarrow").exists()))
    for path in here.iterdir():
        if re.split(r"[-.]", path.name)[0] in linked:
            (packages / path.name).symlink_to(path)
    return packages


CHECK = """
import json, sys
import smol, numpy, pyarrow
assert smol.__file__.startswith(sys.argv[1]), smol.__file__
info = smol.info()
assert any(b["name"] == "openvino" and b["available"] for b in info["backends"]), info["backends"]
pixels = numpy.arange(96 * 96 * 3, dtype=numpy.uint8).reshape(96, 96, 3)
assert smol.Preprocessor("resize(short_side=40) | center_crop(32x32)")(pixels).shape == (3, 32, 32)
print(json.dumps(info["version"]))
"""


def test_a_moved_environment_works(wheel, tmp_path):
    packages = make_environment(tmp_path / "first", wheel, LINKED)
    version = wheel.name.split("-")[1]
    assert f"smol {version}" in call(tmp_path / "first" / "bin" / "smol", "info")
    (tmp_path / "first").rename(tmp_path / "second")
    packages = tmp_path / "second" / packages.relative_to(tmp_path / "first")
    python = tmp_path / "second" / "bin" / "python"
    assert json.loads(call(python, "-c", CHECK, tmp_path / "second", cwd=tmp_path)) == version
    for command in ([python, "-m", "smol"], [packages / "smol" / "bin" / "smol"]):
        info = json.loads(call(*command, "info", "--json", cwd=tmp_path))
        assert info["version"] == version
        assert all(entry["available"] for entry in info["backends"]), info["backends"]


def test_a_missing_package_is_named(wheel, tmp_path):
    """Without openvino smol starts and says what helps; without pyarrow the error does."""
    make_environment(tmp_path / "plain", wheel, ("numpy", "pyarrow"))
    info = json.loads(call(tmp_path / "plain" / "bin" / "smol", "info", "--json"))
    (openvino,) = [entry for entry in info["backends"] if entry["name"] == "openvino"]
    version = importlib.metadata.version("openvino")
    assert not openvino["available"] and f"openvino=={version}" in openvino["remedy"]
    make_environment(tmp_path / "bare", wheel, ("numpy",))
    words = [str(tmp_path / "bare" / "bin" / "python"), "-c", "import smol; smol.info()"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    wanted = f"smol was built against pyarrow {importlib.metadata.version('pyarrow')}, installed: none"
    assert done.returncode == 1 and wanted in done.stderr


def test_what_the_wheel_holds(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(name for name in names if name.endswith("METADATA"))).decode()
        archive.extractall(tmp_path)
    binaries = {Path(name).name for name in names if ".so" in name or "/bin/" in name}
    native = next(name for name in binaries if name.startswith("_native."))
    needed = {native, "libsmol.so", "libsmol_backend_openvino.so", "smol"}
    # Our side of libraries that are the system's: they are found where they are installed, never carried along.
    plug_ins = {"libsmol_video_ffmpeg.so", "libsmol_http.so"} | {
        f"libsmol_codec_{name}.so" for name in ("avif", "heic", "jpeg2000", "jpegxl")
    }
    assert needed <= binaries <= needed | plug_ins, "no codec or other library inside"
    for name in (
        "smol/py.typed",
        "smol/_native.pyi",
        "smol/include/smol/session.h",
        "smol/cmake/smol/smolConfig.cmake",
        "smol/share/smol/devices/nvidia_t4.yaml",
    ):
        assert name in names
    assert any("LICENSE" in name for name in names)
    for package in ("openvino", "pyarrow"):
        assert f"Requires-Dist: {package}=={importlib.metadata.version(package)}\n" in metadata
    for name in names:
        if Path(name).name in binaries:
            dynamic = call("readelf", "-d", tmp_path / name)
            paths = re.findall(r"(?:RUNPATH|RPATH).*\[(.*)\]", dynamic)
            assert paths or Path(name).name in plug_ins, f"{name} could not find what it links"
            for entry in (entry for path in paths for entry in path.split(":")):
                assert entry.startswith("$ORIGIN"), entry
