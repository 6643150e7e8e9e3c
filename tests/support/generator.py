"""The stand-in generation service on a free port, and a receiver of its callbacks."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import httpx
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook

from callboard_local.generator.app import make_app
from callboard_local.generator.server import bind, make_server
from callboard_local.generator.settings import GeneratorSettings

TOKEN = "token-of-the-tests"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PATIENCE = 20.0


def until[T](look: Callable[[], T], *, within: float = PATIENCE) -> T:
    """Return the first true answer; fail when there is none in time."""
    give_up_at = time.monotonic() + within
    while time.monotonic() < give_up_at:
        if found := look():
            return found
        time.sleep(0.01)
    raise AssertionError("It did not happen in time.")


@dataclass(frozen=True)
class Callback:
    """A callback as it arrived."""

    path: str
    headers: dict[str, str]
    content: bytes
    at: float

    @property
    def body(self) -> Any:
        return json.loads(self.content)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verify(self, secret: str = SECRET) -> Any:
        """Return the body if the signature is good; raise otherwise."""
        return Webhook(secret).verify(self.content, self.headers)


@dataclass
class Receiver:
    """Takes callbacks; a path can be told to answer other statuses first."""

    url: str
    callbacks: list[Callback] = field(default_factory=list)
    answers: dict[str, list[int]] = field(default_factory=dict)

    def new_url(self, *answers: int) -> str:
        """Return a URL of its own whose first answers are these statuses; 204 follows."""
        path = f"/callbacks/{uuid4().hex}"
        self.answers[path] = list(answers)
        return f"{self.url}{path}"

    def at(self, url: str) -> list[Callback]:
        """Return what has arrived at a URL."""
        return [each for each in self.callbacks if url.endswith(each.path)]

    def wait(self, url: str, count: int) -> list[Callback]:
        """Wait until that many have arrived."""
        return until(lambda: found if len(found := self.at(url)) >= count else None) or []


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    """Run a receiver."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.callbacks.append(Callback(self.path, headers, content, time.monotonic()))
            answers = receiver.answers.get(self.path)
            self.send_response(answers.pop(0) if answers else 204)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

    server = Server(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def running_service(**changes: Any) -> Iterator[httpx.Client]:
    """Run the service; yield a client that is known to it."""
    values: dict[str, Any] = {"speed": 10.0, "callback_retry_seconds": 0.02, "minimum_deadline": 0.0} | changes
    settings = GeneratorSettings(token=SecretStr(TOKEN), webhook_secret=SecretStr(SECRET), **values)
    sockets = bind(["127.0.0.1"], 0)
    server = make_server(make_app(settings))
    thread = threading.Thread(target=server.run, kwargs={"sockets": sockets})
    thread.start()
    try:
        until(lambda: server.started)
        with httpx.Client(
            base_url=f"http://127.0.0.1:{sockets[0].getsockname()[1]}",
            headers={"authorization": f"Bearer {TOKEN}"},
            timeout=10,
            trust_env=False,
        ) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


@dataclass(frozen=True)
class Api:
    """Requests as tests make them."""

    client: httpx.Client

    def create(self, *, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
        """Create a prediction of a small picture."""
        picture = {"prompt": "A lighthouse at night", "width": 96, "height": 64, **body.pop("input", {})}
        if (simulate := body.pop("simulate", None)) is not None:
            picture["simulate"] = simulate
        return self.client.post("/v1/predictions", json={"input": picture, **body}, headers=headers)

    def created(self, **parts: Any) -> dict[str, Any]:
        """Create a prediction and return it."""
        answer = self.create(**parts)
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def get(self, prediction_id: str) -> dict[str, Any]:
        """Read a prediction."""
        body: dict[str, Any] = self.client.get(f"/v1/predictions/{prediction_id}").raise_for_status().json()
        return body

    def ended(self, prediction_id: str) -> dict[str, Any]:
        """Wait for the end of a prediction and return it."""

        def look() -> dict[str, Any] | None:
            found = self.get(prediction_id)
            return found if found["status"] not in {"starting", "processing"} else None

        found = until(look)
        assert found is not None
        return found

    def push(self, status_url: str, **simulate: Any) -> httpx.Response:
        """Hand over a push job."""
        params = {"prompt": "A boat", "width": 96, "height": 64, "simulate": simulate}
        body = {"job_id": str(uuid4()), "attempt": 1, "params": params, "status_url": status_url}
        return self.client.post("/push/jobs", json=body)

    def accepted(self, text: str) -> list[dict[str, Any]]:
        """Ask what was accepted."""
        answer = self.client.get("/control/predictions", params={"webhook_contains": text}).raise_for_status()
        results: list[dict[str, Any]] = answer.json()["results"]
        return results
