"""Pictures in archives: what Python's tarfile and zipfile pack gives the answers of the unpacked folder."""

import io
import os
import pathlib
import random
import subprocess
import tarfile
import time
import zipfile
from collections.abc import Iterable

import pytest
from PIL import Image
from test_regions import write_renditions

from conftest import PROGRAM, picture, smol, smol_json

LONG = "a folder with a very long name/" * 8


def pack_tar(path: pathlib.Path, folder: pathlib.Path, names: Iterable[str], form: int = tarfile.PAX_FORMAT) -> None:
    """The named files as a tar."""
    with tarfile.open(path, "w", format=form) as archive:
        for name in names:
            archive.add(folder / name, arcname=name)


def pack_zip(
    path: pathlib.Path, folder: pathlib.Path, names: Iterable[str], method: int = zipfile.ZIP_DEFLATED
) -> None:
    """The named files as a zip."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name in names:
            archive.write(folder / name, arcname=name)


def answers(rows: dict[str, dict]) -> dict[str, tuple]:
    """What a run says of each picture, by its path in the archive or folder."""
    return {row["item"].split("!")[-1]: (row["label"], row["score"], row["error_code"]) for row in rows.values()}


@pytest.fixture
def expected(card, photos, tmp_path, rows_of):
    """The answers of the folder."""
    smol("run", card, photos, "-o", tmp_path / "expected")
    return answers(rows_of(tmp_path / "expected"))


def scores_of(rows: dict[str, dict]) -> dict[str, list[float]]:
    return {key: row["top_scores"] for key, row in rows.items()}


def all_names(folder: pathlib.Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("kind", ["ustar", "pax", "gnu", "stored", "deflated"])
def test_an_archive_gives_the_answers_of_the_folder(card, photos, tmp_path, rows_of, expected, kind):
    names = all_names(photos)
    (photos / "labels.csv").write_text("item,label\n")
    forms = {"ustar": tarfile.USTAR_FORMAT, "pax": tarfile.PAX_FORMAT, "gnu": tarfile.GNU_FORMAT}
    archive = tmp_path / ("photos.tar" if kind in forms else "photos.zip")
    if kind in forms:
        pack_tar(archive, photos, [*names, "labels.csv"], forms[kind])
    else:
        pack_zip(
            archive, photos, [*names, "labels.csv"], zipfile.ZIP_STORED if kind == "stored" else zipfile.ZIP_DEFLATED
        )
    for extra in ([], ["--io-threads", "3"]):
        done = smol("run", card, archive, "-o", tmp_path / "out", "--overwrite", *extra)
        rows = rows_of(tmp_path / "out")
        assert {row["item"] for row in rows.values()} == {f"{archive.name}!{name}" for name in names}
        assert answers(rows) == expected
        assert "passed over" in done.stderr and ": 1 in" in done.stderr
    again = smol_json("run", card, archive, "-o", tmp_path / "out", "--resume")
    assert again["items"] == 0 and again["skipped"] == len(names)


def test_long_names_and_later_members_of_one_name(card, photos, tmp_path, rows_of, expected):
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        with tarfile.open(tmp_path / "long.tar", "w", format=form) as archive:
            archive.add(photos / "001.jpg", arcname=LONG + "000.jpg")
            archive.add(photos / "000.jpg", arcname=LONG + "000.jpg")
            archive.add(photos / "002.jpg", arcname="./002.jpg")
            archive.add(photos / "003.png", arcname="../outside.png")
        smol("run", card, tmp_path / "long.tar", "-o", tmp_path / "out", "--overwrite")
        got = answers(rows_of(tmp_path / "out"))
        assert got == {LONG + "000.jpg": expected["000.jpg"], "002.jpg": expected["002.jpg"]}


def test_shards_as_folder_and_as_pattern(card, photos, tmp_path, rows_of, expected):
    names = all_names(photos)
    shards = tmp_path / "shards"
    shards.mkdir()
    for i in range(3):
        with tarfile.open(shards / f"{i:04}.tar", "w") as archive:
            for name in names[i::3]:
                archive.add(photos / name, arcname=name)
                note = tarfile.TarInfo(name.rsplit(".", 1)[0] + ".json")
                note.size = 2
                archive.addfile(note, io.BytesIO(b"{}"))
    for place in (shards, f"{shards}/{{0000..0002}}.tar", f"{shards}/{{0000,0001,0002}}.tar"):
        smol("run", card, place, "-o", tmp_path / "out", "--overwrite", "--ordered")
        rows = rows_of(tmp_path / "out")
        assert {row["item"] for row in rows.values()} == {f"{i:04}.tar!{n}" for i in range(3) for n in names[i::3]}
        assert answers(rows) == expected
    for i in range(2):
        smol("run", card, shards, "-o", tmp_path / "sharded", "--shard", f"{i}/2")
    assert answers(rows_of(tmp_path / "sharded")) == expected
    done = smol("run", card, f"{shards}/{{0000..0003}}.tar", "-o", tmp_path / "none", check=False)
    assert done.returncode == 1 and "0003.tar" in done.stderr
    for wrong in ("{3..1}.tar", "{0..x}.tar", "{0..2.tar"):
        done = smol("run", card, f"{shards}/{wrong}", "-o", tmp_path / "none", check=False)
        assert done.returncode == 2 and "{0000..0009}" in done.stderr


def test_what_was_added_to_a_zip_is_all_that_a_resumed_run_does(card, photos, tmp_path, rows_of, expected):
    names = all_names(photos)
    pack_zip(tmp_path / "photos.zip", photos, names[:10])
    smol("run", card, tmp_path / "photos.zip", "-o", tmp_path / "out")
    with zipfile.ZipFile(tmp_path / "photos.zip", "a") as archive:
        for name in names[10:]:
            archive.write(photos / name, arcname=name)
    again = smol_json("run", card, tmp_path / "photos.zip", "-o", tmp_path / "out", "--resume")
    assert again["items"] == len(names) - 10 and answers(rows_of(tmp_path / "out")) == expected


def test_damage_costs_what_comes_after_it(card, photos, tmp_path, rows_of, expected):
    names = all_names(photos)
    pack_tar(tmp_path / "whole.tar", photos, names)
    with tarfile.open(tmp_path / "whole.tar") as archive:
        offset = archive.getmembers()[10].offset
    data = bytearray((tmp_path / "whole.tar").read_bytes())
    data[offset : offset + 512] = b"\xff" * 512
    (tmp_path / "hurt.tar").write_bytes(data)
    (tmp_path / "cut.tar").write_bytes((tmp_path / "whole.tar").read_bytes()[: offset + 100])
    pack_zip(tmp_path / "whole.zip", photos, names)
    with zipfile.ZipFile(tmp_path / "whole.zip") as zipped:
        tenth, directory = zipped.infolist()[10].header_offset, zipped.start_dir
    data = bytearray((tmp_path / "whole.zip").read_bytes())
    (tmp_path / "cut.zip").write_bytes(data[: tenth + 100])
    eleventh = directory
    for _ in range(10):
        eleventh = data.index(b"PK\x01\x02", eleventh + 4)
    data[eleventh] = 0
    (tmp_path / "hurt.zip").write_bytes(data)
    for name in ("hurt.tar", "cut.tar", "cut.zip", "hurt.zip"):
        done = smol("run", card, tmp_path / name, "-o", tmp_path / "out", "--overwrite", check=False)
        assert done.returncode == 1, name
        got = answers(rows_of(tmp_path / "out"))
        lost = got.pop("(damaged from here on)")
        assert lost[2] == "corrupt" and got == {key: expected[key] for key in names[:10]}, name


def test_members_that_cannot_be_read_have_rows_that_say_why(card, photos, tmp_path, rows_of, expected):
    names = all_names(photos)
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as archive:
        archive.write(photos / names[0], arcname=names[0])
        archive.write(photos / names[1], arcname=names[1], compress_type=zipfile.ZIP_LZMA)
        archive.write(photos / names[2], arcname=names[2], compress_type=zipfile.ZIP_DEFLATED)
        archive.write(photos / names[4], arcname=names[4])
        places = {info.filename: info.header_offset for info in archive.infolist()}
    data = bytearray((tmp_path / "odd.zip").read_bytes())
    data[places[names[4]] + 200] ^= 1  # the checksum tells
    entry = data.index(b"PK\x01\x02")
    data[entry + 8] |= 1  # encrypted
    (tmp_path / "odd.zip").write_bytes(data)
    smol("run", card, tmp_path / "odd.zip", "-o", tmp_path / "out", "--max-failures", "100%")
    rows = {row["item"].split("!")[-1]: row for row in rows_of(tmp_path / "out").values()}
    assert "encrypted" in rows[names[0]]["error_message"] and rows[names[0]]["error_code"] == "unsupported"
    assert "method 14" in rows[names[1]]["error_message"] and rows[names[1]]["error_code"] == "unsupported"
    assert "checksum" in rows[names[4]]["error_message"] and rows[names[4]]["error_code"] == "corrupt"
    assert (rows[names[2]]["label"], rows[names[2]]["error_code"]) == (expected[names[2]][0], expected[names[2]][2])


def test_sparse_members_and_compressed_tars_are_refused_with_a_remedy(card, photos, tmp_path, rows_of):
    with open(tmp_path / "hole.jpg", "wb") as hole:
        hole.write((photos / "000.jpg").read_bytes())
        hole.truncate(1 << 22)
    subprocess.run(["tar", "--sparse", "--format=gnu", "-cf", "sparse.tar", "hole.jpg"], cwd=tmp_path, check=True)
    smol("run", card, tmp_path / "sparse.tar", "-o", tmp_path / "out", "--max-failures", "100%")
    (row,) = rows_of(tmp_path / "out").values()
    assert row["error_code"] == "unsupported" and "--sparse" in row["error_message"]
    with tarfile.open(tmp_path / "photos.tar.gz", "w:gz") as archive:
        archive.add(photos / "000.jpg", arcname="000.jpg")
    done = smol("run", card, tmp_path / "photos.tar.gz", "-o", tmp_path / "none", check=False)
    assert done.returncode == 1 and "gunzip" in done.stderr
    os.rename(tmp_path / "photos.tar.gz", tmp_path / "disguised.tar")
    assert "gunzip" in smol("run", card, tmp_path / "disguised.tar", "-o", tmp_path / "none", check=False).stderr
    (tmp_path / "no.tar").write_bytes(b"no archive" * 100)
    done = smol("run", card, tmp_path / "no.tar", "-o", tmp_path / "none", check=False)
    assert done.returncode == 1 and "checksum" in done.stderr


def half_of(photos: pathlib.Path, folder: pathlib.Path) -> None:
    """Another rendition: half the size, as PNG."""
    folder.mkdir(parents=True)
    for name in all_names(photos):
        with Image.open(photos / name) as image:
            half = image.convert("RGB").resize((image.width // 2, image.height // 2))
            half.save(folder / (name.rsplit(".", 1)[0] + ".png"))


def test_renditions_of_different_kinds_join(card, photos, tmp_path, rows_of):
    names = all_names(photos)
    half_of(photos, tmp_path / "half")
    pack_tar(tmp_path / "full.tar", photos, names)
    pack_zip(tmp_path / "half.zip", tmp_path / "half", all_names(tmp_path / "half"))
    labels = "".join(f"full.tar!{name},{i % 3}\n" for i, name in enumerate(names))
    (tmp_path / "labels.csv").write_text("item,label\n" + labels)
    results = {}
    for full, half in (("photos", "half"), ("full.tar", "half"), ("full.tar", "half.zip"), ("photos", "half.zip")):
        lines = f"renditions:\n  full: {{path: {full}}}\n  half: {{path: {half}}}\n"
        if full == "full.tar":
            lines += "labels: labels.csv\n"
        (tmp_path / "dataset.yaml").write_text(lines)
        smol("run", card, tmp_path / "dataset.yaml", "--rendition", "half", "-o", tmp_path / "out", "--overwrite")
        results[full, half] = answers(rows_of(tmp_path / "out"))
        assert len(results[full, half]) == len(names)
    assert all(result == results["photos", "half"] for result in results.values())
    assert all(code is None for _, _, code in results["photos", "half"].values())


def test_members_of_one_path_in_two_shards_join_by_their_archives(card, photos, tmp_path, rows_of):
    half_of(photos, tmp_path / "half")
    for kind, folder in (("full", photos), ("thumbs", tmp_path / "half")):
        (tmp_path / kind).mkdir()
        names = all_names(folder)
        for i in range(2):
            with tarfile.open(tmp_path / kind / f"{i}.tar", "w") as archive:
                archive.add(folder / names[i], arcname="0" + pathlib.Path(names[i]).suffix)
    pack_tar(tmp_path / "one.tar", tmp_path / "half", [all_names(tmp_path / "half")[0]])
    (tmp_path / "unpacked" / "1").mkdir(parents=True)
    os.link(tmp_path / "half" / all_names(tmp_path / "half")[1], tmp_path / "unpacked" / "1" / "0.png")
    with tarfile.open(tmp_path / "one.tar", "w") as archive:
        archive.add(tmp_path / "half" / all_names(tmp_path / "half")[0], arcname="0.png")
    codes = {}
    for other in ("thumbs", "unpacked", "one.tar"):
        (tmp_path / "dataset.yaml").write_text(f"renditions: {{full: {{path: full}}, half: {{path: {other}}}}}\n")
        smol("run", card, tmp_path / "dataset.yaml", "--rendition", "half", "-o", tmp_path / "out", "--overwrite",
             "--max-failures", "100%")  # fmt: skip
        codes[other] = {row["item"]: row["error_code"] for row in rows_of(tmp_path / "out").values()}
    assert codes["thumbs"] == {"0.tar!0.jpg": None, "1.tar!0.jpg": None}
    assert codes["unpacked"] == {"0.tar!0.jpg": "not_found", "1.tar!0.jpg": None}
    assert codes["one.tar"] == {"0.tar!0.jpg": "invalid_argument", "1.tar!0.jpg": "invalid_argument"}


def test_regions_of_archived_renditions_are_in_the_first_ones_pixels(card, tmp_path, rows_of):
    dataset = write_renditions(tmp_path)
    smol("run", card, dataset, "--rendition", "thumb", "-o", tmp_path / "folders")
    expected = scores_of(rows_of(tmp_path / "folders"))
    assert len(expected) == 12
    pack_tar(tmp_path / "full.tar", tmp_path / "full", all_names(tmp_path / "full"))
    pack_zip(tmp_path / "thumbs.zip", tmp_path / "thumbs", all_names(tmp_path / "thumbs"))
    regions = (tmp_path / "regions.csv").read_text().replace("\n", "\nfull.tar!")[: -len("full.tar!")]
    (tmp_path / "regions.csv").write_text(regions)
    dataset.write_text("renditions: {full: {path: full.tar}, thumb: {path: thumbs.zip}}\nregions: regions.csv\n")
    smol("run", card, dataset, "--rendition", "thumb", "-o", tmp_path / "archives")
    assert {
        key.removeprefix("full.tar!"): scores for key, scores in scores_of(rows_of(tmp_path / "archives")).items()
    } == expected


def test_planning_and_making_a_rendition_of_an_archive(card, photos, tmp_path, rows_of):
    names = all_names(photos)
    pack_tar(tmp_path / "photos.tar", photos, names)
    smol("rendition", tmp_path / "photos.tar", "--short-side", "40", "--format", "png", "-o", tmp_path / "of-tar")
    smol("rendition", photos, "--short-side", "40", "--format", "png", "-o", tmp_path / "of-folder")
    made = {name: (tmp_path / "of-folder" / name).read_bytes() for name in all_names(tmp_path / "of-folder")}
    inside = {
        name.removeprefix("photos/"): (tmp_path / "of-tar" / name).read_bytes()
        for name in all_names(tmp_path / "of-tar")
    }
    assert inside == made and any(name.endswith(".png") for name in made)
    (tmp_path / "dataset.yaml").write_text(
        f"renditions: {{full: {{path: photos.tar}}, small: {{path: of-tar}}}}\nmodels: [{card.name}]\n"
    )
    smol("plan", tmp_path / "dataset.yaml", "-o", tmp_path / "plans.yaml", "--time-budget", "10")
    smol("run", tmp_path / "plans.yaml", tmp_path / "dataset.yaml", "-o", tmp_path / "out")
    assert len(rows_of(tmp_path / "out")) == len(names)


def test_one_member_is_named_behind_the_archive(photos, tmp_path):
    pack_zip(tmp_path / "photos.zip", photos, all_names(photos))
    member = f"{tmp_path / 'photos.zip'}!003.png"
    smol("decode", member, "-o", tmp_path / "member.png")
    smol("decode", photos / "003.png", "-o", tmp_path / "file.png")
    assert (tmp_path / "member.png").read_bytes() == (tmp_path / "file.png").read_bytes()
    assert smol_json("inspect", member)[0]["format"] == "png"
    done = smol("decode", f"{tmp_path / 'photos.zip'}!nobody.png", "-o", tmp_path / "x.png", check=False)
    assert done.returncode == 1 and "no such member" in done.stderr and "000.jpg" in done.stderr


def test_items_from_standard_input_begin_before_it_ends(card, photos, tmp_path, rows_of, expected):
    pack_tar(tmp_path / "photos.tar", photos, ["001.jpg"])
    words = [str(PROGRAM), "run", str(card), "-", "-o", str(tmp_path / "out"), "--part-rows", "1", "--batch", "1"]
    running = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert running.stdin is not None
    running.stdin.write(f"{photos / '000.jpg'}\n# a note\n\n{tmp_path / 'photos.tar'}!001.jpg\n{photos / 'gone.jpg'}\n")
    running.stdin.flush()
    deadline = time.monotonic() + 120
    while not list((tmp_path / "out").glob("*.parquet")):
        assert time.monotonic() < deadline and running.poll() is None
        time.sleep(0.02)
    running.stdin.write(f"{photos / '002.jpg'}")
    running.stdin.close()
    assert running.wait(120) == 1  # one is not there
    rows = {row["item"]: row for row in rows_of(tmp_path / "out").values()}
    got = {pathlib.Path(item.replace("!", "/")).name: row["label"] for item, row in rows.items()}
    assert got == {"gone.jpg": None, **{name: expected[name][0] for name in ("000.jpg", "001.jpg", "002.jpg")}}
    assert rows[str(photos / "gone.jpg")]["error_code"] == "not_found"


def test_names_on_standard_input_may_end_in_nul(card, photos, tmp_path, rows_of):
    odd = tmp_path / "a\nb.jpg"
    picture(1, 50, 60).save(odd)
    for words, text in ((["--null"], f"{odd}\0"), (["-0"], f"{odd}")):
        smol("run", card, "-", "-o", tmp_path / "out", "--overwrite", *words, input=text)
        assert [row["item"] for row in rows_of(tmp_path / "out").values()] == [str(odd)]
    done = smol("run", card, "-", "-o", tmp_path / "none", check=False, input="")
    assert done.returncode == 2 and "names no items" in done.stderr


def test_from_python(card, photos, tmp_path, expected):
    smol_package = pytest.importorskip("smol")
    pack_tar(tmp_path / "photos.tar", photos, all_names(photos))
    rows = [row for batch in smol_package.run(str(card), str(tmp_path / "photos.tar")) for row in batch.to_pylist()]
    assert {row["item"].split("!")[1]: row["label"] for row in rows} == {name: e[0] for name, e in expected.items()}
    members = [f"{tmp_path / 'photos.tar'}!{name}" for name in ("000.jpg", "003.png", "nobody.jpg")]
    rows = [row for batch in smol_package.run(str(card), members) for row in batch.to_pylist()]
    assert [row["label"] for row in sorted(rows, key=lambda row: row["item"])] == [
        expected["000.jpg"][0],
        expected["003.png"][0],
        None,
    ]
    dataset = smol_package.Dataset(tmp_path / "photos.tar")
    assert dataset.locate("photos.tar!000.jpg") == f"{tmp_path / 'photos.tar'}!000.jpg"


@pytest.mark.parametrize("name", ["photos.tar", "photos.zip"])
def test_mutated_archives_end_in_coded_errors(photos, tmp_path, name):
    """Thousands of mutations are done by the unit test; this one holds the program to it."""
    pack = pack_tar if name.endswith("tar") else pack_zip
    pack(tmp_path / name, photos, all_names(photos)[:3])
    whole = (tmp_path / name).read_bytes()
    generator = random.Random(5)
    for _ in range(12):
        data = bytearray(whole)
        for _ in range(generator.randrange(1, 30)):
            data[generator.randrange(len(data))] = generator.randrange(256)
        (tmp_path / name).write_bytes(data[: generator.randrange(len(data))])
        done = smol("inspect", f"{tmp_path / name}!000.jpg", check=False)
        assert done.returncode in (0, 1, 2)
