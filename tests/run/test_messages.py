"""What is said of files that are not what is expected: cards, graphs, plans, pictures."""

import os

import pytest

from conftest import smol, write_model, write_pictures

GRAPH = "format: 1\nnodes: {a: {operators: [{resize: {width: 8, height: 8}}]}}\noutputs: [a]\n"
CARD_COMMANDS = {
    "preprocess": ["preprocess", "000.jpg", "-o", "x.npy", "--model"],
    "explain": ["explain"],
    "explain_for": ["explain", "--input", "000.jpg"],
}


@pytest.fixture
def folder(tmp_path):
    """A card, a picture, and files that are neither."""
    write_pictures(tmp_path, 1)
    write_model(tmp_path, "card")
    (tmp_path / "graph.yaml").write_text(GRAPH)
    (tmp_path / "net.onnx").write_bytes(b"\x08\x07\x12\x00\x00onnx" * 99)
    (tmp_path / "net.xml").write_text("<?xml version='1.0'?><net name='x'></net>\n")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "plans.yaml").write_text("format: 1\nplans: 5\n")
    return tmp_path


@pytest.mark.parametrize("command", CARD_COMMANDS)
@pytest.mark.parametrize(
    ("name", "is_a"),
    [
        ("000.jpg", "a picture (jpeg)"),
        ("net.onnx", "a model or another binary file"),
        ("net.xml", "a model or another XML file"),
    ],
)
def test_what_is_no_card_is_named(folder, command, name, is_a):
    done = smol(*CARD_COMMANDS[command], name, check=False, cwd=folder)
    assert done.returncode == 2
    for words in (f"this is {is_a} where a model card is expected", "smol inspect MODEL --card -o CARD", name):
        assert words in done.stderr, done.stderr


def test_graphs_and_cards_are_told_apart(folder):
    done = smol("preprocess", "000.jpg", "--model", "graph.yaml", "-o", "x.npy", check=False, cwd=folder)
    assert "this is a preprocessing graph where a model card is expected" in done.stderr
    done = smol("preprocess", "000.jpg", "--graph", "card.yaml", "-o", "x", check=False, cwd=folder)
    assert "this is a model card where a preprocessing graph is expected" in done.stderr
    done = smol("preprocess", "000.jpg", "--graph", "000.jpg", "-o", "x", check=False, cwd=folder)
    assert "this is a picture (jpeg) where a preprocessing graph is expected: 000.jpg" in done.stderr


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (
            "resize:",
            "reszie:",
            "line 8: unknown key 'reszie', did you mean 'resize'? Allowed: operators, resize, crop,",
        ),
        ("short_side", "short_sid", "line 8: unknown key 'short_sid', did you mean 'short_side'? Allowed: short_side,"),
        ("task:", "tsk:", "line 5: unknown key 'tsk', did you mean 'task'? Allowed: format, file,"),
        ("licence:", "blue_moon:", "unknown key 'blue_moon'. Allowed: format, file,"),
        ("format: 1", "format: 2", "reads cards of format 1: 2"),
    ],
)
def test_misspelt_keys_of_cards(folder, before, after, says):
    card = folder / "card.yaml"
    card.write_text(card.read_text().replace(before, after))
    done = smol("preprocess", "000.jpg", "--model", "card.yaml", "-o", "x.npy", check=False, cwd=folder)
    assert done.returncode == 2 and says in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("operators", "says"),
    [
        (
            "[{reszie: {width: 8, height: 8}}]",
            "line 6: unknown operator 'reszie', did you mean 'resize'? Allowed: orient,",
        ),
        ("[Orient]", "line 6: unknown operator 'Orient', did you mean 'orient'?"),
        ("[resize]", "line 6: this operator needs arguments, as {resize: ...}"),
        ("[[orient]]", "line 6: each operator is one key with its arguments, or orient"),
        ("[{layout: NHCW}]", "line 6: layout must be one of NHWC, NCHW: NHCW"),
        ("[{user: blur}]", "line 6: no such user operator; loaded: none: blur"),
    ],
)
def test_wrong_operators_of_cards(folder, operators, says):
    card = folder / "operators.yaml"
    card.write_text(
        "format: 1\nfile: card.refmodel\ntask: raw\nbackend: reference\n"
        f"input: {{layout: NHWC, dtype: u8, width: 32, height: 32}}\npreprocess: {{operators: {operators}}}\n"
    )
    done = smol("preprocess", "000.jpg", "--model", card.name, "-o", "x.npy", check=False, cwd=folder)
    assert done.returncode in (1, 2) and says in done.stderr, done.stderr


def test_explain_says_what_it_takes(folder):
    done = smol("explain", "nosuch.yaml", check=False, cwd=folder)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    for words in ("takes plans, a model card or a preprocessing graph", os.strerror(2), "nosuch.yaml"):
        assert words in done.stderr
    assert "plan" in smol("explain", "plans.yaml", check=False, cwd=folder).stderr
    done = smol("explain", "card.yaml", check=False, cwd=folder)
    assert done.returncode == 2 and "name pictures with --input: a model card alone does not" in done.stderr


def test_empty_files_have_one_error_code(folder, rows_of):
    for command in (["inspect"], ["decode", "-o", "x.png"], ["preprocess", "--model", "card.yaml", "-o", "x.npy"]):
        done = smol(*command, "empty.jpg", "--json", check=False, cwd=folder)
        assert done.returncode == 1 and '"truncated"' in done.stdout and "empty" in done.stdout, done.stdout
    smol("run", "card.yaml", "empty.jpg", "-o", "rows.parquet", check=False, cwd=folder)
    assert [row["error_code"] for row in rows_of(folder / "rows.parquet").values()] == ["truncated"]
