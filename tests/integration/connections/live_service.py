"""A service to follow, with a socket that loses, repeats and shuffles: what a client must get along with."""

import asyncio
import json
import random
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

type Json = dict[str, Any]

PROJECT, CARD, OTHER = "project", "card", "other"


@dataclass
class LiveService:
    """The log of a project with its cards, who follows what, and what goes wrong."""

    cards: list[str] = field(default_factory=lambda: [CARD, OTHER])
    log: dict[str, list[Json]] = field(default_factory=lambda: defaultdict(list))
    oldest: dict[str, int] = field(default_factory=lambda: defaultdict(lambda: 1))
    chance: random.Random = field(default_factory=lambda: random.Random(0))
    loss: float = 0.0
    is_shuffled: bool = False
    loses_replays: bool = False
    gives_card_url: bool = False
    ping_answer: Json | None = field(default_factory=lambda: {"type": "pong"})
    errors: dict[str, list[str]] = field(default_factory=dict)
    thin: set[tuple[str, int]] = field(default_factory=set)
    failing_reads: int = 0
    before_read: Callable[[], None] = lambda: None
    deleted: set[str] = field(default_factory=set)
    is_locked: bool = False
    said: list[Json] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    tickets: list[str] = field(default_factory=list)
    sockets: dict[ServerConnection, set[str]] = field(default_factory=dict)
    http_url: str = ""
    socket_url: str = ""

    def append(self, context_id: str, count: int = 1) -> list[Json]:
        """Let things happen that nobody is told of."""
        events = self.log[context_id]
        made = [
            {
                "type": "project_update" if context_id == PROJECT else "card_update",
                "context_id": context_id,
                "offset": len(events) + number,
                "event_id": f"{context_id}-{len(events) + number}",
                "topic": "card.updated",
                "project_id": PROJECT,
                "card_id": None if context_id == PROJECT else context_id,
                "data": {"number": len(events) + number},
            }
            for number in range(1, count + 1)
        ]
        events += made
        return made

    async def happen(self, context_id: str, count: int = 1) -> None:
        """Let things happen, and tell those who follow as badly as was asked for."""
        messages = self.append(context_id, count)
        for socket, contexts in list(self.sockets.items()):
            if contexts & {context_id, PROJECT}:
                await self._post(socket, self._as_badly(messages))

    async def tell_late(self, *messages: Json) -> None:
        """Tell everyone of things that happened before."""
        for socket in list(self.sockets):
            await self._post(socket, list(messages))

    def _as_badly(self, messages: list[Json]) -> list[Json]:
        sent = [message for message in messages if self.chance.random() >= self.loss]
        if self.is_shuffled:
            sent += self.chance.sample(sent, len(sent) // 3)
            self.chance.shuffle(sent)
        return [self._as_sent(message) for message in sent]

    def _as_sent(self, message: Json) -> Json:
        if (message["context_id"], message["offset"]) not in self.thin:
            return message
        noun = "projects" if message["context_id"] == PROJECT else "cards"
        url = f"/api/{noun}/{message['context_id']}/updates?after={message['offset'] - 1}"
        kept = ("type", "context_id", "offset", "event_id", "topic")
        return {name: message[name] for name in kept} | {"thin": True, "url": url}

    async def cut(self) -> None:
        """Cut all connections."""
        for socket in list(self.sockets):
            socket.transport.abort()
        while self.sockets:
            await asyncio.sleep(0.001)

    async def followed(self, *context_ids: str) -> None:
        """Wait until someone follows all of these on one connection."""
        async with asyncio.timeout(10):
            while not any(contexts >= set(context_ids) for contexts in self.sockets.values()):
                await asyncio.sleep(0.001)

    def said_of(self, context_id: str) -> list[Json]:
        """Return the subscriptions of a context, in order."""
        return [m for m in self.said if m["type"] == "subscribe" and m["context_id"] == context_id]

    async def _post(self, socket: ServerConnection, messages: list[Json]) -> None:
        with suppress(ConnectionClosed):
            for message in messages:
                await socket.send(json.dumps(message))

    async def speak(self, socket: ServerConnection) -> None:
        """Serve one connection."""
        assert socket.request is not None
        ticket = parse_qs(urlsplit(socket.request.path).query)["ticket"][0]
        assert ticket in self.tickets, "a ticket is good once"
        self.tickets.remove(ticket)
        self.sockets[socket] = set()
        try:
            async for data in socket:
                message = json.loads(data)
                self.said.append(message)
                await self._post(socket, self._answers(socket, message))
        except ConnectionClosed:
            return
        finally:
            del self.sockets[socket]

    def _answers(self, socket: ServerConnection, message: Json) -> list[Json]:
        if message["type"] == "ping":
            return [self.ping_answer] if self.ping_answer else []
        about = {"id": message["id"], "context_id": message["context_id"]}
        if message["type"] == "unsubscribe":
            self.sockets[socket].discard(message["context_id"])
            return [{"type": "unsubscribed", **about}]
        if codes := self.errors.get(message["context_id"]):
            code = codes.pop(0)
            # As the gateway answers for a function that failed.
            if code == "silence":
                return [{"message": "Internal server error", "connectionId": "c", "requestId": "r"}]
            return [{"type": "error", "id": message["id"], "error": {"code": code, "message": "No.", "details": {}}}]
        self.sockets[socket].add(message["context_id"])
        return self._recovery(message, about)

    def _recovery(self, message: Json, about: Json) -> list[Json]:
        context_id, since = message["context_id"], message.get("since")
        contexts = [PROJECT, *self.cards] if context_id == PROJECT else [context_id]
        answer = {"type": "subscribed", **about, "offset": len(self.log[context_id]), "recovered": True}
        if context_id == PROJECT:
            cards = {card_id: len(self.log[card_id]) for card_id in self.cards}
            answer |= {"cards_url": f"/api/projects/{PROJECT}/offsets"} if self.gives_card_url else {"cards": cards}
        if since is None:
            return [answer]
        seen = {context_id: since["offset"]} if context_id != PROJECT else {PROJECT: since["offset"], **since["cards"]}
        if any(seen.get(each, 0) < self.oldest[each] - 1 for each in contexts):
            return [answer | {"recovered": False, "snapshot": {"now": len(self.log[context_id])}}]
        missed = [event for each in contexts for event in self.log[each][seen.get(each, 0) :]]
        return [answer, *([] if self.loses_replays else self._as_badly(missed))]

    def read(self, method: str, target: str, token: str) -> tuple[int, Json]:
        """Answer an HTTP request."""
        self.tokens.append(token)
        if self.is_locked:
            return 401, {}
        url = urlsplit(target)
        if (method, url.path) == ("POST", "/api/connections/ticket"):
            ticket = f"ticket-{self.chance.random()}"
            self.tickets.append(ticket)
            return 200, {"ticket": ticket, "url": self.socket_url, "expires_in": 60}
        self.reads.append(target)
        self.before_read()
        if self.failing_reads:
            self.failing_reads -= 1
            return 500, {}
        _, _, _, context_id, what = url.path.split("/")
        if context_id in self.deleted:
            return 404, {}
        if what == "offsets":
            return 200, {"offset": len(self.log[PROJECT]), "cards": {card: len(self.log[card]) for card in self.cards}}
        query = {name: int(values[0]) for name, values in parse_qs(url.query).items()}
        after, limit = query["after"], query.get("limit", 5)
        events = [event for event in self.log[context_id][after:] if event["offset"] >= self.oldest[context_id]]
        more = len(events) > limit
        return 200, {
            "items": events[:limit],
            "offset": len(self.log[context_id]),
            "complete": events[0]["offset"] == after + 1 if events else after >= len(self.log[context_id]),
            "next_cursor": str(events[limit - 1]["offset"]) if more else None,
        }


@asynccontextmanager
async def live_service() -> AsyncIterator[LiveService]:
    """Run a service for one test."""
    service = LiveService()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            token = self.headers["authorization"].removeprefix("Bearer ")
            status, body = service.read(self.command, self.path, token)
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = answer

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        async with serve(service.speak, "127.0.0.1", 0, ping_interval=None, max_size=2**20) as sockets:
            service.http_url = f"http://127.0.0.1:{http.server_port}"
            service.socket_url = f"ws://127.0.0.1:{next(iter(sockets.sockets)).getsockname()[1]}/live"
            yield service
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
