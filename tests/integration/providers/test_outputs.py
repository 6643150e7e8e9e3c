"""Fetching outputs from a real server."""

import gzip
import hashlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from callboard.providers import outputs
from callboard.providers.errors import OutputUnavailableError

PNG = b"\x89PNG" + b"\x01" * 2000
BOMB = gzip.compress(bytes(20_000_000))
GIVEN_UP = threading.Event()


class Handler(BaseHTTPRequestHandler):
    """Answers by path."""

    def do_GET(self) -> None:
        if self.path.startswith("/slow-"):
            self.trickle(self.path)
            return
        status, headers, body = {
            "/good.png": (200, {"content-type": "image/png"}, PNG),
            "/html": (200, {"content-type": "text/html"}, b"<html>"),
            "/untyped": (200, {}, PNG),
            "/empty": (200, {"content-type": "image/png"}, b""),
            "/broken-off": (200, {"content-type": "image/png"}, PNG),
            "/gone": (404, {}, b""),
            "/busy": (503, {}, b""),
            "/once": (302, {"location": "/good.png"}, b""),
            "/loop": (302, {"location": "/loop"}, b""),
            "/away": (302, {"location": "http://169.254.169.254/latest"}, b""),
            "/nowhere": (302, {}, b""),
            "/garbled": (302, {"location": "http://[::1/"}, b""),
            "/script": (302, {"location": "javascript:alert(1)"}, b""),
            "/credentials": (302, {"location": "http://a:b@127.0.0.1/good.png"}, b""),
            "/1": (302, {"location": "/2"}, b""),
            "/2": (303, {"location": "/3"}, b""),
            "/3": (307, {"location": "/good.png"}, b""),
            "/0": (308, {"location": "/1"}, b""),
            "/moved-list": (300, {"location": "/good.png"}, b""),
            "/bomb": (200, {"content-type": "image/png", "content-encoding": "gzip"}, BOMB),
            "/not-gzip": (200, {"content-type": "image/png", "content-encoding": "gzip"}, PNG),
            "/parameters": (200, {"content-type": "Image/PNG; q=1"}, PNG),
        }[self.path]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body) + 100 * (self.path == "/broken-off")))
        self.end_headers()
        self.wfile.write(body)

    def trickle(self, path: str) -> None:
        """Send a byte now and then, each in time for whoever only counts the pauses."""
        head = b"HTTP/1.0 200 OK\r\ncontent-type: image/png\r\ncontent-length: 2000\r\n\r\n"
        if path == "/slow-body":
            self.wfile.write(head)
        with suppress(OSError):
            for byte in PNG if path == "/slow-body" else head:
                self.wfile.write(bytes([byte]))
                if GIVEN_UP.wait(0.05):
                    break

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(identity: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve on a free port, by TLS where there is an identity."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if identity:
        server.socket = identity.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with serving() as port:
        yield f"http://127.0.0.1:{port}"
        GIVEN_UP.set()


def fetch(url: str, **limits: Any) -> outputs.Output:
    return outputs.fetch(url, ["127.0.0.1"], **limits)


@pytest.mark.parametrize("path", ["/good.png", "/once", "/1", "/parameters"])
def test_an_output_comes_with_its_type_and_digest(base: str, path: str) -> None:
    output = fetch(base + path)

    assert (output.content, output.media_type, output.extension) == (PNG, "image/png", ".png")
    assert output.sha256 == hashlib.sha256(PNG).digest()


@pytest.mark.parametrize(
    "path",
    ["/html", "/untyped", "/empty", "/gone", "/loop", "/away", "/nowhere", "/garbled", "/script", "/credentials", "/0"],
)
def test_what_no_other_try_would_mend_is_said_to_be_final(base: str, path: str) -> None:
    with pytest.raises(OutputUnavailableError) as refused:
        fetch(base + path)

    assert refused.value.permanent


@pytest.mark.parametrize("path", ["/busy", "/moved-list", "/not-gzip", "/broken-off"])
def test_what_another_try_may_mend_is_asked_for_again(base: str, path: str) -> None:
    with pytest.raises(OutputUnavailableError) as refused:
        fetch(base + path)

    assert not refused.value.permanent


def test_a_host_that_does_not_answer_may_be_asked_again() -> None:
    with pytest.raises(OutputUnavailableError) as refused:
        fetch("http://127.0.0.1:9/good.png")

    assert not refused.value.permanent


def test_a_large_output_is_cut_off(base: str) -> None:
    with pytest.raises(OutputUnavailableError, match="larger than 1000 bytes"):
        fetch(base + "/good.png", max_bytes=1000)


def test_a_small_output_that_unpacks_to_a_large_one_is_cut_off(base: str) -> None:
    with pytest.raises(OutputUnavailableError, match="larger than 1000000 bytes"):
        fetch(base + "/bomb", max_bytes=1_000_000)


@pytest.mark.parametrize("path", ["/slow-body", "/slow-head"])
def test_an_output_that_trickles_is_given_up_in_time(base: str, path: str) -> None:
    begun = time.monotonic()

    with pytest.raises(OutputUnavailableError) as refused:
        fetch(base + path, max_seconds=0.5)

    assert not refused.value.permanent
    assert time.monotonic() - begun < 3


def test_an_output_beyond_its_time_is_given_up(base: str) -> None:
    with pytest.raises(OutputUnavailableError, match="too long"):
        fetch(base + "/good.png", max_seconds=-1)


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> trustme.CA:
    """A certificate authority that this process trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    return authority


def identity_of(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.mark.parametrize("path", ["/good.png", "/once"])
def test_an_output_comes_by_tls(authority: trustme.CA, path: str) -> None:
    with serving(identity_of(authority, "127.0.0.1")) as port:
        output = fetch(f"https://127.0.0.1:{port}{path}")

    assert output.content == PNG


@pytest.mark.parametrize("known", [True, False], ids=["of-another-host", "of-an-unknown-authority"])
def test_a_host_that_cannot_prove_its_name_is_not_read(authority: trustme.CA, known: bool) -> None:
    identity = identity_of(authority, "api.example.com") if known else identity_of(trustme.CA(), "127.0.0.1")

    with serving(identity) as port, pytest.raises(OutputUnavailableError, match="does not answer"):
        fetch(f"https://127.0.0.1:{port}/good.png")


def test_a_handshake_that_never_ends_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        with pytest.raises(OutputUnavailableError, match="too long"):
            fetch(f"https://127.0.0.1:{silent.getsockname()[1]}/good.png", max_seconds=0.3)

    assert time.monotonic() - begun < 2
