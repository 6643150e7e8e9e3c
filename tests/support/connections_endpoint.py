"""Stands for API Gateway's @connections: records what is posted and asked, answers what a test wants."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

# https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
ERROR_TYPES = {403: "ForbiddenException", 410: "GoneException", 429: "LimitExceededException"}


@dataclass
class ConnectionsEndpoint:
    """What was posted, by connection, and what connections answer: always the same, or other statuses first."""

    url: str = ""
    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    status_of: dict[str, int] = field(default_factory=dict)
    first_statuses: dict[str, list[int]] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    busy: int = 0
    most_busy: int = 0

    def messages(self, connection_id: str) -> list[dict[str, Any]]:
        """Return what one connection got, in order."""
        return [message for connection, message in self.posts if connection == connection_id]


@contextmanager
def connections_endpoint(delay: float = 0.0) -> Iterator[ConnectionsEndpoint]:
    """Run an endpoint for one test; each post takes `delay` seconds."""
    endpoint = ConnectionsEndpoint()
    lock, pause = threading.Lock(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            connection_id = unquote(self.path.rpartition("/")[2])
            data = self.rfile.read(int(self.headers["content-length"]))
            message = json.loads(data)
            with lock:
                endpoint.busy += 1
                endpoint.most_busy = max(endpoint.most_busy, endpoint.busy)
            pause.wait(delay)
            with lock:
                endpoint.busy -= 1
                first = endpoint.first_statuses.get(connection_id)
                status = first.pop(0) if first else endpoint.status_of.get(connection_id, 200)
                if status == 200:
                    endpoint.sizes.append(len(data))
                    endpoint.posts.append((connection_id, message))
            self.answer(status, b"" if status == 200 else b'{"message": "no"}')

        def do_GET(self) -> None:
            connection_id = unquote(self.path.rpartition("/")[2])
            with lock:
                endpoint.asked.append(connection_id)
                status = endpoint.status_of.get(connection_id, 200)
            self.answer(status, b'{"connectedAt": "2026-11-23T08:00:00Z"}' if status == 200 else b'{"message": "no"}')

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            if kind := ERROR_TYPES.get(status):
                self.send_header("x-amzn-errortype", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    endpoint.url = f"http://127.0.0.1:{server.server_port}/live"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
