"""The files that are served: a fixed set, found by name and never by path."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from aws_lambda_powertools.event_handler.openapi import swagger_ui

HERE = Path(__file__).parent
# Powertools ships Swagger UI; it reaches us with the dependencies, so that nothing comes from another host.
SWAGGER_UI = Path(swagger_ui.__file__).parent
SWAGGER_UI_FILES = frozenset({"swagger-ui-bundle.min.js", "swagger-ui.min.css"})

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}

# Swagger UI styles elements from its script and draws its icons from data: URLs.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' {inline}",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


@dataclass(frozen=True, slots=True)
class File:
    """A text file as it is sent."""

    text: str
    media_type: str
    etag: str
    headers: Mapping[str, str]


def page(name: str) -> File:
    """Return a page of ours."""
    inline = "'unsafe-inline'" if name == "docs.html" else ""
    policy = CONTENT_SECURITY_POLICY.format(inline=inline).replace(" ;", ";")
    return _file(HERE / "pages" / name, "no-cache", (("Content-Security-Policy", policy),))


def document() -> File:
    """Return the OpenAPI document."""
    return _file(HERE / "openapi.json", "no-cache", (("Access-Control-Allow-Origin", "*"),))


def asset(name: str) -> File | None:
    """Return the asset of exactly this name; None if there is none."""
    if name in SWAGGER_UI_FILES:
        return _file(SWAGGER_UI / name, "public, max-age=86400")
    path = next((path for path in (HERE / "assets").iterdir() if path.name == name), None)
    return _file(path, "no-cache") if path is not None and path.suffix in MEDIA_TYPES else None


@lru_cache(maxsize=32)
def _file(path: Path, cache_control: str, more_headers: tuple[tuple[str, str], ...] = ()) -> File:
    text = path.read_text(encoding="utf-8")
    # Weak, because the compressed and the plain form share it.
    etag = f'W/"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    headers = {
        "Cache-Control": cache_control,
        "ETag": etag,
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        **dict(more_headers),
    }
    return File(text, MEDIA_TYPES[path.suffix], etag, headers)
