"""Pictures in Parquet tables: pyarrow writes them, the answers are those of the folder."""

import pathlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_archives import all_names, answers

from conftest import smol, smol_json


@pytest.fixture
def expected(card, photos, tmp_path, rows_of):
    """The answers of the folder."""
    smol("run", card, photos, "-o", tmp_path / "expected")
    return answers(rows_of(tmp_path / "expected"))


def columns_of(photos: pathlib.Path) -> dict[str, list]:
    """A table of all pictures, as Hugging Face's datasets lays it out, and other columns."""
    names = all_names(photos)
    data = [(photos / name).read_bytes() for name in names]
    return {
        "name": names,
        "number": list(range(100, 100 + len(names))),
        "image": [{"bytes": content, "path": name} for content, name in zip(data, names, strict=True)],
        "plain": data,
        "label": [i % 3 if i % 5 else None for i in range(len(names))],
    }


def write(path: pathlib.Path, columns: dict[str, list], rows: int = 5) -> None:
    pq.write_table(pa.table(columns), path, row_group_size=rows)


@pytest.mark.parametrize("options", ["", "?image=image", "?image=plain"])
def test_a_table_gives_the_answers_of_the_folder(card, photos, tmp_path, rows_of, expected, options):
    names = all_names(photos)
    for rows in (1, 7, 1000):
        write(tmp_path / "photos.parquet", columns_of(photos), rows)
        for extra in ([], ["--io-threads", "4"], ["--ordered"]):
            source = f"{tmp_path / 'photos.parquet'}{options}"
            smol("run", card, source, "-o", tmp_path / "out", "--overwrite", *extra)
            got = answers(rows_of(tmp_path / "out"))
            assert got == {str(i): expected[name] for i, name in enumerate(names)}
        assert next(iter(rows_of(tmp_path / "out").values()))["item"] == "photos.parquet!0"
    again = smol_json("run", card, source, "-o", tmp_path / "out", "--resume")
    assert again["items"] == 0 and again["skipped"] == len(names)


def test_a_row_group_of_many_batches(card, photos, tmp_path, rows_of, expected):
    names = all_names(photos)
    padded = [(photos / name).read_bytes() + bytes(2_000_000) for name in names]  # batches are about 16 MB
    write(tmp_path / "large.parquet", {"name": names, "image": padded}, rows=1000)
    for place, extra in (("whole", ["--io-threads", "5"]), ("half", ["--shard", "1/2"])):
        smol("run", card, f"{tmp_path / 'large.parquet'}?id=name", "-o", tmp_path / place, *extra)
        wanted = names[1::2] if "--shard" in extra else names
        assert answers(rows_of(tmp_path / place)) == {name: expected[name] for name in wanted}


def test_ids_and_labels_come_from_columns(card, photos, tmp_path, rows_of, expected):
    write(tmp_path / "photos.parquet", columns_of(photos))
    table = f"{tmp_path / 'photos.parquet'}?image=image"
    smol("run", card, f"{table}&id=name", "-o", tmp_path / "out")
    assert answers(rows_of(tmp_path / "out")) == expected
    smol("run", card, f"{table}&id=number", "-o", tmp_path / "out", "--overwrite")
    assert "100" in {row["item"] for row in rows_of(tmp_path / "out").values()}
    smol_package = pytest.importorskip("smol")
    dataset = smol_package.Dataset(f"{table}&label=label&id=name")
    assert list(dataset.labels) == columns_of(photos)["label"]


def test_shards_of_tables(card, photos, tmp_path, rows_of, expected):
    columns = columns_of(photos)
    (tmp_path / "data").mkdir()
    for i in range(2):
        write(tmp_path / "data" / f"train-{i}.parquet", {key: values[i::2] for key, values in columns.items()})
    for source in (tmp_path / "data", tmp_path / "data" / "train-{0..1}.parquet"):
        smol("run", card, f"{source}?id=name&image=plain", "-o", tmp_path / "out", "--overwrite")
        assert answers(rows_of(tmp_path / "out")) == expected


def test_rows_without_a_picture_and_other_mistakes(card, photos, tmp_path, rows_of):
    columns = columns_of(photos)
    columns["image"][3] = None
    columns["image"][4] = {"bytes": None, "path": "x"}
    write(tmp_path / "photos.parquet", columns)
    table = tmp_path / "photos.parquet"
    smol("run", card, table, "-o", tmp_path / "out", "--max-failures", "100%")
    codes = {row["item"].split("!")[1]: row["error_code"] for row in rows_of(tmp_path / "out").values()}
    assert {item for item, code in codes.items() if code} == {"3", "4"} and codes["3"] == "not_found"
    columns["name"][1] = columns["name"][0]
    write(table, columns)
    for options, words in {
        "?image=nobody": "no column of that name",
        "?image=number": "columns: name (string)",
        "?id=nobody": "no column 'nobody'",
        "?id=name": "ids are unique",
        "?id=image": "text or whole numbers",
        "?label=name": "whole numbers",
    }.items():
        done = smol("run", card, f"{table}{options}", "-o", tmp_path / "none", check=False)
        assert done.returncode == 2 and words in done.stderr, (options, done.stderr)
    write(table, {"number": [1], "name": ["a"]})
    assert "no column holds" in smol("run", card, table, "-o", tmp_path / "none", check=False).stderr
    write(table, {"one": [b"1"], "two": [b"2"]})
    assert "?image=COLUMN" in smol("run", card, table, "-o", tmp_path / "none", check=False).stderr
    table.write_bytes(b"PAR1 no table")
    done = smol("run", card, table, "-o", tmp_path / "none", check=False)
    assert done.returncode == 1 and "cannot read the table" in done.stderr
