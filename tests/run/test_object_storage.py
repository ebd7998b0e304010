"""Pictures in a bucket, read from a local server of S3's protocol; it has an environment of its own."""

import http.client
import http.server
import os
import pathlib
import socket
import subprocess
import threading
import time
from collections.abc import Iterator

import pytest
from test_archives import all_names, answers, pack_tar

from conftest import ROOT, smol, smol_json

SERVER_PYTHON = pathlib.Path(os.environ.get("SMOL_S3_PYTHON", ROOT / ".venv-object-storage" / "bin" / "python"))
UPLOAD = """
import sys, pathlib, boto3
client = boto3.client("s3", endpoint_url=sys.argv[1])
client.create_bucket(Bucket="bucket")
folder = pathlib.Path(sys.argv[2])
for path in folder.rglob("*"):
    if path.is_file():
        client.upload_file(str(path), "bucket", str(path.relative_to(folder)))
"""
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    """The port of a running server."""
    if not SERVER_PYTHON.exists():
        pytest.skip("no server of S3's protocol: scripts/setup.sh tests installs it")
    port = free_port()
    words = [str(SERVER_PYTHON.parent / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert running.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
    yield port
    running.kill()
    running.wait()


class Faults:
    """Stands between smol and the server: the first requests fail, all are counted."""

    def __init__(self, port: int) -> None:
        self.fail_next, self.requests, self.lock = 0, [], threading.Lock()
        faults = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self) -> None:
                with faults.lock:
                    faults.requests.append((self.command, self.path, self.headers.get("Range")))
                    failing = faults.fail_next > 0
                    faults.fail_next -= failing
                if failing:
                    self.send_response(503)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                connection.request(self.command, self.path, headers=dict(self.headers.items()))
                answer = connection.getresponse()
                body = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("connection", "transfer-encoding", "server", "date", "content-length"):
                        self.send_header(name, value)
                length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(body))
                self.send_header("Content-Length", length or "0")
                self.end_headers()
                self.wfile.write(body)
                connection.close()

            do_GET = do_HEAD = forward

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def bucket(server, photos, tmp_path, monkeypatch):
    """A bucket with photos/, shards/ of them and a table; gives a function from a place to an address."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    names, upload = all_names(photos), tmp_path / "upload"
    (upload / "shards").mkdir(parents=True)
    os.symlink(photos, upload / "photos")
    (upload / "pictures").mkdir()
    for name in names:
        os.link(photos / name, upload / "pictures" / name)
    (upload / "pictures" / "notes.csv").write_text("a,b\n")
    for i in range(2):
        pack_tar(upload / "shards" / f"{i}.tar", photos, names[i::2])
    table = pa.table({"name": names, "image": [(photos / name).read_bytes() for name in names]})
    pq.write_table(table, upload / "table.parquet", row_group_size=9)
    (upload / "photos").unlink()
    subprocess.run([str(SERVER_PYTHON), "-c", UPLOAD, f"http://127.0.0.1:{server}", str(upload)], check=True)
    faults = Faults(server)
    yield lambda place, port=faults.port: f"s3://bucket/{place}?endpoint_override=127.0.0.1:{port}&scheme=http", faults
    faults.server.shutdown()


@pytest.fixture
def expected(card, photos, tmp_path, rows_of):
    """The answers of the folder."""
    smol("run", card, photos, "-o", tmp_path / "expected")
    return answers(rows_of(tmp_path / "expected"))


def test_a_bucket_gives_the_answers_of_the_folder(card, photos, tmp_path, rows_of, expected, bucket):
    address, faults = bucket
    for place in ("pictures", "pictures/"):
        smol("run", card, address(place), "-o", tmp_path / "out", "--overwrite", "--io-threads", "8")
        assert answers(rows_of(tmp_path / "out")) == expected
    # What is done is known by its listing: a resumed run reads no picture but those that the card's plan is chosen by.
    counts = []
    for how in ("--overwrite", "--resume"):
        faults.requests.clear()
        again = smol_json("run", card, address("pictures"), "-o", tmp_path / "out", how)
        counts.append(sum(path.endswith((".jpg", ".png")) for _, path, _ in faults.requests))
    assert again["items"] == 0 and again["skipped"] == len(expected)
    assert counts[0] - counts[1] == len(expected)
    smol("run", card, address("shards"), "-o", tmp_path / "shards", "--io-threads", "4")
    assert answers(rows_of(tmp_path / "shards")) == expected
    smol("run", card, address("shards/1.tar"), "-o", tmp_path / "one")
    assert len(rows_of(tmp_path / "one")) == len(expected) // 2
    smol("run", card, address("table.parquet") + "&id=name", "-o", tmp_path / "table")
    assert answers(rows_of(tmp_path / "table")) == expected
    smol("decode", address("pictures/003.png"), "-o", tmp_path / "one.png")
    smol("decode", photos / "003.png", "-o", tmp_path / "file.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "file.png").read_bytes()


def test_requests_that_fail_for_a_while_are_repeated(card, tmp_path, rows_of, expected, bucket):
    address, faults = bucket
    faults.fail_next = 3
    smol("run", card, address("pictures"), "-o", tmp_path / "out")
    assert answers(rows_of(tmp_path / "out")) == expected and faults.fail_next == 0
    faults.fail_next = 10**6
    done = smol("run", card, address("pictures"), "-o", tmp_path / "none", check=False)
    assert done.returncode == 1 and "object storage" in done.stderr
    assert 10**6 - faults.fail_next < 20


def test_wrong_addresses_say_what_is_wrong(card, tmp_path, bucket, monkeypatch):
    address, _ = bucket
    for place, words in {
        address("nobody/here"): "does not exist",
        address("pictures").replace("bucket", "no-bucket"): "no-bucket",
        address("pictures", free_port()): "does not answer",
        "s3://": "s3://",
        "gopher://x/y": "gopher",
        address("pictures") + "&colour=red": "colour",
    }.items():
        done = smol("run", card, place, "-o", tmp_path / "none", check=False)
        assert done.returncode in (1, 2) and words in done.stderr, (place, done.stderr)
        assert "Traceback" not in done.stderr
