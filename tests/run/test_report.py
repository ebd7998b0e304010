"""smol report: one page of a plan file, read by an XML parser and by Chromium."""

import html
import json
import os
import pathlib
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET

import pytest
from PIL import Image, ImageStat

from conftest import smol, smol_json

SVG = "{http://www.w3.org/2000/svg}"
HEAD = """\
format: 2
machine: a machine of "2 cores" & <more>
smol_version: 0.1.0
date: 2026-11-21T12:24:49Z
dataset: photos/dataset.yaml
calibration: 60 of 400 items
accuracy_kind: {kind}
chosen: {chosen}
decision: {{constraint: accuracy at least 0.7, met: {met}, reason: {reason}}}
overlap_exponent: 1.31
plans:
"""
PLAN = """\
  - id: {model}/{rendition}/{number}
    model: {model}.yaml
    model_name: {model}
    rendition: {rendition}
    pipeline: |
      decode(scale=1/1, region=true, early_stop=true, format=rgbx8)
      fused 22: orient() | resize(short_side=256, filter=bilinear) | center_crop(224x224) | convert(f32) | layout(NCHW)
      label exact
    predicted: {{throughput: {ours}, minimum: {minimum}, sum: {sum}, dnn_only: {minimum}, bottleneck: host cores}}
    measured:
      throughput: [{rate}, {low}, {high}]
      preprocess_throughput: {preprocess}
      infer_throughput: {minimum}
"""
PROFILE = """\
format: 1
source: measured
cores: 2
overlap_exponents: [1.3, 1.32]
preprocess:
  - {rendition: full, items_per_s: [800, 810]}
inference:
  - {model: net0, items_per_s: [400, 410]}
breakdown:
"""


def write_plans(
    path: pathlib.Path, count: int = 12, dominated: int = 6, accuracy: bool = True, decided: bool = True
) -> pathlib.Path:
    """A plan file as people and programs may write it: `count` plans of 3 models over 3 renditions, fastest first."""
    plans = []
    for number in range(count):
        rate = 400 * 0.93**number
        model, rendition = f"net{number % 3}", ("full", "thumb161", "thumb161-q75")[number // 3 % 3]
        figures = {"rate": rate, "low": 0.98 * rate, "high": 1.01 * rate, "ours": (1 + 0.002 * number) * rate}
        figures |= {"minimum": 1.2 * rate, "sum": 0.9 * rate, "preprocess": 3 * rate}
        text = PLAN.format(model=model, rendition=rendition, number=number, **figures)
        if accuracy:
            value = 0.5 + 0.4 * number / count - (0.1 if number >= count - dominated else 0)
            text += f"      accuracy: [{value}, {value - 0.04}, {value + 0.03}]\n      items: 60\n"
            text += (
                "      accuracy_change: [-0.02, -0.05, 0.01]\n      max_difference: 17.5\n      mean_difference: 1.25\n"
            )
        plans.append(text)
    head = HEAD.format(
        kind="labels" if accuracy else "none",
        chosen="net0/full/0" if decided else "''",
        met=str(decided).lower(),
        reason="the fastest" if decided else "'undecided, needs about 250 more labels'",
    )
    path.write_text(head + "".join(plans[: count - dominated]) + "dominated:\n" + "".join(plans[count - dominated :]))
    return path


def write_profile(path: pathlib.Path) -> pathlib.Path:
    """A profile with a breakdown of 3 models over 3 renditions."""
    lines = [
        f"  - {{rendition: {rendition}, model: net{i}, read_us: 20, decode_us: {decode_us}, resize_crop_us: 300, "
        f"convert_normalize_us: 100, layout_us: 60, fused_us: {0.7 * decode_us}, infer_us: {2400 + 1000 * i}}}\n"
        for i in range(3)
        for rendition, decode_us in (("full", 1480), ("thumb161", 410), ("thumb161-q75", 190))
    ]
    path.write_text(PROFILE + "".join(lines))
    return path


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> dict[str, pathlib.Path]:
    """By what is in it."""
    folder = tmp_path_factory.mktemp("reports")
    profile = write_profile(folder / "profile.yaml")
    made = {
        "usual": write_plans(folder / "usual.yaml"),
        "undecided": write_plans(folder / "undecided.yaml", decided=False),
        "one plan": write_plans(folder / "one.yaml", 1, 0),
        "no accuracy": write_plans(folder / "none.yaml", accuracy=False),
        "100 plans": write_plans(folder / "many.yaml", 100, 60),
    }
    for name, plans in made.items():
        more = ["--profile", profile] if name in ("usual", "no accuracy") else []
        made[name] = plans.with_suffix(".html")
        smol("report", plans, *more, "-o", made[name])
    return made


def test_reports_are_well_formed_and_complete(reports):
    for name, count in (("usual", 12), ("undecided", 12), ("one plan", 1), ("no accuracy", 12), ("100 plans", 100)):
        root = ET.parse(reports[name]).getroot()
        assert root.tag == "html" and root.find("head/meta").get("charset") == "utf-8"
        tables = [code.itertext() for code in root.iterfind(".//tbody/tr/td/div/code")]
        in_tables = {"".join(words) for words in tables}
        assert in_tables == {f"net{i % 3}/{('full', 'thumb161', 'thumb161-q75')[i // 3 % 3]}/{i}" for i in range(count)}
        for figure in root.iterfind(".//figure"):
            for drawing in figure.iterfind(f"{SVG}svg"):
                assert drawing.get("role") == "img" and drawing.get("aria-label")
        drawn = {mark.get("data-plan") for mark in root.iterfind(f".//{SVG}g[@data-plan]")}
        assert in_tables <= drawn


def test_what_the_page_says(reports):
    text = re.sub(r"[ \n]+", " ", "".join(ET.parse(reports["usual"]).getroot().find("body").itertext()))
    for words in (
        'a machine of "2 cores" & <more>',
        "2026-11-21, 12:24 UTC",
        "Asked for accuracy at least 0.7",
        "Run net0/full/0: 400 items a second at 50.0\u00a0% accuracy (46.0–53.0\u00a0%)",
        "p = 1.31, of samples 1.30, 1.32",
        "+20.0\u00a0%",  # of the minimum, in all plans
        "fused 22: orient() | resize(short_side=256, filter=bilinear)",
    ):
        assert words in text, words
    undecided = "".join(ET.parse(reports["undecided"]).getroot().find("body").itertext())
    assert "Undecided. Needs about 250 more labels." in undecided and "No plan is chosen." in undecided


def test_answers_and_usage(tmp_path):
    plans = write_plans(tmp_path / "plans.yaml")
    page = tmp_path / "report.html"
    answer = smol_json("report", plans, "-o", page)
    assert answer == {
        "report": str(page),
        "bytes": page.stat().st_size,
        "plans": 6,
        "dominated": 6,
        "chosen": "net0/full/0",
    }
    first = page.read_bytes()
    assert smol("report", plans, "-o", page, "-q").stdout == "" and page.read_bytes() == first
    assert "smol report plans.yaml --profile profile.yaml" in smol("report", "--help").stdout
    for words, told in (
        (["report", plans], "--output is required"),
        (["report", plans, "-o", tmp_path / "report.pdf"], "must end in one of .html, .htm"),
        (["report", tmp_path / "none.yaml", "-o", page], "none.yaml"),
        (["report", plans, "--profile", plans, "-o", page], "reads profiles of format 1"),
        (["report", plans, "-o", tmp_path / "no" / "folder.html"], "folder.html"),
    ):
        done = smol(*words, check=False)
        assert done.returncode != 0 and told in done.stderr, done.stderr
    assert page.read_bytes() == first


# What is asked of each page once it is laid out, folded parts opened: how much wider it is than its window; texts of
# drawings that lie on each other or are cut off; whether it has the right drawings.
MEASURE = """
function measure(frame) {
  const page = frame.contentDocument, width = frame.contentWindow.innerWidth;
  page.querySelectorAll("details").forEach(part => part.open = true);
  const found = {width, overflow: page.documentElement.scrollWidth - width, drawings: 0};
  Object.assign(found, {overlaps: [], cut: [], wide: []});
  for (const block of page.querySelectorAll("section, table, figure")) {
    const box = block.getBoundingClientRect();
    if (box.right > width || box.left < 0) found.wide.push(block.tagName + " " + box.right);
  }
  for (const drawing of page.querySelectorAll("figure svg")) {
    if (getComputedStyle(drawing).display == "none") continue;
    ++found.drawings;
    const frame = drawing.getBoundingClientRect();
    const texts = [...drawing.querySelectorAll("text")].filter(text => text.textContent);
    const boxes = texts.map(text => text.getBoundingClientRect());
    for (let i = 0; i < boxes.length; ++i) {
      const a = boxes[i];
      if (a.left < frame.left - 1 || a.right > frame.right + 1 || a.top < frame.top - 1 || a.bottom > frame.bottom + 1)
        found.cut.push(texts[i].textContent);
      for (let j = 0; j < i; ++j) {
        const b = boxes[j], across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        // Boxes have room above and below the letters.
        if (across > 1 && down > 0.3 * Math.min(a.height, b.height))
          found.overlaps.push([texts[j].textContent, texts[i].textContent]);
      }
    }
  }
  return found;
}
addEventListener("load", () => {
  const found = [...document.querySelectorAll("iframe")].map(measure);
  document.getElementById("found").textContent = JSON.stringify(found);
});
"""


def chromium(tmp_path: pathlib.Path, page: pathlib.Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Opens a page without a screen; skips where there is no Chromium."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed")
    words = [program, "--headless=new", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr"]
    words += [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=5000", *options]
    if os.geteuid() == 0:
        words.append("--no-sandbox")  # it refuses to run as root with it
    return subprocess.run([*words, page.as_uri()], capture_output=True, text=True, timeout=120, check=True)


def complaints(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What the page wrote to the console."""
    return [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def test_complaints_are_heard(tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<meta http-equiv="Content-Security-Policy" content="default-src \'none\'"/><img src="data:,x">')
    assert complaints(chromium(tmp_path, page, "--dump-dom"))


@pytest.mark.parametrize("width", [1280, 400])
def test_pages_fit_their_windows(reports, tmp_path, width):
    frames = [
        f'<iframe style="width:{width}px;height:900px;border:0" srcdoc="{html.escape(page.read_text())}"></iframe>'
        for page in reports.values()
    ]
    wrapper = tmp_path / "wrapper.html"
    wrapper.write_text(
        f'<!DOCTYPE html><meta charset="utf-8"><pre id="found"></pre>{"".join(frames)}<script>{MEASURE}</script>'
    )
    done = chromium(tmp_path, wrapper, "--dump-dom", "--window-size=1400,1000")
    assert complaints(done) == []
    found = json.loads(html.unescape(re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)[1]))
    for name, measured in zip(reports, found, strict=True):
        assert measured["width"] == width
        assert measured["overflow"] <= 0, name
        assert measured["wide"] == [], name
        assert measured["cut"] == [], name
        assert measured["overlaps"] == [], name
        assert measured["drawings"] == {"usual": 4, "no accuracy": 4}.get(name, 3), name


@pytest.mark.parametrize(("scheme", "dark"), [(1, False), (0, True)])
def test_pages_are_not_blank_in_light_and_dark(reports, tmp_path, scheme, dark):
    picture = tmp_path / "page.png"
    options = [f"--screenshot={picture}", "--window-size=1280,2400", f"--blink-settings=preferredColorScheme={scheme}"]
    assert complaints(chromium(tmp_path, reports["usual"], *options)) == []
    with Image.open(picture) as image:
        rgb = image.convert("RGB")
    assert rgb.size == (1280, 2400)
    brightness = ImageStat.Stat(rgb.convert("L")).median[0]
    assert brightness < 60 if dark else brightness > 220
    # Marks and bars are coloured: of this many pixels no page of text has so many.
    saturation = rgb.convert("HSV").getchannel("S").histogram()
    assert sum(saturation[100:]) > 10_000
