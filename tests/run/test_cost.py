"""smol cost: what plans cost, machine by machine; and what a run would."""

import pathlib

import pytest

from conftest import ROOT, smol, smol_json, write_model, write_simulated_model

QUICK = ("--repeats", 1, "--batch", 2, "--exact-only", "--disable-rule", "coefficient_bits_14")
PRICES = ROOT / "examples" / "prices.yaml"
PLAN = """\
  - id: {id}
    model_name: {id}
    rendition: full
    predicted: {{throughput: {rate}, preprocess: {rate}, dnn_only: 4000, shares_host_cores: {shares}, bottleneck: x}}
    measured: {{throughput: [{rate}, {rate}, {rate}], accuracy: [0.7, 0.6, 0.8], items: 100}}
"""


def write_plans(folder: pathlib.Path, cores: str = "cores: 2\n") -> pathlib.Path:
    """One plan that shares the host's cores, one for a device."""
    (folder / "plans.yaml").write_text(
        f"format: 2\nmachine: here\n{cores}chosen: card\nplans:\n"
        + PLAN.format(id="card", rate=1000, shares="false")
        + PLAN.format(id="host", rate=500, shares="true")
    )
    (folder / "prices.yaml").write_text(
        "format: 1\ncurrency: EUR\nsource: a test\ninstances:\n"
        "- {name: two, vcpus: 2, price_per_hour: 0.36, watts: 100}\n"
        "- {name: ten, vcpus: 10, accelerator: T4, price_per_hour: 3.6}\n"
    )
    return folder / "plans.yaml"


def test_plans_times_instances(tmp_path):
    plans = write_plans(tmp_path)
    answer = smol_json("cost", plans, "--prices", tmp_path / "prices.yaml", "--items", 9_000_000)
    assert answer["currency"] == "EUR" and answer["cores"] == 2
    cells = {(cell["plan"], cell["instance"]): cell for cell in answer["costs"]}
    here = cells["host", "two"]
    assert here["items_per_s"] == 500 and not here["extrapolated"]
    # 0.36 an hour at 500/s; 9 million at 500/s take five hours.
    assert here["price_per_million"] == pytest.approx(0.2) and here["kwh_per_million"] == pytest.approx(0.1 / 1.8)
    assert here["hours"] == pytest.approx(5) and here["price"] == pytest.approx(1.8)
    larger = cells["host", "ten"]
    assert larger["items_per_s"] == 2500 and larger["extrapolated"] and larger["kwh_per_million"] is None
    assert cells["card", "two"]["needs_accelerator"] and cells["card", "two"]["price"] is None
    # Five times the host feeds the device as fast as it can take.
    assert cells["card", "ten"]["items_per_s"] == 4000
    told = smol("cost", plans, "--prices", tmp_path / "prices.yaml", "--items", 9_000_000).stdout
    lines = {tuple(line.split()[:3]): line for line in told.splitlines()}
    assert "needs an accelerator" in lines["*", "card", "two"]
    assert "EUR a million" in told and "extrapolated from 2 vCPUs" in told and "a test" in told and "here" in told
    only = smol("cost", plans, "--prices", tmp_path / "prices.yaml", "--instance", "two").stdout
    assert "ten" not in only.split() and "hours" not in only


def test_where_the_cores_are_not_known_rates_stay_as_measured(tmp_path):
    plans = write_plans(tmp_path, cores="")
    answer = smol_json("cost", plans, "--prices", tmp_path / "prices.yaml", "--instance", "ten")
    assert [cell["items_per_s"] for cell in answer["costs"]] == [1000, 500]
    assert all(cell["extrapolated"] for cell in answer["costs"])
    assert "not known" in smol("cost", plans, "--prices", tmp_path / "prices.yaml").stdout


def test_what_is_wrong_is_told(tmp_path):
    plans = write_plans(tmp_path)
    refused = smol("cost", plans, "--prices", tmp_path / "prices.yaml", "--instance", "six", check=False)
    assert refused.returncode == 2 and "two, ten" in refused.stderr
    assert smol("cost", plans, check=False).returncode == 2
    assert smol("cost", plans, "--prices", plans, check=False).returncode == 2
    assert smol("cost", plans, "--prices", tmp_path / "none.yaml", check=False).returncode == 1


def test_the_machine_of_the_paper_costs_about_what_its_table_says(tmp_path):
    """PVLDB 14(1), Table 8: 7.58, 5.56 and 7.35 cents a million at 4, 8 and 16 vCPUs, from its own throughputs."""
    plans = tmp_path / "plans.yaml"
    smol("plan", "--profile", ROOT / "examples" / "paper_machine" / "profile.yaml", "-o", plans)
    cells = {(cell["plan"], cell["instance"]): cell for cell in smol_json("cost", plans, "--prices", PRICES)["costs"]}
    for instance, cents in {"g4dn.xlarge": 7.58, "g4dn.2xlarge": 5.56, "g4dn.4xlarge": 7.35}.items():
        cell = cells["resnet50-lowres/161-png/exact", instance]
        assert 100 * cell["price_per_million"] == pytest.approx(cents, rel=0.07)
        assert cell["extrapolated"] == (instance != "g4dn.xlarge")


@pytest.fixture
def planned(photos, tmp_path):
    """Plans of a model that waits, so that its rate is low enough to be told."""
    plans = tmp_path / "made.yaml"
    smol("plan", photos, "--models", write_model(tmp_path, delay_us=2000), *QUICK, "-o", plans)
    return plans


def test_a_dry_run_says_how_long_and_for_how_much(planned, photos, tmp_path):
    write_plans(tmp_path)
    words = ("run", planned, photos, "-o", tmp_path / "out", "--dry-run", "--prices", tmp_path / "prices.yaml")
    (plan,) = smol_json(*words)
    rate = plan["throughput"]["value"]
    assert plan["eta_seconds"] == pytest.approx(24 / rate) and plan["rate_of_machine"] is None
    told = smol(*words).stdout
    assert f"about {24 / rate:.1f} s at the {rate:.1f} items/s that were measured here" in told
    assert "EUR on two" in told and "kWh" in told and not (tmp_path / "out").exists()
    # Both price what `smol cost` does.
    (cell,) = smol_json("cost", planned, "--prices", tmp_path / "prices.yaml", "--instance", "two", "--items", 24)[
        "costs"
    ]
    assert plan["cost"]["price"] == pytest.approx(cell["price"]) and plan["cost"]["hours"] == pytest.approx(
        cell["hours"]
    )
    (plan,) = smol_json(*words, "--instance", "ten")
    assert plan["cost"]["instance"] == "ten" and plan["cost"]["extrapolated"] and plan["cost"]["kwh"] is None
    assert smol(*words, "--instance", "six", check=False).returncode == 2
    alone = smol("run", planned, photos, "-o", tmp_path / "out", "--prices", tmp_path / "prices.yaml", check=False)
    assert alone.returncode == 2 and "--dry-run" in alone.stderr and not (tmp_path / "out").exists()


def test_a_dry_run_says_where_its_rate_is_from(planned, photos, tmp_path):
    lines = planned.read_text().splitlines()
    moved = [line if not line.startswith("machine:") else "machine: a mainframe" for line in lines]
    planned.write_text("\n".join(moved) + "\n")
    words = ("run", planned, photos, "-o", tmp_path / "out", "--dry-run")
    assert "measured on another machine: a mainframe" in smol(*words).stdout
    (plan,) = smol_json(*words)
    assert plan["rate_of_machine"] == "a mainframe" and plan["eta_seconds"] > 0
    write_plans(tmp_path)
    card = smol("run", tmp_path / "tiny.yaml", *words[2:], "--prices", tmp_path / "prices.yaml").stdout
    assert "time unknown" in card and "price unknown" in card


def test_plans_for_a_device_need_one_in_dry_runs_too(photos, tmp_path):
    write_plans(tmp_path)
    card = write_simulated_model(tmp_path)
    plans = tmp_path / "made.yaml"
    smol("plan", photos, "--models", card, *QUICK, "-o", plans)
    words = ("run", plans, photos, "-o", tmp_path / "out", "--dry-run", "--prices", tmp_path / "prices.yaml")
    assert "needs an accelerator, and two has none" in smol(*words).stdout
    assert smol_json(*words)[0]["cost"]["price"] is None
    assert smol_json(*words, "--instance", "ten")[0]["cost"]["price"] > 0


def test_a_run_says_which_plan_it_takes_and_why(planned, photos, tmp_path):
    done = smol("run", planned, photos, "-o", tmp_path / "out")
    assert "plan tiny/full/exact: the fastest, as nothing was asked for" in done.stderr
    for number, silent in enumerate((["-q"], ["--json"], ["--plan", "tiny/full/exact"])):
        assert "nothing was asked for" not in smol("run", planned, photos, "-o", tmp_path / f"{number}", *silent).stderr
    smol("plan", photos, "--models", tmp_path / "tiny.yaml", *QUICK, "--min-throughput", 1, "-o", planned)
    told = smol("run", planned, photos, "-o", tmp_path / "wanted").stderr
    assert "at least 1 items/s: the most accurate that meets it" in told
