"""Regions over several renditions: given in pixels of the first, mapped to each."""

import pathlib

from PIL import Image

from conftest import picture, smol, smol_json

HEADER = "item,region,x,y,width,height\n"
NUM_PICTURES = 6


def write_renditions(folder: pathlib.Path) -> pathlib.Path:
    """Pictures of 640x480, oriented in many ways, with thumbnails of a quarter; returns the dataset file."""
    lines = []
    for name in ("full", "thumbs"):
        (folder / name).mkdir()
    for i in range(NUM_PICTURES):
        image = picture(i, 480, 640) if i % 2 else picture(i, 640, 480)
        exif = Image.Exif()
        exif[0x0112] = {0: 1, 1: 6}[i % 2]
        stored = image.transpose(Image.Transpose.ROTATE_90) if i % 2 else image
        stored.save(folder / "full" / f"{i}.jpg", exif=exif, quality=95)
        image.resize((image.width // 4, image.height // 4), Image.Resampling.BOX).save(folder / "thumbs" / f"{i}.png")
        lines += [f"{i}.jpg,a,{40 + 8 * i},60,120,160", f"{i}.jpg,b,240,320,80,80"]
    (folder / "regions.csv").write_text(HEADER + "\n".join(lines) + "\n")
    (folder / "dataset.yaml").write_text(
        "renditions: {full: {path: full}, thumb: {path: thumbs}}\nregions: regions.csv\n"
    )
    return folder / "dataset.yaml"


def write_scaled_regions(folder: pathlib.Path) -> pathlib.Path:
    """The thumbnails alone, with the regions in their own pixels."""
    lines = []
    for line in (folder / "regions.csv").read_text().splitlines()[1:]:
        item, region, *numbers = line.split(",")
        lines.append(",".join([item.replace(".jpg", ".png"), region, *(str(int(number) // 4) for number in numbers)]))
    (folder / "scaled.csv").write_text(HEADER + "\n".join(lines) + "\n")
    (folder / "alone.yaml").write_text("renditions: {thumb: {path: thumbs}}\nregions: scaled.csv\n")
    return folder / "alone.yaml"


def scores(rows: dict[str, dict]) -> dict[tuple[str, str], list[float]]:
    """By item without extension and region."""
    return {(row["item"].split(".")[0], row["region"]): row["top_scores"] for row in rows.values()}


def test_regions_are_mapped_to_each_rendition(card, tmp_path, rows_of):
    dataset = write_renditions(tmp_path)
    smol("run", card, dataset, "--rendition", "thumb", "-o", tmp_path / "mapped")
    smol("run", card, write_scaled_regions(tmp_path), "-o", tmp_path / "explicit")
    mapped = scores(rows_of(tmp_path / "mapped"))
    assert len(mapped) == 2 * NUM_PICTURES and None not in mapped.values()
    assert mapped == scores(rows_of(tmp_path / "explicit"))
    smol("run", card, dataset, "--rendition", "thumb", "-o", tmp_path / "ahead", "--io-threads", 2)
    assert scores(rows_of(tmp_path / "ahead")) == mapped
    # The same part of the picture as in the first rendition, though of fewer pixels.
    smol("run", card, dataset, "-o", tmp_path / "first")
    for key, values in scores(rows_of(tmp_path / "first")).items():
        spread = max(values) - min(values)
        assert max(abs(a - b) for a, b in zip(values, mapped[key], strict=True)) < 0.1 * spread


def test_a_region_without_its_frame_is_an_error(card, tmp_path, rows_of):
    dataset = write_renditions(tmp_path)
    (tmp_path / "full" / "2.jpg").write_text("no picture")
    done = smol("run", card, dataset, "--rendition", "thumb", "-o", tmp_path / "out", check=False)
    assert done.returncode == 1 and "2 rows are errors" in done.stderr
    assert len(rows_of(tmp_path / "out")) == 2 * NUM_PICTURES
    failed = [row for row in rows_of(tmp_path / "out").values() if row["error_code"]]
    assert {row["item"] for row in failed} == {"2.jpg"}
    assert all("full/2.jpg" in row["error_message"] for row in failed)
    assert all("first rendition, which cannot be read" in row["error_message"] for row in failed)


def test_changed_regions_are_done_again(card, tmp_path, rows_of):
    dataset = write_renditions(tmp_path)
    arguments = ("run", card, dataset, "--rendition", "thumb", "-o", tmp_path / "out")
    smol(*arguments)
    before = scores(rows_of(tmp_path / "out"))
    regions = tmp_path / "regions.csv"
    changed = regions.read_text().replace("3.jpg,b,240,320,80,80", "3.jpg,b,0,0,400,300")
    regions.write_text(changed + "3.jpg,c,0,0,40,40\n")
    report = smol_json(*arguments, "--resume")
    assert (report["items"], report["skipped"], report["rows"]) == (1, NUM_PICTURES - 1, 2)
    after = scores(rows_of(tmp_path / "out"))
    assert {key for key in after if before.get(key) != after[key]} == {("3", "b"), ("3", "c")}
    assert smol_json(*arguments, "--resume")["rows"] == 0
    # Another frame of the same regions is another part of the thumbnail.
    picture(5, 600, 500).save(tmp_path / "full" / "0.jpg")
    assert smol_json(*arguments, "--resume")["rows"] == 2
    assert len(rows_of(tmp_path / "out")) == 2 * NUM_PICTURES + 1


def test_accuracy_is_measured_on_regions(card, tmp_path, rows_of):
    dataset = write_renditions(tmp_path)
    smol("run", card, dataset, "-o", tmp_path / "out")
    lines = [f"{row['item']},{row['region']},{row['label']}" for row in rows_of(tmp_path / "out").values()]
    (tmp_path / "labels.csv").write_text("item,region,label\n" + "\n".join(lines) + "\n")
    dataset.write_text(dataset.read_text() + "labels: labels.csv\n")
    arguments = ("plan", dataset, "--models", card, "--repeats", 1, "--exact-only", "--without", "low-resolution")
    (plan,) = smol_json(*arguments)["plans"]
    assert plan["accuracy"]["value"] == 1 and plan["accuracy_items"] == 2 * NUM_PICTURES
    (tmp_path / "labels.csv").write_text("item,label\n" + "".join(f"{i}.jpg,{i % 10}\n" for i in range(4)))
    (plan,) = smol_json(*arguments)["plans"]
    assert plan["accuracy_items"] == 2 * 4 and not plan["accuracy_is_agreement"]
