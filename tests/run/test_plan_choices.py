"""smol plan: what is measured, remembered, judged and chosen."""

import pathlib
import re

import pytest

from conftest import ROOT, picture, smol, smol_json, write_model, write_simulated_model

EXACT = ("--exact-only", "--disable-rule", "coefficient_bits_14")
QUICK = (*EXACT, "--repeats", 1, "--batch", 2)
CLASSES = 10


def write_dataset(folder: pathlib.Path, count: int, cards: list[pathlib.Path], labels: dict[str, int]) -> pathlib.Path:
    """Small pictures of one rendition; no labels file for no labels."""
    (folder / "pictures").mkdir()
    for i in range(count):
        picture(i, 64, 48).save(folder / "pictures" / f"{i:03}.jpg")
    dataset = folder / "dataset.yaml"
    models = ", ".join(card.name for card in cards)
    dataset.write_text(f"renditions: {{full: {{path: pictures}}}}\nmodels: [{models}]\n")
    if labels:
        write_labels(dataset, labels)
    return dataset


def write_labels(dataset: pathlib.Path, labels: dict[str, int]) -> None:
    """Gives the dataset labels, in place of those it has."""
    lines = "".join(f"{item},{label}\n" for item, label in labels.items())
    (dataset.parent / "labels.csv").write_text("item,label\n" + lines)
    if "labels:" not in dataset.read_text():
        dataset.write_text(dataset.read_text() + "labels: labels.csv\n")


def answers_of(card: pathlib.Path, folder: pathlib.Path) -> dict[str, int]:
    """The model's own labels by item."""
    import pyarrow.parquet as pq

    smol("run", card, folder / "pictures", "-o", folder / f"{card.stem}.parquet")
    table = pq.read_table(folder / f"{card.stem}.parquet")
    return dict(zip(table["item"].to_pylist(), table["label"].to_pylist(), strict=True))


def wrong(labels: dict[str, int]) -> dict[str, int]:
    """Labels that the answers never meet."""
    return {item: (label + 1) % CLASSES for item, label in labels.items()}


def all_plans(answer: dict) -> list[dict]:
    """Of the frontier and the others."""
    return answer["plans"] + answer["dominated"]


def test_answers_are_remembered_until_their_picture_changes(tmp_path):
    card = write_model(tmp_path)
    dataset = write_dataset(tmp_path, 8, [card], {})
    write_labels(dataset, wrong(answers_of(card, tmp_path)))
    words = ("plan", dataset, *QUICK, "--cache", tmp_path / "cache")
    (plan,) = smol_json(*words)["plans"]
    assert plan["accuracy"]["value"] == 0
    # Whoever asks the model again is told the same; only what was remembered can be changed.
    (remembered,) = (tmp_path / "cache").glob("answers-*.tsv")
    first, *lines = remembered.read_text().splitlines()
    changed = [f"{entry}\t{(int(label) + 1) % CLASSES}" for entry, label in (line.rsplit("\t", 1) for line in lines)]
    remembered.write_text("\n".join([first, *changed]) + "\n")
    assert len(changed) == 8 and smol_json(*words)["plans"][0]["accuracy"]["value"] == 1
    assert smol_json("plan", dataset, *QUICK, "--no-cache")["plans"][0]["accuracy"]["value"] == 0
    picture(3, 64, 48).save(tmp_path / "pictures" / "003.jpg", quality=99)
    assert smol_json(*words)["plans"][0]["accuracy"]["value"] == 7 / 8


def samples_of(profile: pathlib.Path) -> list[int]:
    """How many samples each rate of a profile rests on."""
    return [len(rates.split(",")) for rates in re.findall(r"items_per_s: \[([^]]*)\]", profile.read_text())]


def test_a_spent_time_budget_ends_in_good_order(tmp_path):
    cards = [write_model(tmp_path, "a"), write_model(tmp_path, "b", seed=2)]
    dataset = write_dataset(tmp_path, 48, cards, {f"{i:03}.jpg": i % CLASSES for i in range(48)})
    words = ("plan", dataset, *EXACT, "--batch", 2, "--repeats", 3, "--calibration", 48)
    chosen = []
    for name, budget in {"short": ("--time-budget", 0.01), "long": ()}.items():
        outputs = ("-o", tmp_path / f"{name}.yaml", "--save-profile", tmp_path / f"{name}.profile")
        answer = smol_json(*words, *budget, *outputs)
        chosen.append(next(plan for plan in all_plans(answer) if plan["id"] == answer["chosen"]))
    short, long = samples_of(tmp_path / "short.profile"), samples_of(tmp_path / "long.profile")
    assert max(short) < max(long) and min(short) >= 1
    # The accuracies rest on the first block of answers, and what was chosen has been run.
    assert chosen[0]["accuracy_items"] == 32 and chosen[1]["accuracy_items"] == 48
    assert all(plan["throughput"]["value"] > 0 for plan in chosen)
    smol("run", tmp_path / "short.yaml", tmp_path / "pictures", "-o", tmp_path / "out")


def test_what_the_data_do_not_tell_is_undecided(tmp_path):
    card = write_model(tmp_path)
    dataset = write_dataset(tmp_path, 20, [card], {})
    truth = answers_of(card, tmp_path)
    names = sorted(truth)
    write_labels(dataset, {**truth, **wrong({name: truth[name] for name in names[:2]})})
    plans = tmp_path / "plans.yaml"
    # 18 of 20 are right, so 0.85 may well be reached; the interval begins below.
    refused = smol("plan", dataset, *QUICK, "--min-accuracy", 0.85, "-o", plans, check=False)
    assert refused.returncode == 1 and "undecided, needs about" in refused.stderr and "labels" in refused.stderr
    assert "tiny/full/exact" in refused.stdout and "Chosen" not in refused.stdout
    run = smol("run", plans, tmp_path / "pictures", "-o", tmp_path / "out", check=False)
    assert run.returncode != 0 and "accuracy at least 0.85" in run.stderr and "undecided, needs about" in run.stderr
    assert not (tmp_path / "out").exists()
    smol("run", plans, tmp_path / "pictures", "-o", tmp_path / "out", "--plan", "tiny/full/exact")
    assert smol_json("plan", dataset, *QUICK, "--min-accuracy", 0.6)["chosen"] == "tiny/full/exact"


def test_the_choice_is_judged_by_items_that_had_no_part_in_it(tmp_path):
    card = write_model(tmp_path)
    dataset = write_dataset(tmp_path, 24, [card], {})
    truth = answers_of(card, tmp_path)
    names = sorted(truth)
    dataset.write_text(dataset.read_text() + f"calibration: [{', '.join(names[:15])}]\n")
    write_labels(dataset, {**truth, **wrong({name: truth[name] for name in names[15:]})})
    answer = smol_json("plan", dataset, *QUICK)
    (plan,) = answer["plans"]
    assert (plan["accuracy"]["value"], plan["accuracy_items"]) == (1, 15)
    assert (plan["held_out_accuracy"]["value"], plan["held_out_items"]) == (0, 9)
    assert any("worse on items that had no part in the choice" in sentence for sentence in answer["findings"])
    told = smol("plan", dataset, *QUICK).stdout
    assert "held out: 9 of the 9 other" in told and "0.0 %" in told


def test_without_labels_accuracy_is_agreement(tmp_path):
    cards = [write_model(tmp_path, "fast"), write_model(tmp_path, "slow", seed=5, delay_us=3000)]
    dataset = write_dataset(tmp_path, 16, cards, {})
    fast, slow = (answers_of(card, tmp_path) for card in cards)
    answer = smol_json("plan", dataset, *QUICK)
    assert answer["accuracy_kind"] == "agreement with slow/full/exact"
    plans = {plan["model"]: plan for plan in all_plans(answer)}
    assert all(plan["accuracy_is_agreement"] for plan in plans.values())
    assert plans["slow"]["accuracy"]["value"] == 1
    assert plans["fast"]["accuracy"]["value"] == sum(fast[name] == slow[name] for name in fast) / 16


def test_a_profile_stands_in_for_measuring(tmp_path):
    dataset = write_dataset(tmp_path, 8, [write_model(tmp_path)], {})
    profile = tmp_path / "profile.yaml"
    smol("plan", dataset, *QUICK, "--save-profile", profile)
    given = iter(("[3, 5, 4]", "[12]"))
    text = re.sub(r"items_per_s: \[[^]]*\]", lambda _: f"items_per_s: {next(given)}", profile.read_text())
    text = re.sub(r"overlap_exponents: \[[^]]*\]\n", "", text)
    profile.write_text(text)
    (plan,) = smol_json("plan", dataset, *EXACT, "--repeats", 1, "--profile", profile)["plans"]
    assert (plan["preprocess_throughput"], plan["infer_throughput"]) == (4, 12)
    assert plan["predicted"]["throughput"] == pytest.approx(3)  # one after the other: 1 / (1/4 + 1/12)
    assert plan["throughput"]["value"] > 30, "measured here, with a model and pictures that are here"


def test_a_profile_alone_is_planned_with(tmp_path):
    profile = ROOT / "examples" / "paper_machine" / "profile.yaml"
    assert smol_json("plan", "--profile", profile)["chosen"] == "resnet34/161-jpeg-q75/exact"
    answer = smol_json("plan", "--profile", profile, "--min-accuracy", 0.75, "-o", tmp_path / "plans.yaml")
    assert answer["chosen"] == "resnet50-lowres/161-png/exact"
    plan = next(plan for plan in answer["plans"] if plan["id"] == answer["chosen"])
    assert plan["predicted"]["throughput"] == 1995 and plan["throughput"] is None
    run = smol("run", tmp_path / "plans.yaml", tmp_path, "-o", tmp_path / "out", check=False)
    assert run.returncode != 0 and not (tmp_path / "out").exists()
    assert smol("plan", check=False).returncode == 2


def test_the_greatest_latency_excludes_slow_answers(tmp_path):
    cards = [write_model(tmp_path, "fast"), write_model(tmp_path, "slow", seed=5, delay_us=30_000)]
    dataset = write_dataset(tmp_path, 8, cards, {})
    write_labels(dataset, answers_of(cards[1], tmp_path))
    plans = [smol_json("plan", dataset, *QUICK, "--max-latency", ms) for ms in (25, 5000)]
    assert [plan["chosen"].split("/")[0] for plan in plans] == ["fast", "slow"]
    chosen = next(plan for plan in all_plans(plans[1]) if plan["id"] == plans[1]["chosen"])
    assert 30_000 <= chosen["latency_us"]
    refused = smol("plan", dataset, *QUICK, "--models", cards[0], "--max-latency", 1e-4, check=False)
    assert refused.returncode == 1 and "no plan answers within 0.0001 ms" in refused.stderr


def test_the_greatest_cost_needs_prices(tmp_path):
    cards = [write_model(tmp_path, "fast"), write_model(tmp_path, "slow", seed=5, delay_us=8000)]
    dataset = write_dataset(tmp_path, 8, cards, {})
    write_labels(dataset, answers_of(cards[1], tmp_path))
    refused = smol("plan", dataset, "--max-cost", 1, check=False)
    assert refused.returncode == 2 and "--prices" in refused.stderr
    (tmp_path / "prices.yaml").write_text(
        "format: 1\ninstances: [{name: here, vcpus: 2, price_per_hour: 0.72}, {name: card, vcpus: 2, accelerator: T4, "
        "price_per_hour: 72}]\n"
    )
    priced = ("plan", dataset, *QUICK, "--prices", tmp_path / "prices.yaml")
    answer = smol_json(*priced, "--max-cost", 1000)
    assert answer["chosen"].startswith("slow/")
    plans = {plan["model"]: plan for plan in all_plans(answer)}
    assert plans["slow"]["cost"]["price_per_million"] > plans["fast"]["cost"]["price_per_million"] > 0
    limit = (plans["slow"]["cost"]["price_per_million"] * plans["fast"]["cost"]["price_per_million"]) ** 0.5
    assert smol_json(*priced, "--max-cost", limit)["chosen"].startswith("fast/")
    unmet = smol(*priced, "--max-cost", 1e-9, "--instance", "card", check=False)
    assert unmet.returncode == 1 and "no plan costs at most 1e-09 a million items on card" in unmet.stderr


def write_device(folder: pathlib.Path, transfer: str, operators: str) -> pathlib.Path:
    """A model of floating-point input on a device of its own; returns the card."""
    card = write_simulated_model(folder, "{1: 4000}")
    write_model(folder, "simulated", dtype="f32", size=128)
    text = (folder / "simulated.yaml").read_text()
    card.write_text(text.replace("backend: reference", "backend: simulated\nbackend_config: device.yaml"))
    device = folder / "device.yaml"
    device.write_text(
        device.read_text().replace("bytes_per_s: 1.0e9", f"bytes_per_s: {transfer}").replace("reference", "wait")
        + f"operators: {{operations_per_s: {operators}}}\n"
    )
    return card


def test_operators_go_where_the_link_and_the_device_want_them(tmp_path):
    dataset = write_dataset(tmp_path, 4, [], {})
    text = dataset.read_text()
    words = ("plan", dataset, *QUICK, "-o", tmp_path / "plans.yaml")
    # 200 KB of floating-point numbers a picture at 10 MB/s, or 50 KB of bytes that the device converts.
    dataset.write_text(text.replace("models: []", f"models: [{write_device(tmp_path, '1.0e7', '1.0e12').name}]"))
    slow_link = smol_json(*words)
    assert slow_link["chosen"].startswith("simulated/full/exact/device") and slow_link["plans"][0]["simulated"]
    pipeline = smol_json("explain", tmp_path / "plans.yaml")["pipeline"].splitlines()
    assert [line.startswith("device") for line in pipeline if "convert" in line] == [True]
    explained = smol("explain", tmp_path / "plans.yaml").stdout
    assert "simulated/full/exact: generated, predicted" in explained and "beaten" in explained
    # A device that computes as slowly as that should not.
    write_device(tmp_path, "1.0e11", "1.0e7")
    slow_device = smol_json(*words)
    assert slow_device["chosen"] == "simulated/full/exact"
    assert any("/device" in plan["id"] for plan in slow_device["dominated"])
    assert "/device3: generated, predicted" in smol("explain", tmp_path / "plans.yaml").stdout


def test_explain_shows_what_was_predicted_measured_and_tried(tmp_path):
    for i in range(8):
        (tmp_path / "pictures").mkdir(exist_ok=True)
        picture(i, 1024, 768).save(tmp_path / "pictures" / f"{i:03}.jpg", quality=92)
    card = write_model(tmp_path)
    dataset = tmp_path / "dataset.yaml"
    dataset.write_text(f"renditions: {{full: {{path: pictures}}}}\nmodels: [{card.name}]\ncalibration: 0.75\n")
    write_labels(dataset, answers_of(card, tmp_path))
    plans = tmp_path / "plans.yaml"
    answer = smol_json("plan", dataset, "--repeats", 2, "--batch", 2, "-o", plans)
    lossy = next(plan for plan in all_plans(answer) if plan["label"] == "lossy" and plan["throughput"])
    told = smol("explain", plans, "--plan", lossy["id"]).stdout
    measured, predicted = lossy["throughput"]["value"], lossy["predicted"]["throughput"]
    assert f"predicted {predicted:.1f} ({100 * (predicted / measured - 1):+.1f} %) items/s" in told
    for name in ("SMOL", "Tahoma", "BlazeIt"):
        assert name in told
    assert f"bottleneck: {lossy['predicted']['bottleneck']}" in told
    difference = f"at most {lossy['max_difference']:.0f}, mean {lossy['mean_difference']:.2f} of 255"
    change = lossy["accuracy_change"]
    points = f"accuracy {100 * change['value']:+.1f} points ({100 * change['low']:+.1f} to {100 * change['high']:+.1f})"
    assert f"measured difference: {difference}; {points} against the exact plan" in told
    # Beside the exact plan the lossy one is an alternative, with the same figures.
    told = smol("explain", plans, "--plan", "tiny/full/exact").stdout
    line = next(line for line in told.splitlines() if line.startswith(f"  {lossy['fidelity']}: "))
    assert f"measured {measured:.1f} items/s" in line and difference in line and points in line
    choices = smol_json("explain", plans, "--plan", "tiny/full/exact")["choices"]
    assert lossy["id"] in [choice["plan"]["id"] for choice in choices if choice["plan"]]
    by_fidelity = {choice["fidelity"]: choice["plan"] for choice in choices}
    for fidelity, plan in by_fidelity.items():
        line = next(line for line in told.splitlines() if line.startswith(f"  {fidelity}: "))
        wanted = "not planned" if plan is None else "measured" if plan["throughput"] else "not run"
        assert wanted in line
    assert "on items that had no part in the choice: accuracy" in smol("explain", plans).stdout
