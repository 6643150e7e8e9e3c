"""Using a running stack: people over HTTP and WebSocket."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
from websockets.asyncio.client import ClientConnection, connect

from callboard_local import stack as local_stack
from callboard_local.paths import StackPaths
from callboard_local.stack import Stack


@contextmanager
def running_stack(paths: StackPaths) -> Iterator[Stack]:
    """Start a stack of a test run's own, and stop it afterwards."""
    local_stack.down(paths)
    try:
        yield local_stack.up(paths, lambda step: None)
    finally:
        local_stack.down(paths)


@asynccontextmanager
async def signed_in(stack: Stack, token: str) -> AsyncIterator["User"]:
    """Make a user of an access token."""
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=stack.http, headers=headers, timeout=40) as http:
        yield User(http, stack, token)


@dataclass
class User:
    """A signed-in user."""

    http: httpx.AsyncClient
    stack: Stack
    token: str

    async def make_card(self, title: str = "A lamp") -> dict[str, Any]:
        """Make a project with one activity with one card; return the card."""
        project = await self.call("POST", "/api/projects", {"name": "Teaser"}, expect=201)
        activity = await self.call(
            "POST",
            f"/api/projects/{project['id']}/activities",
            {"title": "Shots", "cards": [{"title": title, "params": {"prompt": title}}]},
            expect=201,
        )
        card: dict[str, Any] = activity["cards"][0]
        return card

    async def call(self, method: str, path: str, body: Any = None, *, expect: int = 200, **parts: Any) -> Any:
        """Send a request and return the answer's body; the status must be the expected one."""
        answer = await self.http.request(method, path, json=body, **parts)
        assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def create_job(self, card: dict[str, Any], **body: Any) -> str:
        """Create a job on a card; `simulate` tells the service how to behave."""
        params = {"prompt": "A lighthouse at night", "simulate": {"duration": 0.1} | body.pop("simulate", {})}
        accepted = await self.call("POST", "/api/jobs", {"card_id": card["id"], "params": params} | body, expect=202)
        job_id: str = accepted["job_id"]
        return job_id

    async def ended(self, job_id: str, seconds: float = 40) -> dict[str, Any]:
        """Wait for a job's end by asking."""
        async with asyncio.timeout(seconds):
            while True:
                job: dict[str, Any] = await self.call("GET", f"/api/jobs/{job_id}")
                if job["status"] in {"completed", "failed", "cancelled"}:
                    return job
                await asyncio.sleep(0.2)

    async def until(self, job_id: str, status: str, seconds: float = 20) -> dict[str, Any]:
        """Wait until a job has a status."""
        async with asyncio.timeout(seconds):
            while (job := await self.call("GET", f"/api/jobs/{job_id}"))["status"] != status:
                await asyncio.sleep(0.1)
            found: dict[str, Any] = job
            return found

    async def socket(self) -> "Socket":
        """Open a WebSocket connection."""
        ticket = await self.call("POST", "/api/connections/ticket")
        return Socket(await connect(f"{ticket['url']}?ticket={quote(ticket['ticket'])}"))


@dataclass
class Socket:
    """A raw WebSocket connection."""

    connection: ClientConnection

    async def send(self, message: Any) -> None:
        """Send a message; text goes as it is."""
        await self.connection.send(message if isinstance(message, str) else json.dumps(message))

    async def receive(self, seconds: float = 15) -> dict[str, Any]:
        """Wait for the next message."""
        async with asyncio.timeout(seconds):
            message: dict[str, Any] = json.loads(await self.connection.recv())
            return message

    async def ask(self, message: Any) -> dict[str, Any]:
        """Send a message and wait for its answer; updates that come before it are passed over."""
        await self.send(message)
        while is_update(answer := await self.receive()):
            pass
        return answer

    async def updates(self, context_id: str, offsets: Iterable[int]) -> list[dict[str, Any]]:
        """Wait until all these offsets of a context have come, in whatever order; return them sorted."""
        missing, found = set(offsets), {}
        while missing:
            message = await self.receive()
            if is_update(message) and message["context_id"] == context_id and message["offset"] in missing:
                missing.remove(message["offset"])
                found[message["offset"]] = message
        return [found[offset] for offset in sorted(found)]

    async def close(self) -> None:
        """Close the connection."""
        await self.connection.close()


def is_update(message: dict[str, Any]) -> bool:
    """Tell updates from answers."""
    return str(message["type"]).endswith("_update")
