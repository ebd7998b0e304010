"""Simulated devices: those that bench/planner/make_device.py writes, and those that cards name."""

import subprocess
import sys

from conftest import ROOT, smol, smol_json

MAKE_DEVICE = ROOT / "bench" / "planner" / "make_device.py"
SHORT = ("--repeats", 1, "--seconds", 0.2)


def make_device(*options: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(MAKE_DEVICE), *map(str, options)], capture_output=True, text=True, check=check
    )


def test_a_made_device_runs_as_it_is_described(photos, tmp_path):
    rates = ("--batch-rates", "1:500,32:4000", "--model-input", 64, "--launch-us", 50, "--jitter", 0.02)
    cards = [
        make_device(*rates, "--devices", devices, "-o", tmp_path / str(devices)).stdout.strip() for devices in (1, 2)
    ]
    # A busy machine may be slower than the device, so that there are several attempts.
    attempts = [
        [smol_json("measure", card, photos, *SHORT, "--batch", 32)["infer_alone"]["median"] for card in cards]
        for _ in range(3)
    ]
    assert any(3000 < one < 5000 and 6000 < two < 10000 for one, two in attempts), attempts
    # The batch that is chosen is larger than those of hosts.
    assert 32 in {smol_json("measure", cards[0], photos, *SHORT)["report"]["batch"] for _ in range(3)}
    assert "(simulated)" in smol("measure", cards[0], photos, *SHORT, "--unfused").stdout


def test_a_made_device_can_answer(photos, tmp_path):
    made = make_device(
        "--batch-rates", "8:2000", "--model-input", 32, "--dtype", "u8", "--compute", "reference", "--seed", 7,
        "--devices", 2, "--shared-link", "--operations-per-s", 2e11, "--memory-bytes", 1e9,
        "--name", "net", "-o", tmp_path,
    )  # fmt: skip
    assert made.stdout.strip() == str(tmp_path / "net.yaml")
    host = tmp_path / "host.yaml"
    lines = (tmp_path / "net.yaml").read_text().splitlines()
    host.write_text("\n".join(line for line in lines if not line.startswith("backend")) + "\nbackend: reference\n")
    for card in ("net", "host"):
        assert smol_json("run", tmp_path / f"{card}.yaml", photos, "-o", tmp_path / card)["error_rows"] == 0
    assert labels(tmp_path / "net") == labels(tmp_path / "host")


def labels(output):
    """Labels by item."""
    import pyarrow.parquet as pq

    return pq.read_table(output).sort_by("item")["label"].to_pylist()


def test_rates_that_are_none_are_refused(tmp_path):
    for rates in ("fast", "1:0", "0:5", ""):
        refused = make_device("--batch-rates", rates, "-o", tmp_path, check=False)
        assert refused.returncode == 2 and "rates" in refused.stderr, rates


def test_devices_that_come_along_are_named_in_cards(photos, tmp_path):
    card = tmp_path / "resnet50.yaml"
    card.write_text(
        f"format: 1\nfile: {ROOT / 'devices/models/resnet50.refmodel'}\ntask: classification\n"
        "backend: simulated\nbackend_config: nvidia_t4\n"
        "input: {layout: NCHW, dtype: f32, width: 224, height: 224, color: RGB}\n"
        "preprocess: {resize: {short_side: 256}, crop: {width: 224, height: 224}, mean: 127, scale: 128}\n"
        "output: {activation: none, classes: 1000}\n"
    )
    plans = tmp_path / "plans.yaml"
    smol("plan", photos, "--models", card, "--repeats", 1, "--batch", 16, "-o", plans)
    assert smol_json("measure", plans, photos, *SHORT)["infer_alone"]["median"] <= 4513 * 1.1
    card.write_text(card.read_text().replace("nvidia_t4", "nvidia_t5"))
    refused = smol("measure", card, photos, check=False)
    assert refused.returncode == 1 and "nvidia_t5" in refused.stderr and "nvidia_t4, nvidia_v100" in refused.stderr
