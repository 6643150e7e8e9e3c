"""A proxy that adds a token to each request: the suite has no way to send one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

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
    with httpx.Client(timeout=SECONDS) as http:
        server = ThreadingHTTPServer(("127.0.0.1", proxy.port), _handler(proxy, http))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def _handler(proxy: Proxy, http: httpx.Client) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            # Repeated headers stay repeated: joining them is the gateway's business.
            headers = [(name, value) for name, value in self.headers.items() if name.lower() not in NOT_PASSED_ON]
            headers.append(("authorization", f"Bearer {proxy.token}"))
            answer = http.request(self.command, proxy.target, headers=headers, content=body)
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name not in NOT_PASSED_ON and name != "content-encoding":
                    self.send_header(name, value)
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = do_OPTIONS = _pass_on

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler
