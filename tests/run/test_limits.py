"""What is refused by a limit says which option raises it, and that option is there."""

import re

import pytest

from conftest import picture, smol, smol_json, write_model

LIMITS = {"--max-pixels": ["1000", "1M"], "--max-scans": ["3", "100"]}


@pytest.fixture
def folder(tmp_path):
    """A card and one progressive picture: 60x50, ten scans."""
    (tmp_path / "photos").mkdir()
    picture(1, 60, 50).save(tmp_path / "photos" / "a.jpg", progressive=True)
    write_model(tmp_path, "card")
    return tmp_path


COMMANDS = {
    "decode": "decode photos/a.jpg -o out.png",
    "preprocess": "preprocess photos/a.jpg --model card.yaml -o out.npy",
    "rendition": "rendition photos --short-side 32 -o out --overwrite",
    "plan": "plan photos --models card.yaml --repeats 1 --batch 1 --exact-only",
    "measure": "measure card.yaml photos --repeats 1 --seconds 0.1 --batch 1 --unfused",
    "run": "run card.yaml photos -o out --overwrite",
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", LIMITS)
def test_limits_name_the_option_that_raises_them(folder, command, option):
    too_low, enough = LIMITS[option]
    words = COMMANDS[command].split()
    done = smol(*words, option, too_low, check=False, cwd=folder)
    assert done.returncode == 1
    if command == "run":  # rows say it
        import pyarrow.parquet as pq

        (row,) = pq.read_table(folder / "out").to_pylist()
        assert row["error_code"] == "limit_exceeded"
        message = row["error_message"]
    else:
        message = done.stderr
    assert re.search(rf"{option} allows \({too_low}\)", message), message
    smol(*words, option, enough, cwd=folder)


def test_decoding_at_the_fidelities_of_plans(folder):
    scaled = smol_json("decode", folder / "photos" / "a.jpg", "--fidelity", "scale4", "-o", folder / "a.png")
    assert (scaled["width"], scaled["height"]) == (15, 13)
    smol("decode", folder / "photos" / "a.jpg", "--scale", "1/4", "-o", folder / "b.png")
    assert (folder / "a.png").read_bytes() == (folder / "b.png").read_bytes()
    exact = smol_json("decode", folder / "photos" / "a.jpg", "--fidelity", "exact", "-o", folder / "a.png")
    assert (exact["width"], exact["height"]) == (60, 50)
    done = smol("decode", folder / "a.png", "--fidelity", "scale4", "-o", folder / "b.png", check=False)
    assert done.returncode == 2
    assert "this picture can be decoded at the fidelities exact: scale4" in done.stderr
    done = smol("decode", folder / "photos" / "a.jpg", "--fidelity", "bits14", "-o", folder / "b.png", check=False)
    assert "exact, scale2, scale4, scale8: bits14" in done.stderr
    done = smol("decode", "a.jpg", "--fidelity", "exact", "--scale", "1/2", "-o", "b.png", check=False)
    assert done.returncode == 2


def test_a_dry_run_of_a_card_tells_the_cost_of_preprocessing(folder):
    (plan,) = smol_json("run", folder / "card.yaml", folder / "photos", "-o", folder / "out", "--dry-run")
    assert plan["items"] == 1 and plan["eta_seconds"] is None
    cost = plan["preprocessing_cost"]
    assert 0 < cost["decode"] < cost["total"]
    account = smol_json("explain", folder / "card.yaml", "--input", folder / "photos")["optimizer"]
    assert f"chosen: exact (exact), cost {cost['total'] / 1e6:.3f} (" in account
    said = smol("run", folder / "card.yaml", folder / "photos", "-o", folder / "out", "--dry-run").stdout
    assert f"{cost['total'] / 1e6:.3f} million 8-bit multiply-adds an item" in said
    assert "no rate was measured" in said and "`smol measure`" in said and "`smol plan`" in said
    (folder / "photos" / "a.jpg").write_bytes(b"no picture")
    (plan,) = smol_json("run", folder / "card.yaml", folder / "photos", "-o", folder / "out", "--dry-run")
    assert plan["preprocessing_cost"] is None


def test_stages_are_timed_where_they_can_be_known(card, photos, tmp_path):
    import pyarrow.parquet as pq

    words = ["run", card, photos, "--batch", "6", "--stage-times", "-o", tmp_path / "out.parquet"]
    stages = smol_json(*words)["stages"]
    assert stages["write"]["count"] == 24 and stages["write"]["total_us"] > 0
    assert stages["batch_wait"]["total_us"] > 0
    table = pq.read_table(tmp_path / "out.parquet")
    assert "write_us" not in table.column_names and "queue_us" in table.column_names
    waits = sorted(table["batch_wait_us"].to_pylist())
    assert waits[0] >= 0 and waits[-1] > 0
