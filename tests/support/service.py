"""A cloud generation service on 127.0.0.1 that does exactly what a test tells it."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 64


@dataclass
class FakeService:
    """Speaks Replicate's predictions API; a test reads and changes its state."""

    url: str = ""
    predictions: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    create_status: int = 201
    create_headers: dict[str, str] = field(default_factory=dict)
    create_error: str = "refused"
    drop_answer: bool = False
    get_status: int = 200
    output_type: str = "image/png"
    output_body: bytes = PNG
    lock: threading.Lock = field(default_factory=threading.Lock)

    def only(self) -> dict[str, Any]:
        """Return the one prediction that was made."""
        (prediction,) = self.predictions.values()
        return prediction

    def finish(self, status: str = "succeeded", *, error: str | None = None, output: str | None = None) -> None:
        """End all predictions that have not ended."""
        for prediction in self.predictions.values():
            if prediction["status"] in {"starting", "processing"}:
                prediction |= {
                    "status": status,
                    "error": error,
                    "output": [output or f"{self.url}/files/{prediction['id']}.png"] if status == "succeeded" else None,
                }


def _handler(service: FakeService) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"content-type": "application/json", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"null")
            with service.lock:
                if self.path.endswith("/cancel"):
                    service.calls["cancel"] += 1
                    prediction = service.predictions[self.path.split("/")[3]]
                    if prediction["status"] in {"starting", "processing"}:
                        prediction["status"] = "canceled"
                    self._answer(200, prediction)
                    return
                service.calls["create"] += 1
                if service.create_status >= 300:
                    self._answer(service.create_status, {"detail": service.create_error}, service.create_headers)
                    return
                number = f"p{len(service.predictions) + 1}"
                service.predictions[number] = {
                    "id": number,
                    "status": "processing",
                    "input": (body or {}).get("input"),
                    "webhook": (body or {}).get("webhook"),
                    "authorization": self.headers["authorization"],
                    "output": None,
                    "error": None,
                }
                if service.drop_answer:
                    self.close_connection = True
                    return
                self._answer(201, service.predictions[number])

        def do_GET(self) -> None:
            with service.lock:
                if self.path.startswith("/files/"):
                    service.calls["file"] += 1
                    self.send_response(200)
                    self.send_header("content-type", service.output_type)
                    self.send_header("content-length", str(len(service.output_body)))
                    self.end_headers()
                    self.wfile.write(service.output_body)
                elif self.path == "/v1/predictions":
                    service.calls["list"] += 1
                    self._answer(200, {"next": None, "previous": None, "results": list(service.predictions.values())})
                else:
                    service.calls["get"] += 1
                    prediction = service.predictions.get(self.path.rpartition("/")[2])
                    if service.get_status != 200 or prediction is None:
                        self._answer(service.get_status if prediction else 404, {"detail": "not now"})
                    else:
                        self._answer(200, prediction)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def fake_service() -> Iterator[FakeService]:
    """Run a service for one test."""
    service = FakeService()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(service))
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
