"""Fetching outputs from a real server."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from callboard.providers import outputs
from callboard.providers.errors import OutputUnavailableError

PNG = b"\x89PNG" + b"\x01" * 2000


class Handler(BaseHTTPRequestHandler):
    """Answers by path."""

    def do_GET(self) -> None:
        status, headers, body = {
            "/good.png": (200, {"content-type": "image/png"}, PNG),
            "/html": (200, {"content-type": "text/html"}, b"<html>"),
            "/untyped": (200, {}, PNG),
            "/empty": (200, {"content-type": "image/png"}, b""),
            "/gone": (404, {}, b""),
            "/busy": (503, {}, b""),
            "/once": (302, {"location": "/good.png"}, b""),
            "/loop": (302, {"location": "/loop"}, b""),
            "/away": (302, {"location": "http://169.254.169.254/latest"}, b""),
            "/nowhere": (302, {}, b""),
        }[self.path]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def fetch(url: str, **limits: Any) -> outputs.Output:
    return outputs.fetch(url, ["127.0.0.1"], **limits)


@pytest.mark.parametrize("path", ["/good.png", "/once"])
def test_an_output_comes_with_its_type_and_digest(base: str, path: str) -> None:
    output = fetch(base + path)

    assert (output.content, output.media_type, output.extension) == (PNG, "image/png", ".png")
    assert output.sha256 == hashlib.sha256(PNG).digest()


@pytest.mark.parametrize("path", ["/html", "/untyped", "/empty", "/gone", "/loop", "/away", "/nowhere"])
def test_what_no_other_try_would_mend_is_said_to_be_final(base: str, path: str) -> None:
    with pytest.raises(OutputUnavailableError) as refused:
        fetch(base + path)

    assert refused.value.permanent


def test_a_busy_host_may_be_asked_again(base: str) -> None:
    with pytest.raises(OutputUnavailableError) as refused:
        fetch(base + "/busy")

    assert not refused.value.permanent


def test_a_host_that_does_not_answer_may_be_asked_again() -> None:
    with pytest.raises(OutputUnavailableError) as refused:
        fetch("http://127.0.0.1:9/good.png")

    assert not refused.value.permanent


def test_a_large_output_is_cut_off(base: str) -> None:
    with pytest.raises(OutputUnavailableError, match="larger than 1000 bytes"):
        fetch(base + "/good.png", max_bytes=1000)


def test_a_slow_output_is_given_up(base: str) -> None:
    with pytest.raises(OutputUnavailableError):
        fetch(base + "/good.png", max_seconds=-1)
