"""A proxy that adds a token to each request: the suite has no way to send one."""

import http.client
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from callboard_local import processes

# Between two programs each, and what the other side counts itself.
NOT_PASSED_ON = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding", "date", "server"})
SECONDS = 40


@dataclass
class Proxy:
    """Listens on a port, and passes on to `target` once that is known."""

    port: int
    token: str
    target: str = ""

    @property
    def origins(self) -> list[str]:
        """Where pages that it serves would come from."""
        return [f"http://{name}:{self.port}" for name in ("localhost", "127.0.0.1")]

    @property
    def url(self) -> str:
        """Where clients reach it."""
        return f"{self.origins[0]}/mcp"


@contextmanager
def running_proxy(token: str) -> Iterator[Proxy]:
    """Run a proxy until the end."""
    proxy = Proxy(processes.free_port(), token)
    server = _Server(("127.0.0.1", proxy.port), _handler(proxy))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell of what goes wrong, but not of a client that is gone: the suite leaves connections as they are."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            target = urlsplit(proxy.target)
            # Unlike other clients, this one sends headers as they are: repeated, with white space, wrong.
            upstream = http.client.HTTPConnection(target.netloc, timeout=SECONDS)
            try:
                upstream.putrequest(self.command, target.path, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in NOT_PASSED_ON:
                        upstream.putheader(name, value)
                upstream.putheader("authorization", f"Bearer {proxy.token}")
                upstream.putheader("content-length", str(len(body)))
                upstream.endheaders(body)
                answer = upstream.getresponse()
                content = answer.read()
            finally:
                upstream.close()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in NOT_PASSED_ON:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = do_OPTIONS = _pass_on

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler
