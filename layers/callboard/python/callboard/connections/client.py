"""The Python client: follows cards and projects and hands out an ordered stream without gaps.

    async with LiveStream("https://api.example.com", get_token) as stream:
        await stream.follow(project_id)
        async for item in stream:
            ...

It needs the extra `client` (httpx, websockets), and nothing of AWS.
"""

import asyncio
import contextlib
import itertools
import json
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from callboard.connections.ordering import StreamOrder

logger = logging.getLogger(__name__)

type TokenSource = Callable[[], str] | Callable[[], Awaitable[str]]

PING_SECONDS = 240.0
GAP_PATIENCE_SECONDS = 1.0
BACKOFF_MAX_SECONDS = 30.0
ANSWER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Update:
    """One update, in its context's order."""

    context_id: str
    offset: int
    type: str
    topic: str
    data: dict[str, Any]
    message: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reset:
    """The log does not reach back to what was seen: start over from this snapshot, or read it where the URL says."""

    context_id: str
    offset: int
    snapshot: dict[str, Any] | None
    snapshot_url: str | None


class FollowError(Exception):
    """A context cannot be followed.

    Attributes:
        code: The service's error code.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class LiveStream:
    """A connection that stays: lost ones are replaced, and what was missed meanwhile is fetched.

    Each context's updates come in the order of their offsets, each once. Between contexts no order is promised.
    """

    def __init__(
        self, http_url: str, token: TokenSource, *, on_message: Callable[[dict[str, Any]], None] | None = None
    ) -> None:
        """Prepare a stream; `async with` opens it.

        Args:
            http_url: The HTTP API's URL.
            token: Returns an access token, at each request anew, or awaits one.
            on_message: Sees each message as it comes, before it is put in order.
        """
        self._http = httpx.AsyncClient(base_url=http_url.rstrip("/"), timeout=ANSWER_SECONDS)
        self._token = token
        self._on_message = on_message
        self._order = StreamOrder()
        # Whether each followed context is a project, whose cards are followed with it.
        self._followed: dict[str, bool] = {}
        self._items: asyncio.Queue[Update | Reset | BaseException] = asyncio.Queue()
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._socket: ClientConnection | None = None
        self._open = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Open the connection.

        Raises:
            httpx.HTTPStatusError: The service gave no ticket.
        """
        self._socket = await self._connect()
        self._start(self._run())
        self._start(self._ping())
        self._start(self._mind_gaps())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection and stop."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._socket is not None:
            await self._socket.close()
        await self._http.aclose()

    async def follow(self, context_id: str, *, since: int | None = None, cards: dict[str, int] | None = None) -> int:
        """Follow a card or a project with its cards; return the offset at which following starts.

        Args:
            context_id: The card's or project's id.
            since: Get what happened after this offset first.
            cards: For a project with `since`: what was seen of its cards.

        Raises:
            FollowError: The service refuses, for example because there is no such card.
        """
        if since is not None:
            for known, seen in {context_id: since, **(cards or {})}.items():
                self._order.start(known, seen)
        request = self._subscription(context_id, None if since is None else {"offset": since, "cards": cards or {}})
        answer = await self._ask(request)
        if answer["type"] == "error":
            raise FollowError(answer["error"]["code"], answer["error"]["message"])
        offset: int = answer["offset"]
        return offset

    async def unfollow(self, context_id: str) -> None:
        """Follow a card or project no more."""
        self._followed.pop(context_id, None)
        await self._ask({"type": "unsubscribe", "context_id": context_id})

    def __aiter__(self) -> AsyncIterator[Update | Reset]:
        """Iterate over updates and resets, for as long as the stream is open."""
        return self

    async def __anext__(self) -> Update | Reset:
        """Wait for the next update or reset.

        Raises:
            httpx.HTTPStatusError: The service lets us in no more.
        """
        item = await self._items.get()
        if isinstance(item, BaseException):
            raise item
        return item

    async def drop_connection(self) -> None:
        """Cut the connection as a failing network would; it is replaced at once."""
        if self._socket is not None:
            self._socket.transport.abort()

    def _start(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)

    async def _authorization(self) -> dict[str, str]:
        token = self._token()
        value = token if isinstance(token, str) else await token
        return {"authorization": f"Bearer {value}"}

    async def _connect(self) -> ClientConnection:
        answer = await self._http.post("/api/connections/ticket", headers=await self._authorization())
        answer.raise_for_status()
        ticket = answer.json()
        socket = await connect(
            f"{ticket['url']}?ticket={quote(ticket['ticket'])}", max_size=2**20, ping_interval=None, close_timeout=2
        )
        self._open.set()
        return socket

    async def _run(self) -> None:
        """Read the connection, and replace it whenever it ends."""
        try:
            while True:
                assert self._socket is not None  # opened before this task starts
                with contextlib.suppress(ConnectionClosed, OSError):
                    async for message in self._socket:
                        await self._take(json.loads(message))
                self._open.clear()
                for future in self._answers.values():
                    future.cancel()
                self._answers.clear()
                self._socket = await self._reconnect()
                for context_id in list(self._followed):
                    await self._resubscribe(context_id)
        except Exception as error:  # noqa: BLE001  # handed to whoever iterates
            self._items.put_nowait(error)

    async def _reconnect(self) -> ClientConnection:
        for attempt in itertools.count():
            try:
                return await self._connect()
            except httpx.HTTPStatusError as error:
                if error.response.status_code in {401, 403}:
                    raise
            except (httpx.TransportError, InvalidStatus, WebSocketException, OSError):
                logger.info("reconnecting, attempt %d", attempt + 1)
            await asyncio.sleep(random.uniform(0, min(BACKOFF_MAX_SECONDS, 0.25 * 2**attempt)))
        raise AssertionError("unreachable")

    def _subscription(self, context_id: str, since: dict[str, Any] | None) -> dict[str, Any]:
        request: dict[str, Any] = {"type": "subscribe", "context_id": context_id}
        if since is not None:
            request["since"] = since
        return request

    async def _resubscribe(self, context_id: str) -> None:
        offsets = self._order.offsets()
        since: dict[str, Any] = {"offset": offsets.pop(context_id)}
        if self._followed[context_id]:
            since["cards"] = {card: offset for card, offset in offsets.items() if card not in self._followed}
        await self._send(self._subscription(context_id, since))

    async def _send(self, request: dict[str, Any]) -> None:
        await self._open.wait()
        assert self._socket is not None  # the event says so
        with contextlib.suppress(ConnectionClosed):
            await self._socket.send(json.dumps(request))

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request until it is answered: a connection that ends in between is replaced first."""
        while True:
            number = str(next(self._numbers))
            future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
            self._answers[number] = future
            await self._send(request | {"id": number})
            try:
                return await asyncio.wait_for(future, ANSWER_SECONDS)
            except asyncio.CancelledError:
                if not future.cancelled():
                    raise
            finally:
                self._answers.pop(number, None)

    async def _take(self, message: dict[str, Any]) -> None:
        if self._on_message is not None:
            self._on_message(message)
        kind = message.get("type")
        if kind == "subscribed":
            await self._subscribed(message)
        elif kind == "reconnect":
            await self.drop_connection()
        elif "offset" in message:
            if message.get("thin"):
                message = await self._fetch_thin(message)
            if not self._order.knows(message["context_id"]) and self._followed.get(message["project_id"]):
                # A card that was not there when following its project began: its stream starts at nothing.
                self._hand_out(self._order.start(message["context_id"], 0))
            self._hand_out(self._order.feed(message))
        future = self._answers.get(str(message.get("id")))
        if future is not None and not future.done():
            future.set_result(message)

    async def _subscribed(self, message: dict[str, Any]) -> None:
        context_id, offset = message["context_id"], message["offset"]
        self._followed[context_id] = "cards" in message or "cards_url" in message
        starts = {context_id: offset}
        if "cards" in message:
            starts |= message["cards"]
        elif "cards_url" in message:
            starts |= (await self._get(message["cards_url"]))["cards"]
        if message["recovered"]:
            for known, start in starts.items():
                self._hand_out(self._order.start(known, start))
        else:
            reset = Reset(context_id, offset, message.get("snapshot"), message.get("snapshot_url"))
            self._items.put_nowait(reset)
            for known, start in starts.items():
                self._hand_out(self._order.reset(known, start))

    def _hand_out(self, ready: list[dict[str, Any]]) -> None:
        for message in ready:
            self._items.put_nowait(
                Update(
                    message["context_id"],
                    message["offset"],
                    message["type"],
                    message.get("topic", ""),
                    message.get("data", {}),
                    message,
                )
            )

    async def _get(self, path: str) -> dict[str, Any]:
        answer = await self._http.get(path, headers=await self._authorization())
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body

    async def _fetch_thin(self, message: dict[str, Any]) -> dict[str, Any]:
        page = await self._get(f"{message['url']}&limit=1")
        whole: dict[str, Any] = page["items"][0]
        return whole

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_SECONDS)
            await self._send({"type": "ping"})

    async def _mind_gaps(self) -> None:
        """Fetch what is missing when it does not come by itself."""
        before: dict[str, int] = {}
        while True:
            await asyncio.sleep(GAP_PATIENCE_SECONDS)
            gaps = self._order.gaps()
            for context_id, offset in gaps.items():
                if before.get(context_id) == offset:
                    with contextlib.suppress(httpx.HTTPError):
                        await self._fill(context_id, offset)
            before = gaps

    async def _fill(self, context_id: str, offset: int) -> None:
        noun = "projects" if self._followed.get(context_id) else "cards"
        page = await self._get(f"/api/{noun}/{context_id}/updates?after={offset}")
        if not page["complete"]:
            self._items.put_nowait(Reset(context_id, page["offset"], None, f"/api/{noun}/{context_id}"))
            self._hand_out(self._order.reset(context_id, page["offset"]))
            return
        for message in page["items"]:
            self._hand_out(self._order.feed(message))
