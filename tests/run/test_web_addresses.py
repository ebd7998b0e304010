"""Pictures on web servers: a local one that answers as asked, and fails as asked."""

import http.server
import pathlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from test_archives import all_names, answers, pack_tar, pack_zip

from conftest import smol, smol_json


class Server:
    """Serves a folder with ranges and entity tags. `faults` maps a path to answers that come before the right one."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder, self.requests, self.faults, self.lock = folder, [], {}, threading.Lock()
        self.ranges = self.heads = self.tags = True
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self.answer(with_body=False)

            def do_GET(self) -> None:
                self.answer(with_body=True)

            def fault(self) -> str | None:
                with outer.lock:
                    outer.requests.append((self.command, self.path, self.headers.get("Range")))
                    waiting = outer.faults.get(self.path, [])
                    return waiting.pop(0) if waiting else None

            def answer(self, with_body: bool) -> None:
                fault = self.fault()
                path = outer.folder / self.path.lstrip("/").split("?")[0]
                if fault == "drop":
                    self.close_connection = True
                    return
                if fault == "stall":
                    time.sleep(3)
                    self.close_connection = True
                    return
                if fault == "loop" or self.path.startswith("/to/"):
                    target = self.path if fault == "loop" else self.path.removeprefix("/to")
                    return self.reply(302, {"Location": target})
                if fault and fault.isdigit():
                    return self.reply(int(fault), {"Retry-After": "0"}, b"sorry")
                if not with_body and not outer.heads:
                    return self.reply(405, {})
                if not path.is_file():
                    return self.reply(404, {}, b"not here")
                data = path.read_bytes()
                headers = {"ETag": f'"{hash(data)}"'} if outer.tags else {}
                if outer.ranges:
                    headers["Accept-Ranges"] = "bytes"
                asked = self.headers.get("Range")
                if not with_body:
                    return self.reply(200, headers, b"", len(data))
                if asked and outer.ranges:
                    first, last = (int(part) for part in asked.removeprefix("bytes=").split("-"))
                    headers["Content-Range"] = f"bytes {first}-{min(last, len(data) - 1)}/{len(data)}"
                    return self.reply(206, headers, data[first : last + 1])
                if fault == "short":
                    self.reply(200, headers, data[: len(data) // 2], len(data))
                    self.close_connection = True
                    return
                self.reply(200, headers, data)

            def reply(self, status: int, headers: dict[str, str], body: bytes = b"", size: int | None = None) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body) if size is None else size))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def server(photos) -> Iterator[Server]:
    running = Server(photos)
    yield running
    running.server.shutdown()


@pytest.fixture
def expected(card, photos, tmp_path, rows_of):
    """The answers of the folder."""
    smol("run", card, photos, "-o", tmp_path / "expected")
    return answers(rows_of(tmp_path / "expected"))


@pytest.fixture
def listed(server, photos, tmp_path):
    """A list of the pictures' addresses."""
    (tmp_path / "list.txt").write_text("".join(f"{server.address}/{name}\n" for name in all_names(photos)))
    return tmp_path / "list.txt"


def by_name(rows: dict[str, dict]) -> dict[str, tuple]:
    return {item.rsplit("/", 1)[1]: answer for item, answer in answers(rows).items()}


@pytest.mark.parametrize("extra", [[], ["--io-threads", "6"]])
def test_a_list_of_addresses_gives_the_answers_of_the_folder(card, server, listed, tmp_path, rows_of, expected, extra):
    for heads, ranges, tags in ((True, True, True), (False, True, True), (True, False, False)):
        server.heads, server.ranges, server.tags = heads, ranges, tags
        smol("run", card, listed, "-o", tmp_path / "out", "--overwrite", *extra)
        rows = rows_of(tmp_path / "out")
        assert by_name(rows) == expected
        assert all(row["item"].startswith(server.address) for row in rows.values())
        again = smol_json("run", card, listed, "-o", tmp_path / "out", "--resume")
        assert again["items"] == 0 and again["skipped"] == len(expected)


def test_a_picture_that_changed_is_done_again(card, server, listed, photos, tmp_path, rows_of, expected):
    smol("run", card, listed, "-o", tmp_path / "out")
    (photos / "000.jpg").write_bytes((photos / "001.jpg").read_bytes())
    again = smol_json("run", card, listed, "-o", tmp_path / "out", "--resume")
    assert again["items"] == 1


def test_faults_that_pass_are_waited_for(card, server, listed, photos, tmp_path, rows_of, expected):
    names = all_names(photos)
    for name, fault in zip(names, ["503", "429", "500", "drop", "short", "502", "408", "504"] * 3, strict=True):
        server.faults[f"/{name}"] = [fault, "503", "drop"]
    smol("run", card, listed, "-o", tmp_path / "out", "--io-threads", "8")
    assert by_name(rows_of(tmp_path / "out")) == expected
    assert not any(server.faults.values())
    for num_faults in (4, 5):
        server.faults["/000.jpg"] = ["503", "504", "429", "500", "502"][:num_faults]
        done = smol("decode", f"{server.address}/000.jpg", "-o", tmp_path / "one.png", check=False)
        assert (done.returncode == 0) == (num_faults == 4)


def test_faults_that_stay_have_codes(card, server, listed, photos, tmp_path, rows_of, expected, monkeypatch):
    monkeypatch.setenv("SMOL_HTTP_TIMEOUT_S", "1")
    names = all_names(photos)
    codes = {"404": "not_found", "403": "io", "503": "io", "stall": "timeout", "loop": "io", "410": "not_found"}
    for name, fault in zip(names, codes, strict=False):
        server.faults[f"/{name}"] = [fault] * 200
    smol("run", card, listed, "-o", tmp_path / "out", "--max-failures", "100%", "--io-threads", "8")
    rows = {row["item"].rsplit("/", 1)[1]: row for row in rows_of(tmp_path / "out").values()}
    assert [rows[name]["error_code"] for name in names[: len(codes)]] == list(codes.values())
    assert "no permission" in rows[names[1]]["error_message"] and "redirects" in rows[names[4]]["error_message"]
    assert {name: rows[name]["label"] for name in names[len(codes) :]} == {
        name: expected[name][0] for name in names[len(codes) :]
    }
    assert len(server.faults[f"/{names[0]}"]) > 190  # what is not there is not asked for again and again
    assert 160 < len(server.faults[f"/{names[2]}"]) < 196


def test_archives_and_single_pictures_by_address(card, server, photos, tmp_path, rows_of, expected):
    names = all_names(photos)
    pack_tar(photos / "photos.tar", photos, names)
    pack_zip(photos / "photos.zip", photos, names)
    for archive in ("photos.tar", "photos.zip"):
        smol("run", card, f"{server.address}/{archive}", "-o", tmp_path / "out", "--overwrite")
        assert answers(rows_of(tmp_path / "out")) == expected
    smol("decode", f"{server.address}/to/to/000.jpg?size=large", "-o", tmp_path / "web.png")
    smol("decode", photos / "000.jpg", "-o", tmp_path / "file.png")
    assert (tmp_path / "web.png").read_bytes() == (tmp_path / "file.png").read_bytes()
    assert server.requests[-1][2] is None
    server.ranges = False
    done = smol("run", card, f"{server.address}/photos.tar", "-o", tmp_path / "none", check=False)
    assert done.returncode == 1 and "download it" in done.stderr
    for address, words in {
        f"{server.address}/nobody.jpg": "404",
        f"{server.address}/nobody.tar": "404",
        "http://127.0.0.1:1/x.jpg": "connect",
        "http://": "http://",
    }.items():
        done = smol("decode", address, "-o", tmp_path / "none.png", check=False)
        assert done.returncode in (1, 2) and words in done.stderr, (address, done.stderr)


def test_a_list_names_files_or_addresses(card, server, tmp_path):
    (tmp_path / "mixed.txt").write_text(f"{server.address}/000.jpg\nphotos/001.jpg\n")
    done = smol("run", card, tmp_path / "mixed.txt", "-o", tmp_path / "none", check=False)
    assert done.returncode == 2 and "not both" in done.stderr
    smol("run", card, "-", "-o", tmp_path / "out", input=f"{server.address}/000.jpg\n{tmp_path}/photos/001.jpg\n")
