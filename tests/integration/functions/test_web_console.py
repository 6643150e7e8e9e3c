"""The pages for people, the document for programs, and our 404 for the rest."""

import gzip
import json
import re
from base64 import b64decode
from html.parser import HTMLParser
from typing import Any

import pytest

from support.lambdas import Answer, Context, call_http, http_event
from web_console import files
from web_console.handler import lambda_handler


class Links(HTMLParser):
    """Collects what a page loads and links to, and whether it holds any code or style of its own."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.inline: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        for name, value in attrs:
            if name in {"href", "src"}:
                self.targets.append(value or "")
            if name == "style" or name.startswith("on"):
                self.inline.append(f"{tag} {name}")

    def handle_data(self, data: str) -> None:
        if self._inside in {"script", "style"} and data.strip():
            self.inline.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""


def get(path: str, **parts: Any) -> Answer:
    return call_http(lambda_handler, "GET", path, **parts)


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_page_has_a_strict_policy_and_nothing_inline(path: str) -> None:
    answer = get(path)

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe-eval" not in policy
    assert "http" not in policy
    assert Links(answer.text).inline == []


def test_home_page_allows_no_inline_style() -> None:
    assert "unsafe-inline" not in get("/").headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_page_links_only_to_what_is_there_on_this_host(path: str) -> None:
    targets = Links(get(path).text).targets

    assert targets
    for target in targets:
        assert not re.match(r"[a-z]+:|/", target), f"{target} leaves the place the page came from"
        if target != "health":
            assert get(f"/{target}").status == 200, target


def test_document_is_the_committed_one() -> None:
    answer = get("/openapi.json")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body == json.loads((files.HERE / "openapi.json").read_text())


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("home.css", "text/css; charset=utf-8"),
        ("home.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
        ("swagger-ui-bundle.min.js", "text/javascript; charset=utf-8"),
        ("swagger-ui.min.css", "text/css; charset=utf-8"),
    ],
)
def test_asset_has_its_media_type_and_may_not_be_sniffed(name: str, media_type: str) -> None:
    answer = get(f"/assets/{name}")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == media_type
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.text


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/assets/home.css"])
def test_file_that_the_client_has_is_304_without_a_body(path: str) -> None:
    etag = get(path).headers["ETag"]

    headers = {"If-None-Match": etag, "Accept-Encoding": "gzip"}
    again = lambda_handler(http_event("GET", path, headers=headers), Context())
    other = get(path, headers={"If-None-Match": 'W/"other"'})

    assert (again["statusCode"], again["body"]) == (304, "")
    assert again["headers"]["ETag"] == etag
    assert "Content-Encoding" not in again["headers"]
    assert other.status == 200


def test_file_for_a_client_that_takes_gzip_is_compressed() -> None:
    answer = lambda_handler(http_event("GET", "/assets/home.css", headers={"Accept-Encoding": "gzip, br"}), Context())

    assert answer["headers"]["Content-Encoding"] == "gzip"
    assert answer["headers"]["Vary"] == "Accept-Encoding"
    assert answer["isBase64Encoded"] is True
    assert gzip.decompress(b64decode(answer["body"])).decode() == (files.HERE / "assets" / "home.css").read_text()


@pytest.mark.parametrize(
    "path",
    [
        "/assets/",
        "/assets/missing.js",
        "/assets/../handler.py",
        "/assets/..%2fhandler.py",
        "/assets/%2e%2e/handler.py",
        "/assets/..",
        "/assets/pages/home.html",
        "/assets/..\\handler.py",
        "/assets//etc/passwd",
        "/assets/home.css\x00",
        "/handler.py",
        "/nowhere",
        "/api/nowhere",
    ],
)
def test_path_that_nothing_is_at_is_our_404(path: str) -> None:
    answer = get(path)

    assert answer.status == 404
    assert answer.body["error"]["code"] == "ROUTE_NOT_FOUND"
    assert answer.body["error"]["request_id"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD"])
def test_other_method_on_a_page_is_our_404(method: str) -> None:
    answer = call_http(lambda_handler, method, "/docs")

    assert answer.status == 404
    assert answer.body["error"]["code"] == "ROUTE_NOT_FOUND"
