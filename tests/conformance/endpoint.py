"""The function behind an HTTP server that makes API Gateway's events of requests."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from callboard import access_tokens
from callboard.identity import Caller
from callboard.mcp import offers
from callboard.settings import Settings, get_settings
from conformance.fixtures import FixtureOffers
from mcp_server.handler import lambda_handler
from support.lambdas import Context, http_event

NAMES = ("localhost", "127.0.0.1")


@contextmanager
def serving() -> Iterator[str]:
    """Serve the function with what the suite asks for, to callers without tokens; yield its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    port = server.server_port
    required = [name for name, field in Settings.model_fields.items() if field.is_required()]
    with pytest.MonkeyPatch.context() as patch:
        for name in required:
            patch.setenv(name.upper(), "local" if name == "environment" else "unused")
        patch.setenv("MCP_ALLOWED_ORIGINS", ",".join(f"http://{name}:{port}" for name in NAMES))
        patch.setenv("LOG_LEVEL", os.environ.get("LOG_LEVEL", "ERROR"))
        caller = Caller(tenant="suite", user_id="suite", user_name="suite")
        patch.setattr(access_tokens, "caller_of", lambda header: caller)
        patch.setattr(offers, "BoardOffers", lambda caller: FixtureOffers())
        get_settings.cache_clear()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://localhost:{port}/mcp"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
            get_settings.cache_clear()


# An execution environment serves one request at a time.
_TURN = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _pass_on(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length).decode()
        host, _, _ = (self.headers.get("host") or "").partition(":")
        if host not in NAMES:
            # API Gateway answers for its own names only.
            self._answer({"statusCode": 403, "body": '{"message":"Forbidden"}'})
            return
        # As the gateway does it: names in lower case, repeated ones in one value.
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            lower = name.lower()
            headers[lower] = f"{headers[lower]},{value}" if lower in headers else value
        event = http_event(self.command, self.path, raw_body=body or None, headers=headers)
        with _TURN:
            answer = lambda_handler(event, Context())
        self._answer(answer)

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = do_OPTIONS = _pass_on

    def _answer(self, answer: dict[str, Any]) -> None:
        content = (answer.get("body") or "").encode()
        self.send_response(int(answer["statusCode"]))
        for name, value in (answer.get("headers") or {}).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
