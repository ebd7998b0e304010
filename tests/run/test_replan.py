"""smol run --replan, and what a run says whose rate is not the plan's."""

import re
import shutil

import pytest

from conftest import smol, smol_json, write_model, write_pictures


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """Plans of a quick and a slow model over two renditions, under a constraint that both meet."""
    tmp_path = tmp_path_factory.mktemp("planned")
    write_pictures(tmp_path / "photos")
    smol("rendition", tmp_path / "photos", "--short-side", 40, "--format", "png", "-o", tmp_path / "small")
    cards = [write_model(tmp_path, "quick"), write_model(tmp_path, "slow", seed=1, delay_us=20000)]
    (tmp_path / "dataset.yaml").write_text(
        "renditions: {full: {path: photos}, small: {path: small}}\n"
        f"models: [{', '.join(card.name for card in cards)}]\n"
    )
    smol("plan", tmp_path / "dataset.yaml", "-o", tmp_path / "plans.yaml", "--repeats", 1, "--batch", 2,
         "--min-accuracy", 0, "--exact-only")  # fmt: skip
    return tmp_path


@pytest.fixture
def planned(everything, tmp_path):
    shutil.copytree(everything, tmp_path, dirs_exist_ok=True)
    return tmp_path / "plans.yaml"


def pretend(plans, changes):
    """The file as if it came from elsewhere."""
    text = plans.read_text()
    for pattern, replacement in changes.items():
        text, found = re.subn(pattern, replacement, text, flags=re.M)
        assert found, pattern
    plans.write_text(text)


def test_replan_measures_the_plans_of_another_machine(planned, tmp_path):
    pretend(planned, {r"^machine: .*": "machine: a slower one", r"^chosen: .*": "chosen: slow/full/exact"})
    words = ("run", planned, tmp_path / "dataset.yaml", "-o", tmp_path / "out")
    as_planned = smol("--json", *words)
    assert '"slow/full/exact"' in as_planned.stdout and "`smol run --replan`" in as_planned.stderr
    again = smol_json(*words, "--overwrite", "--replan")
    assert again["plans"][0].startswith("quick/") and again["error_rows"] == 0
    assert "a slower one" in planned.read_text(), "the file is the user's"


def test_replan_keeps_the_constraint(planned, tmp_path):
    # Agreement with itself is certain, so that only the reference's own plan can have a lower end of 0.8.
    pretend(planned, {r"min_accuracy: 0$": "min_accuracy: 0.999"})
    words = ("run", planned, tmp_path / "dataset.yaml", "-o", tmp_path / "out", "--replan")
    refused = smol(*words, check=False)
    assert refused.returncode == 2 and "meet no constraint (accuracy at least 0)" in refused.stderr
    pretend(planned, {r"min_accuracy: 0.999": "min_throughput: 1e9"})
    refused = smol(*words, check=False)
    assert refused.returncode == 2 and "no plan reaches 1e+09 items/s" in refused.stderr
    assert not (tmp_path / "out").exists()


def test_replan_over_a_folder_takes_it_for_the_chosen_rendition(planned, tmp_path):
    pretend(planned, {r"^chosen: .*": "chosen: slow/small/exact"})
    answer = smol_json("run", planned, tmp_path / "small", "-o", tmp_path / "out", "--replan")
    assert answer["plans"] == ["quick/small/exact"]


def test_replan_says_what_it_needs(planned, card, tmp_path):
    words = (tmp_path / "photos", "-o", tmp_path / "out", "--replan")
    for arguments, told in {
        (planned, *words, "--resume"): "--resume",
        (planned, *words, "--plan", "quick/full/exact"): "--plan",
        (card, *words): "made by `smol plan`",
        (tmp_path / "none.yaml", *words): "none.yaml",
    }.items():
        refused = smol("run", *arguments, check=False)
        assert refused.returncode != 0 and told in refused.stderr, refused.stderr


def test_a_run_of_another_rate_says_so(planned, tmp_path):
    write_pictures(tmp_path / "many", 600)
    pretend(planned, {r"throughput: \[.*\]": "throughput: [7000.0, 6900.0, 7100.0]"})
    words = ("run", planned, tmp_path / "many", "--plan", "slow/full/exact")
    told = smol(*words, "-o", tmp_path / "out").stderr
    assert "where the plan had 7000.0" in told and "--replan" in told
    assert "where the plan had" not in smol(*words, "-o", tmp_path / "two", "--workers", 1).stderr
