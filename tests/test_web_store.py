"""OME-Zarr at addresses: servers on this computer that are honest, slow, broken or hostile, and buckets of S3."""

from __future__ import annotations

import datetime
import gzip
import http.server
import os
import re
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
import zarr

from ais.cli.main import run
from ais.errors import AisError
from ais.formats import web_store
from ais.formats.registry import open_volume, write_volume
from ais.formats.s3_address import Bucket, Keys, find_keys, signed
from ais.formats.web_store import WebStore

VOLUME = np.random.default_rng(2).normal(size=(12, 30, 40)).astype(np.float32)
Answer = Callable[["Handler"], None]


class Handler(http.server.BaseHTTPRequestHandler):
    """Has the server's function answer, and notes what was asked for."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers.items())))
        try:
            self.server.answer(self)
        except OSError:
            self.close_connection = True  # they have hung up, as they should

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def head(self, status: int, length: int | None, **headers: str) -> None:
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def give(self, data: bytes, **headers: str) -> None:
        """An honest answer, of the range that was asked for."""
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if wanted is None:
            self.head(200, len(data), **headers)
        else:
            first, last = wanted.groups()
            start = int(first) if first else max(0, len(data) - int(last))
            stop = min(int(last) + 1, len(data)) if first and last else len(data)
            if start >= len(data):
                self.head(416, 0)
                return
            self.head(206, stop - start, Content_Range=f"bytes {start}-{stop - 1}/{len(data)}", **headers)
            data = data[start:stop]
        self.wfile.write(data)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.address = f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], Server]]:
    running: list[Server] = []

    def start(answer: Answer) -> Server:
        server = Server(answer)
        running.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No keys, proxies or servers of whoever runs the tests; short pauses."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no credentials"))
    monkeypatch.setattr(web_store, "PAUSE_S", 0.01)


def of_folder(folder: Path, missing: int = 404) -> Answer:
    def answer(request: Handler) -> None:
        path = folder / unquote(urlsplit(request.path).path).lstrip("/")
        if path.is_file():
            request.give(path.read_bytes())
        else:
            request.head(missing, 0)

    return answer


def voxels(address: str) -> np.ndarray:
    volume = open_volume(address)
    try:
        return volume.read(0, volume.info.shape[0])
    finally:
        volume.close()


def said(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run(words) == 2
    text = capsys.readouterr().err.strip()
    assert len(text.splitlines()) == 1
    return text


# --- servers that mean well ------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [404, 403])
def test_an_address_needs_nothing_but_the_address(
    tmp_path: Path, serve: Callable[[Answer], Server], missing: int
) -> None:
    """Object stores say 403 of keys that are not there to those who may not list them."""
    write_volume(tmp_path / "TS 1.zarr", VOLUME, voxel_sizes=10.0)
    server = serve(of_folder(tmp_path, missing))
    np.testing.assert_array_equal(voxels(f"{server.address}/TS 1.zarr"), VOLUME)
    assert all("Authorization" not in headers for _, headers in server.asked)


def test_connections_are_used_again(tmp_path: Path, serve: Callable[[Answer], Server]) -> None:
    write_volume(tmp_path / "a.zarr", VOLUME, voxel_sizes=10.0)
    server = serve(of_folder(tmp_path))
    opened = []
    accept = server.get_request
    server.get_request = lambda: opened.append(1) or accept()  # type: ignore[method-assign, func-returns-value, misc]
    voxels(f"{server.address}/a.zarr")
    assert len(server.asked) > len(opened)


def test_a_server_that_is_busy_is_asked_again(tmp_path: Path, serve: Callable[[Answer], Server]) -> None:
    write_volume(tmp_path / "a.zarr", VOLUME, voxel_sizes=10.0)
    honest = of_folder(tmp_path)

    def answer(request: Handler) -> None:
        if len(request.server.asked) % 2:
            request.head(503, 0, Retry_After="3600")
        else:
            honest(request)

    began = time.monotonic()
    np.testing.assert_array_equal(voxels(f"{serve(answer).address}/a.zarr"), VOLUME)
    assert time.monotonic() - began < 60


def test_it_has_moved(tmp_path: Path, serve: Callable[[Answer], Server]) -> None:
    write_volume(tmp_path / "a.zarr", VOLUME, voxel_sizes=10.0)
    there = serve(of_folder(tmp_path))
    here = serve(lambda request: request.head(302, 0, Location=f"{there.address}{request.path}"))
    np.testing.assert_array_equal(voxels(f"{here.address}/a.zarr"), VOLUME)
    circle = serve(lambda request: request.head(302, 0, Location=request.path))
    with pytest.raises(AisError, match="cannot be read"):
        voxels(f"{circle.address}/a.zarr")


def test_packed_answers_are_unpacked_within_bounds(serve: Callable[[Answer], Server]) -> None:
    packed = {"/a": gzip.compress(b"words"), "/bomb": gzip.compress(bytes(1 << 26))}
    server = serve(lambda request: request.give(packed[request.path], Content_Encoding="gzip"))
    store = WebStore(server.address)
    assert store.get("a", 100) == b"words"
    tracemalloc.start()
    with pytest.raises(AisError, match="packs bomb"):
        store.get("bomb", 1 << 20)
    assert tracemalloc.get_traced_memory()[1] < 1 << 23
    tracemalloc.stop()
    store.close()


@pytest.mark.parametrize("ranges", [True, False])
def test_parts(serve: Callable[[Answer], Server], ranges: bool) -> None:
    data = bytes(range(200))

    def answer(request: Handler) -> None:
        if not ranges:
            del request.headers["Range"]
        request.give(data if request.path == "/a" else b"")

    store = WebStore(serve(answer).address)
    assert store.part("a", 10, 5) == data[10:15]
    assert store.part("a", None, 7) == data[-7:]
    assert store.part("a", 195, 50) == data[195:]
    assert store.part("a", 500, 5) == b""
    assert store.part("a", 3, 0) == b""
    assert store.part("empty", None, 7) == b""
    store.close()


def test_a_proxy_is_asked_where_one_is_named(
    tmp_path: Path, serve: Callable[[Answer], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_volume(tmp_path / "a.zarr", VOLUME, voxel_sizes=10.0)
    proxy = serve(of_folder(tmp_path))
    monkeypatch.setenv("http_proxy", proxy.address)
    np.testing.assert_array_equal(voxels("http://far.invalid/a.zarr"), VOLUME)
    assert proxy.asked[0][0].startswith("http://far.invalid/a.zarr")


# --- servers that do not ---------------------------------------------------------------------------------------


def hangs(request: Handler) -> None:
    time.sleep(3)


def hangs_after_a_byte(request: Handler) -> None:
    request.head(200, 1000)
    request.wfile.write(b"{")
    request.wfile.flush()
    time.sleep(3)


def drips(request: Handler) -> None:
    request.head(200, 1000)
    for _ in range(1000):
        request.wfile.write(b" ")
        request.wfile.flush()
        time.sleep(0.1)


def breaks_off(request: Handler) -> None:
    request.head(200, 1000)
    request.wfile.write(b"{" * 10)
    request.close_connection = True


def never_ends(request: Handler) -> None:
    request.head(200, None, Connection="close")
    request.close_connection = True
    while True:
        request.wfile.write(b" " * (1 << 16))


def promises_much(request: Handler) -> None:
    request.head(200, 1 << 50)


def talks_nonsense(request: Handler) -> None:
    request.wfile.write(b"\x00\xff nonsense\r\n\r\n")
    request.close_connection = True


BAD_SERVERS: dict[str, tuple[Answer, str]] = {
    "hangs": (hangs, "silent for 0.5 seconds"),
    "hangs after a byte": (hangs_after_a_byte, "silent for 0.5 seconds"),
    "drips": (drips, "longer than 2 seconds"),
    "breaks off": (breaks_off, "broke off"),
    "never ends": (never_ends, "larger than it can be"),
    "promises much": (promises_much, "larger than it can be"),
    "talks nonsense": (talks_nonsense, "broke off"),
    "refuses": (lambda request: request.head(403, 0), "must not be read"),
    "wants a password": (lambda request: request.head(401, 0), "must not be read"),
    "is broken": (lambda request: request.head(500, 0), "busy or broken"),
    "says something else": (lambda request: request.head(418, 0), "answers 418"),
    "sends a page instead": (lambda request: request.give(b"<html>log in</html>"), "not JSON"),
}


@pytest.mark.parametrize("kind", BAD_SERVERS)
def test_a_bad_server_gives_one_sentence_soon(
    serve: Callable[[Answer], Server], kind: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_store, "SILENCE_S", 0.5)
    monkeypatch.setattr(web_store, "WHOLE_S", 2.0)
    answer, words = BAD_SERVERS[kind]
    server = serve(answer)
    tracemalloc.start()
    began = time.monotonic()
    assert words in said(["info", f"{server.address}/a.zarr"], capsys)
    assert time.monotonic() - began < 15
    assert tracemalloc.get_traced_memory()[1] < 1 << 26
    tracemalloc.stop()


def test_a_chunk_that_never_ends_and_ranges_that_lie(serve: Callable[[Answer], Server]) -> None:
    def answer(request: Handler) -> None:
        request.head(206, None, Connection="close")
        request.close_connection = True
        request.wfile.write(bytes(1 << 20))

    store = WebStore(serve(answer).address)
    with pytest.raises(AisError, match="more than it was asked for"):
        store.part("shard", 0, 1000)
    far = WebStore(serve(lambda request: request.head(200, 1 << 40)).address)
    for start in (1 << 40, None):
        with pytest.raises(AisError, match="sends no parts of files"):
            far.part("shard", start, 1000)
    store.close()
    far.close()


def test_no_server_no_name_no_address(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert "cannot be reached" in said(["info", f"http://127.0.0.1:{port}/a.zarr"], capsys)
    assert "no server of this name" in said(["info", "http://nowhere.invalid/a.zarr"], capsys)
    assert "cannot be" in said(["info", "http://[:::/a.zarr"], capsys)


# --- buckets ---------------------------------------------------------------------------------------------------


def bucket(folder: Path, *, region: str = "", keys: bool = False) -> Answer:
    """As S3 answers: a bucket of this region, of which keys that are not there are refused."""
    objects = of_folder(folder, 403)

    def answer(request: Handler) -> None:
        signature = request.headers.get("Authorization", "")
        if region and f"/{region}/s3/" not in signature:
            request.head(400, 0, x_amz_bucket_region=region)
        elif keys and "Credential=mine/" not in signature:
            request.head(403, 0)
        else:
            objects(request)

    return answer


def test_a_public_bucket_at_an_endpoint(
    tmp_path: Path, serve: Callable[[Answer], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_volume(tmp_path / "lab" / "run 1" / "a.zarr", VOLUME, voxel_sizes=10.0)
    server = serve(bucket(tmp_path))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"{server.address}/")
    np.testing.assert_array_equal(voxels("s3://lab/run 1/a.zarr"), VOLUME)
    assert server.asked[0][0].startswith("/lab/run%201/a.zarr/")
    assert run(["convert", "s3://lab/run 1/a.zarr", str(tmp_path / "a.mrc")]) == 0
    np.testing.assert_array_equal(voxels(str(tmp_path / "a.mrc")), VOLUME)


def test_shards_in_a_bucket(tmp_path: Path, serve: Callable[[Answer], Server], monkeypatch: pytest.MonkeyPatch) -> None:
    array = zarr.create_array(
        str(tmp_path / "lab" / "a.zarr"), shape=VOLUME.shape, dtype="f4", chunks=(4, 10, 10), shards=(12, 30, 40)
    )
    array[:] = VOLUME
    server = serve(bucket(tmp_path))
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.address)
    np.testing.assert_array_equal(voxels("s3://lab/a.zarr"), VOLUME)
    assert any(headers.get("Range", "").startswith("bytes=-") for _, headers in server.asked)


def test_keys_sign_and_the_region_is_learnt(
    tmp_path: Path, serve: Callable[[Answer], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_volume(tmp_path / "lab" / "a.zarr", VOLUME, voxel_sizes=10.0)
    server = serve(bucket(tmp_path, region="eu-north-1", keys=True))
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
    file = tmp_path / "credentials"
    file.write_text("[default]\naws_access_key_id = other\n[lab]\naws_access_key_id=mine\naws_secret_access_key=s%f\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    assert find_keys() is None
    monkeypatch.setenv("AWS_PROFILE", "lab")
    assert find_keys() == Keys("mine", "s%f")
    np.testing.assert_array_equal(voxels("s3://lab/a.zarr"), VOLUME)
    astray = [headers for _, headers in server.asked if "/us-east-1/" in headers.get("Authorization", "")]
    assert len(astray) == 1
    monkeypatch.setenv("AWS_NO_SIGN_REQUEST", "YES")
    assert find_keys() is None


def test_keys_that_a_public_bucket_does_not_know_are_left_out(
    tmp_path: Path, serve: Callable[[Answer], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_volume(tmp_path / "lab" / "a.zarr", VOLUME, voxel_sizes=10.0)
    honest = bucket(tmp_path)
    server = serve(lambda request: request.head(403, 0) if "Authorization" in request.headers else honest(request))
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "old")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    np.testing.assert_array_equal(voxels("s3://lab/a.zarr"), VOLUME)


def test_where_a_bucket_lies() -> None:
    assert Bucket("lab").url("a b/0") == "https://lab.s3.amazonaws.com/a%20b/0"
    assert Bucket("lab", region="eu-north-1").url("0") == "https://lab.s3.eu-north-1.amazonaws.com/0"
    assert Bucket("my.lab", region="eu-north-1").url("0") == "https://s3.eu-north-1.amazonaws.com/my.lab/0"
    assert Bucket("lab", "http://here:9000").url("a/0") == "http://here:9000/lab/a/0"


def test_signatures_are_those_of_amazons_examples() -> None:
    """Examples of "Signature Calculations for the Authorization Header" in the reference of S3."""
    keys = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    now = datetime.datetime(2013, 5, 24, tzinfo=datetime.UTC)
    host = "https://examplebucket.s3.amazonaws.com"
    for url, headers, signature in (
        (
            f"{host}/test.txt",
            {"Range": "bytes=0-9"},
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (f"{host}/?lifecycle", {}, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        (
            f"{host}/?max-keys=2&prefix=J",
            {},
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ):
        assert signed(url, headers, keys, "us-east-1", now)["Authorization"].endswith(f"Signature={signature}")
