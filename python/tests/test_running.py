# SPDX-License-Identifier: Apache-2.0
"""run(): sources, batches as they come, bounded memory, early ends, interruption, Parquet."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import smol

ANSWERS = ["label", "score", "top_labels", "top_scores", "status", "error_code"]


def answers(rows) -> dict[str, tuple]:
    """By item, what does not depend on how the run was made."""
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_batches(rows)
    return {row["item"]: tuple(str(row[name]) for name in ANSWERS) for row in table.to_pylist()}


def num_threads() -> int:
    return len(os.listdir("/proc/self/task"))


def wait_until(condition, seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_batches_are_arrow_record_batches(card, photos):
    run = smol.run(card, photos)
    assert run.report is None and "top_scores" in run.schema.names
    batches = list(run)
    assert all(isinstance(batch, pa.RecordBatch) and batch.schema == run.schema for batch in batches)
    for batch in batches:
        batch.validate(full=True)
    assert sorted(answers(batches)) == sorted(path.name for path in photos.iterdir())
    assert run.report.items == run.report.rows == 20 and run.report.error_rows == 0
    assert list(run) == []


def test_every_source_gives_the_same_answers(card, photos):
    expected = answers(smol.run(card, photos))
    paths = sorted(photos.iterdir())
    dataset = smol.Dataset(photos)
    assert answers(smol.run(card, dataset)) == expected
    named = [(path.name, path) for path in paths]
    assert answers(smol.run(card, named)) == expected
    assert answers(smol.run(card, ((path.name, path.read_bytes()) for path in paths))) == expected
    decoded = answers(smol.run(card, ((path.name, smol.decode(path)) for path in paths), batch=4))
    assert decoded == expected
    by_path = answers(smol.run(card, paths))
    assert by_path == {str(photos / name): answer for name, answer in expected.items()}
    assert answers(smol.run(card, photos / "00.jpg")) == {"00.jpg": expected["00.jpg"]}


def test_order_and_shape_do_not_change_answers(card, photos):
    expected = answers(smol.run(card, photos))
    assert answers(smol.run(card, photos, batch=5, workers=3, streams=2)) == expected
    table = pa.table(smol.run(card, photos, ordered=True, workers=4))
    assert table.column("item").to_pylist() == sorted(expected)
    first, second = (answers(smol.run(card, photos, shard=(i, 2))) for i in range(2))
    assert {**first, **second} == expected and len(first) == len(second) == 10


def test_several_models_over_one_decode(make_card, photos):
    cards = [make_card("one"), make_card("two", kind="mean")]
    table = pa.table(smol.run(cards, photos, stage_times=True))
    assert table.num_rows == 40 and set(table.column("model").to_pylist()) == {"one", "two"}
    means = [row["embedding"] for row in table.to_pylist() if row["model"] == "two"]
    assert all(len(mean) == 3 for mean in means) and "decode_us" in table.column_names


def test_an_arrow_stream_for_others(card, photos):
    reader = pa.RecordBatchReader.from_stream(smol.run(card, photos))
    assert reader.read_all().num_rows == 20


def test_bad_pictures_have_rows(card, photos):
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing that follows is a picture")
    (photos / "empty.jpg").write_bytes(b"")
    rows = answers(smol.run(card, photos))
    assert len(rows) == 22 and sum(row[4] == "error" for row in rows.values()) == 2
    with pytest.raises(smol.LimitExceededError, match="too many items failed"):
        list(smol.run(card, [("bad", b"not a picture, by far")] * 500, max_failures=0.1))


def test_parquet_output(card, photos, tmp_path):
    seen: list[int] = []
    report = smol.run(card, photos, output=tmp_path / "out.parquet", on_progress=lambda p: seen.append(p.items))
    assert isinstance(report, smol.RunReport) and report.rows == 20 and report.throughput > 0
    assert "items=20" in repr(report) and seen[-1] == 20
    assert answers(pq.read_table(tmp_path / "out.parquet")) == answers(smol.run(card, photos))
    with pytest.raises(smol.Error):
        smol.run(card, photos, output=tmp_path / "out.parquet")
    assert smol.run(card, photos, output=tmp_path / "out.parquet", resume=True).skipped == 20
    assert smol.run(card, photos, output=tmp_path / "out.parquet", overwrite=True).rows == 20


def test_failed_items_are_run_again_on_request(card, photos, tmp_path):
    broken = photos / "00.jpg"
    content, facts = broken.read_bytes(), broken.stat()
    broken.write_bytes(b"no picture".ljust(len(content)))
    os.utime(broken, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert smol.run(card, photos, output=tmp_path / "out").error_rows == 1
    broken.write_bytes(content)
    os.utime(broken, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    resumed = smol.run(card, photos, output=tmp_path / "out", resume=True)
    assert (resumed.items, resumed.error_rows, resumed.earlier_error_rows) == (0, 0, 1)
    again = smol.run(card, photos, output=tmp_path / "out", resume=True, retry_failed=True)
    assert (again.items, again.earlier_error_rows) == (1, 0)
    assert answers(pq.read_table(tmp_path / "out")) == answers(smol.run(card, photos))
    for options in ({"resume": True, "overwrite": True}, {"retry_failed": True}):
        with pytest.raises(smol.InvalidArgumentError, match="resume"):
            smol.run(card, photos, output=tmp_path / "out", **options)


def test_the_batch_of_a_card_is_the_fastest_where_it_is_measured(make_card, jpeg):
    card, data = make_card(delay_us=2000), jpeg(1, 32, 32)
    many = [(f"{i}", data) for i in range(5000)]

    def batch_of(source, **options):
        run = smol.run(card, source, **options)
        for _ in run:
            pass
        return run.report.batch

    assert batch_of(many) == 16
    assert batch_of(many, batch=4) == 4
    assert batch_of(many[:100]) == 1
    assert batch_of(iter(many[:100])) == 1  # does not tell how many there are


def test_progress_that_raises_stops_the_run(make_card, photos, tmp_path):
    def fail(progress):
        raise KeyError("from the callback")

    with pytest.raises(KeyError, match="from the callback"):
        smol.run(make_card(delay_us=20000), photos, output=tmp_path / "out", on_progress=fail)


def endless(jpeg, taken: list[int]):
    data = [jpeg(seed) for seed in range(8)]
    count = 0
    while True:
        taken[0] = count
        yield f"{count}", data[count % 8]
        count += 1


def test_results_come_while_the_source_goes_on(card, jpeg):
    taken = [0]
    run = smol.run(card, endless(jpeg, taken))
    rows = 0
    for batch in run:
        rows += batch.num_rows
        if rows > 2000:
            break
    run.close()
    assert rows > 2000


def test_the_run_waits_for_who_takes_rows(card, jpeg):
    taken = [0]
    with smol.run(card, endless(jpeg, taken)) as run:
        next(run)
        before = -1
        while before != taken[0]:
            before = taken[0]
            time.sleep(0.3)
        # 8 batches here, 64 in the engine's queue, 256 rows in each, and what is in flight.
        assert taken[0] < 40_000
        next(run)


def test_leaving_early_stops_the_threads(make_card, jpeg):
    card = make_card(delay_us=2000)
    list(smol.run(card, [("a", jpeg(1))]))
    before = num_threads()
    taken = [0]
    generator = endless(jpeg, taken)
    alive = weakref.ref(generator)
    for _ in smol.run(card, generator):
        break
    del generator
    gc.collect()
    assert wait_until(lambda: num_threads() <= before), "threads are left"
    assert alive() is None, "the generator is still held"
    count = taken[0]
    time.sleep(0.05)
    assert taken[0] == count


def test_what_a_generator_raises_is_raised(card, jpeg, tmp_path):
    def failing(after: int):
        for i in range(after):
            yield f"{i}", jpeg(i)
        raise ZeroDivisionError("in the generator")

    for after in (0, 1, 50):
        with pytest.raises(ZeroDivisionError, match="in the generator") as raised:
            list(smol.run(card, failing(after)))
        assert any(entry.name == "failing" for entry in raised.traceback)
    with pytest.raises(ZeroDivisionError):
        smol.run(card, failing(30), output=tmp_path / "out")


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (3, "path, encoded bytes, or an array"),
        (b"bytes without an id", "need an id"),
        ((1, b"bytes"), "with a text as id"),
        (("id", np.zeros((4, 4), np.float32)), "uint8"),
    ],
)
def test_items_that_are_none_end_the_run(card, jpeg, item, message):
    for items in ([item], [("good", jpeg(1)), item]):
        with pytest.raises(smol.InvalidArgumentError, match=message):
            list(smol.run(card, items))


MEETING = """
import sys, threading
import pyarrow  # now, not while the pictures are on their way
import smol
card, mode, picture, folder = sys.argv[1:]
data = open(picture, "rb").read()
meet = threading.Barrier(2, timeout=60)

def pictures():
    for i in range(200):
        meet.wait()
        yield str(i), data

rows = []
def work(name):
    if mode == "iterate":
        rows.append(sum(batch.num_rows for batch in smol.run(card, pictures())))
    else:
        rows.append(smol.run(card, pictures(), output=folder + "/" + name).rows)

threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert rows == [200, 200], rows
"""


@pytest.mark.parametrize("mode", ["iterate", "parquet"])
def test_runs_release_the_lock(card, photos, tmp_path, mode):
    """Each of two runs gets a picture when the other asks for its own: one that kept the lock would never end."""
    words = [sys.executable, "-c", MEETING, str(card), mode, str(photos / "00.jpg"), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


INTERRUPTED = """
import os, signal, sys, threading, time
import smol
card, mode, folder = sys.argv[1:]
data = open(folder + "/00.jpg", "rb").read()
def endless():
    count = 0
    while True:
        yield str(count), data
        count += 1
threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
try:
    if mode == "iterate":
        for batch in smol.run(card, endless()):
            pass
    else:
        smol.run(card, endless(), output=folder + "/../interrupted")
except KeyboardInterrupt:
    sys.exit(42)
"""


@pytest.mark.parametrize("mode", ["iterate", "parquet"])
def test_ctrl_c(card, photos, tmp_path, mode):
    words = [sys.executable, "-c", INTERRUPTED, str(card), mode, str(photos)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 42, done.stderr
    if mode == "parquet":
        assert len(pq.read_table(tmp_path / "interrupted")) > 0


STUCK = """
import sys, threading, time
import smol
card, how = sys.argv[1:]
forever = threading.Event()
def stuck():
    yield "a", open(sys.argv[0] if False else "/dev/null", "rb").read() or b"x" * 40
    forever.wait()
run = smol.run(card, stuck())
time.sleep(0.2)
if how == "close":
    run.close()
    forever.set()
    time.sleep(0.3)
"""


@pytest.mark.parametrize("how", ["close", "exit"])
def test_a_generator_that_never_returns_holds_nobody_up(card, how):
    """Neither close() nor the end of the program waits for it; with one that did, this would never end."""
    words = [sys.executable, "-c", STUCK, str(card), how]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_a_run_left_alone_at_the_end_of_the_program(card, photos):
    code = "import smol, sys\nrun = smol.run(sys.argv[1], ((str(i), sys.argv[2]) for i in range(10**9)))\nnext(run)\n"
    words = [sys.executable, "-c", code, str(card), str(photos / "00.jpg")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_memory_stays_flat(card, jpeg):
    """100 times the rows that fit into the queues, in the memory of a few."""

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    data = jpeg(1, 64, 48)
    sizes = []
    rows = 0
    for batch in smol.run(card, ((f"{i}", data) for i in range(60_000)), batch=16):
        rows += batch.num_rows
        if rows > 15_000:
            sizes.append(resident())
    assert rows == 60_000
    assert sizes[-1] - sizes[0] < 16 << 20


def test_user_operators_in_a_run(make_card, photos):
    card = make_card(preprocess="operators: [{user: negative}, {resize: {width: 32, height: 32}}]")
    plain = make_card("plain", preprocess="operators: [{resize: {width: 32, height: 32}}]")
    negative = smol.UserOperator("negative", lambda picture: 255 - picture)
    with pytest.raises(smol.NotFoundError, match="no such user operator"):
        smol.load_card(card)
    items = [(path.name, smol.decode(path)) for path in sorted(photos.iterdir())]
    inverted = [(name, 255 - pixels) for name, pixels in items]
    assert answers(smol.run(card, items, user_operators=[negative])) == answers(smol.run(plain, inverted))

    def fails(picture):
        raise ValueError("no luck")

    failing = smol.UserOperator("negative", fails)
    rows = pa.table(smol.run(card, items, user_operators=[failing])).to_pylist()
    assert {row["status"] for row in rows} == {"error"} and "no luck" in rows[0]["error_message"]


def test_arguments_are_checked(card, photos, tmp_path):
    for call, message in [
        (lambda: smol.run([], photos), "at least one plan"),
        (lambda: smol.run(card, [("a", b"x")], shard=(0, 2)), "for datasets"),
        (lambda: smol.run(card, photos, shard=(2, 2)), "0 <= i < n"),
        (lambda: smol.run(card, photos, max_failures=3), "fraction"),
        (lambda: smol.run(card, photos, rendition="small"), "no rendition 'small'; it has: full"),
        (lambda: smol.run(tmp_path / "missing.yaml", photos), "missing.yaml"),
        (lambda: smol.run(photos / "00.jpg", photos), "neither a plan file"),
    ]:
        with pytest.raises(smol.Error, match=message):
            call()


def test_signal_handlers_of_the_caller_run(card, jpeg):
    """A Python handler that does not raise neither ends the run nor waits for its end."""
    called: list[float] = []
    before = signal.signal(signal.SIGUSR1, lambda *_: called.append(time.monotonic()))
    try:
        release = threading.Event()

        def slow():
            yield "a", jpeg(1)
            os.kill(os.getpid(), signal.SIGUSR1)
            release.wait(1)
            yield "b", jpeg(2)

        rows = sum(batch.num_rows for batch in smol.run(card, slow()))
        assert rows == 2 and called
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_hints(card, photos):
    run = smol.run(card, photos, hint="latency", batch=0)
    for _ in run:
        pass
    assert (run.report.batch, run.report.streams) == (1, 1)
    with pytest.raises(smol.InvalidArgumentError, match="'latency', 'throughput' or None: 'fast'"):
        smol.run(card, photos, hint="fast")


def test_items_have_regions(card, photos):
    from PIL import Image

    image = np.asarray(Image.open(photos / "03.png").convert("RGB"))
    cut = {name: image[y : y + 32, x : x + 40] for name, (x, y) in {"a": (0, 0), "b": (8, 12)}.items()}
    regions = {"a": (0, 0, 40, 32), "b": (8, 12, 40, 32)}

    def by_region(items) -> dict[str, list[float]]:
        rows = pa.table(smol.run(card, items)).to_pylist()
        return {row["region"] or row["item"]: row["top_scores"] for row in rows}

    expected = by_region([(name, np.ascontiguousarray(pixels)) for name, pixels in cut.items()])
    assert by_region([("photo", image, regions)]) == expected
    doubled = {name: tuple(2 * value for value in region) for name, region in regions.items()}
    height, width, _ = image.shape
    assert by_region([("photo", photos / "03.png", doubled, (2 * width, 2 * height))]) == expected
    for wrong in ({"a": (0, 0, 40)}, {"a": (0, 0, 0, 5)}, [1]):
        with pytest.raises(smol.InvalidArgumentError, match="region"):
            list(smol.run(card, [("photo", image, wrong)]))
    with pytest.raises(smol.InvalidArgumentError, match="full size"):
        list(smol.run(card, [("photo", image, regions, (0, 3))]))
