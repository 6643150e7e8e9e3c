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
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from callboard.connections.models import MAX_MESSAGE_BYTES
from callboard.connections.ordering import StreamOrder
from callboard.tokens import TokenSource, token_of

logger = logging.getLogger(__name__)

TRIES = 3
# How many contexts are followed anew at once: each costs the service a function and a connection to its database.
RENEWALS = 8


@dataclass(frozen=True, slots=True)
class Timing:
    """How patient a stream is, in seconds.

    Attributes:
        ping: Between pings; API Gateway ends a connection that says nothing for ten minutes.
        answer: For an answer; then a question is asked again, and a connection that leaves a ping alone is replaced.
        gap: Until a missing update is fetched rather than waited for.
        backoff: At most between two attempts to connect.
        stable: After which a connection counts as a good one, so that the next is opened without a pause.
    """

    ping: float = 120.0
    answer: float = 15.0
    gap: float = 1.0
    backoff: float = 30.0
    stable: float = 5.0


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
    """The log does not reach back to what was seen: start over from this snapshot, or read it where the URL says.

    Of a project followed with its cards there is one for them all.
    """

    context_id: str
    offset: int
    snapshot: dict[str, Any] | None
    snapshot_url: str | None


@dataclass(frozen=True, slots=True)
class Ended:
    """A context is followed no more, because the card or project was deleted; `code` is the service's word for it."""

    context_id: str
    code: str


type Item = Update | Reset | Ended

# How the streams of a project's cards go on: from now, from where they are, or anew because the log is too short.
type _Beginning = Literal["new", "renewed", "reset"]


class FollowError(Exception):
    """A context cannot be followed.

    Attributes:
        code: The service's error code.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class _ConnectionLostError(Exception):
    """The connection ended before the answer came."""


class _Closed:
    """What the stream ends with."""


@dataclass
class _Followed:
    """A context that is followed; until the offsets of a project's cards are read, their updates wait."""

    is_project: bool
    ready: asyncio.Event = field(default_factory=asyncio.Event)


class LiveStream:
    """A connection that stays: lost ones are replaced, and what was missed meanwhile is fetched.

    Each context's updates come in the order of their offsets, each once. Between contexts no order is promised.
    """

    def __init__(
        self,
        http_url: str,
        token: str | TokenSource,
        *,
        on_message: Callable[[dict[str, Any]], None] | None = None,
        timing: Timing | None = None,
    ) -> None:
        """Prepare a stream; `async with` opens it.

        Args:
            http_url: The HTTP API's URL.
            token: An access token, or what returns or awaits one at each request anew.
            on_message: Sees each message as it comes, before it is put in order.
            timing: How patient to be.
        """
        self._timing = timing or Timing()
        self._http = httpx.AsyncClient(base_url=http_url.rstrip("/"), timeout=self._timing.answer)
        self._token = token
        self._on_message = on_message
        self._order = StreamOrder()
        self._followed: dict[str, _Followed] = {}
        self._project_of: dict[str, str] = {}
        self._items: asyncio.Queue[Item | _Closed] = asyncio.Queue()
        self._failure: Exception | None = None
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._pong = asyncio.Event()
        self._numbers = itertools.count(1)
        self._socket: ClientConnection | None = None
        self._open = asyncio.Event()
        self._filling: set[str] = set()
        self._renewals = asyncio.Semaphore(RENEWALS)
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Open the connection.

        Raises:
            httpx.HTTPError: The service gave no ticket, or does not answer.
            websockets.exceptions.WebSocketException: The service took the ticket, but opened no connection.
        """
        try:
            await self._connect()
        except BaseException:
            await self._http.aclose()
            raise
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
        self._items.put_nowait(_Closed())

    async def follow(self, context_id: str, *, since: int | None = None, cards: dict[str, int] | None = None) -> int:
        """Follow a card or a project with its cards; return the context's last offset.

        Args:
            context_id: The card's or project's id.
            since: Get what happened after this offset first.
            cards: For a project with `since`: what was seen of its cards.

        Raises:
            FollowError: The service refuses, for example because there is no such card.
            TimeoutError: The service does not answer.
        """
        if since is not None:
            for card_id, seen in (cards or {}).items():
                self._project_of[card_id] = context_id
                self._hand_out(self._order.start(card_id, seen))
            self._hand_out(self._order.start(context_id, since))
        answer = await self._ask({"type": "subscribe", "context_id": context_id, **self._since(context_id)})
        if answer["type"] == "error":
            if context_id not in self._followed:
                self._forget(context_id)
            raise FollowError(answer["error"]["code"], answer["error"]["message"])
        if (followed := self._followed.get(context_id)) is not None:
            # What happens from now on is not to be taken for what was there already.
            await followed.ready.wait()
        offset: int = answer["offset"]
        return offset

    async def unfollow(self, context_id: str) -> None:
        """Follow a card or project no more."""
        self._forget(context_id)
        await self._ask({"type": "unsubscribe", "context_id": context_id})

    def __aiter__(self) -> AsyncIterator[Item]:
        """Iterate over updates, resets and ends, for as long as the stream is open."""
        return self

    async def __anext__(self) -> Item:
        """Wait for the next item.

        Raises:
            httpx.HTTPStatusError: The service lets us in no more.
        """
        item = await self._items.get()
        if isinstance(item, _Closed):
            self._items.put_nowait(item)
            raise self._failure or StopAsyncIteration
        return item

    async def drop_connection(self) -> None:
        """Cut the connection as a failing network would; it is replaced at once."""
        if self._socket is not None:
            self._socket.transport.abort()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001  # handed to whoever iterates
            self._failure = self._failure or error
            self._items.put_nowait(_Closed())
            # Nobody shall wait for what comes no more.
            self._lose_answers()
            self._open.set()
            for followed in self._followed.values():
                followed.ready.set()

    def _lose_answers(self) -> None:
        for future in self._answers.values():
            if not future.done():
                future.set_exception(_ConnectionLostError)
        self._answers.clear()

    async def _authorization(self) -> dict[str, str]:
        return {"authorization": f"Bearer {await token_of(self._token)}"}

    async def _connect(self) -> None:
        answer = await self._http.post("/api/connections/ticket", headers=await self._authorization())
        answer.raise_for_status()
        ticket = answer.json()
        self._socket = await connect(
            f"{ticket['url']}?ticket={quote(ticket['ticket'])}",
            max_size=2**20,
            open_timeout=self._timing.answer,
            ping_interval=None,
            close_timeout=2,
        )
        self._open.set()

    async def _run(self) -> None:
        """Read the connection, and replace it whenever it ends."""
        clock = asyncio.get_running_loop().time
        attempt = 0
        while True:
            opened_at = clock()
            await self._read()
            self._open.clear()
            self._lose_answers()
            attempt = 0 if clock() - opened_at >= self._timing.stable else attempt + 1
            attempt = await self._reconnect(attempt)
            for context_id in self._followed:
                self._start(self._renew(context_id, self._socket))

    async def _read(self) -> None:
        assert self._socket is not None  # opened before this is called
        with contextlib.suppress(ConnectionClosed, OSError):
            async for data in self._socket:
                try:
                    message = json.loads(data)
                except ValueError:
                    logger.warning("a message that is not JSON")
                    continue
                self._take(message)

    async def _reconnect(self, attempt: int) -> int:
        """Open another connection; return how many attempts there were since the last good one."""
        while True:
            if attempt:
                # Full jitter, so that the clients of a failed service do not come back all at once.
                await asyncio.sleep(random.uniform(0, min(self._timing.backoff, 0.25 * 2 ** min(attempt, 16))))
            try:
                await self._connect()
            except httpx.HTTPStatusError as error:
                if error.response.status_code in {401, 403}:
                    raise
            except (httpx.HTTPError, WebSocketException, OSError, ValueError, KeyError):
                logger.info("reconnecting, attempt %d", attempt + 1)
            else:
                return attempt
            attempt += 1

    async def _renew(self, context_id: str, socket: ClientConnection | None) -> None:
        """Follow a context on a new connection, from where its stream is, unless another one has replaced it."""
        try:
            async with self._renewals:
                if self._socket is not socket or context_id not in self._followed:
                    return
                answer = await self._ask(
                    {"type": "subscribe", "context_id": context_id, **self._since(context_id)}, ask_again=False
                )
        except _ConnectionLostError:
            return
        except TimeoutError:
            # The next connection may do better.
            await self.drop_connection()
            return
        if answer["type"] == "error":
            self._end(context_id, answer["error"]["code"])

    def _since(self, context_id: str) -> dict[str, Any]:
        """Return what was seen of a context, as a subscription says it; nothing if that is nothing or too much.

        Without it the acknowledgement tells how far the log goes, and what is missing is fetched like any gap.
        """
        offset = self._order.offset(context_id)
        if offset is None:
            return {}
        since: dict[str, Any] = {"offset": offset}
        cards = {card_id: self._order.offset(card_id) or 0 for card_id in self._cards_of(context_id)}
        if cards:
            since["cards"] = cards
        return {"since": since} if len(json.dumps(since)) < MAX_MESSAGE_BYTES - 1024 else {}

    async def _send(self, request: dict[str, Any]) -> None:
        await self._open.wait()
        assert self._socket is not None  # the event says so
        try:
            await self._socket.send(json.dumps(request))
        except ConnectionClosed as error:
            raise _ConnectionLostError from error

    async def _ask(self, request: dict[str, Any], *, ask_again: bool = True) -> dict[str, Any]:
        """Send a request until it is answered, on another connection if the one it was sent on ends.

        Raises:
            TimeoutError: There was no answer, or only that the service is not available.
            httpx.HTTPStatusError: The service lets us in no more.
            _ConnectionLostError: The connection ended, and `ask_again` is false.
        """
        tries = 0
        while tries < TRIES:
            await self._open.wait()
            if self._failure is not None:
                raise self._failure
            number = str(next(self._numbers))
            future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
            self._answers[number] = future
            try:
                async with asyncio.timeout(self._timing.answer):
                    await self._send(request | {"id": number})
                    answer = await future
            except _ConnectionLostError:
                if not ask_again:
                    raise
                await asyncio.sleep(0)
                continue
            except TimeoutError:
                tries += 1
                continue
            finally:
                self._answers.pop(number, None)
                if future.done() and not future.cancelled():
                    future.exception()
            if answer["type"] == "error" and answer["error"]["code"].endswith("_UNAVAILABLE"):
                tries += 1
                await asyncio.sleep(random.uniform(0, min(self._timing.backoff, 2**tries)))
                continue
            return answer
        raise TimeoutError("The service does not answer.")

    def _take(self, message: Any) -> None:
        if not isinstance(message, dict):
            return
        if self._on_message is not None:
            self._on_message(message)
        kind = message.get("type")
        if kind == "subscribed":
            self._subscribed(message)
        elif kind == "pong":
            self._pong.set()
        elif kind == "reconnect":
            self._pong.set()
            self._start(self.drop_connection())
        elif kind == "error" and message["error"]["code"] == "CONNECTION_UNKNOWN":
            # The service has lost this connection, not what it was asked for: that is asked again on another one.
            self._start(self.drop_connection())
            return
        elif "offset" in message:
            self._update(message)
        future = self._answers.get(str(message.get("id")))
        if future is not None and not future.done():
            future.set_result(message)

    def _update(self, message: dict[str, Any]) -> None:
        context_id = message["context_id"]
        if self._order.offset(context_id) is None and "project_id" in message:
            project = self._followed.get(message["project_id"])
            if project is not None and project.ready.is_set():
                # A card that was not there when following its project began: its stream starts at nothing.
                self._begin(context_id, message["project_id"], 0)
        if not message.get("thin"):
            self._hand_out(self._order.feed(message))
        elif self._order.offset(context_id) is None:
            self._start(self._fetch_thin(message))
        else:
            self._hand_out(self._order.start(context_id, message["offset"]))
            self._start(self._fill(context_id))

    def _subscribed(self, message: dict[str, Any]) -> None:
        """Begin, or go on: a context that was followed before has its beginning already."""
        context_id, offset = message["context_id"], message["offset"]
        previous = self._followed.get(context_id)
        is_known = self._order.offset(context_id) is not None and (previous is None or previous.ready.is_set())
        how: _Beginning = ("renewed" if is_known else "new") if message["recovered"] else "reset"
        is_project = "cards" in message or "cards_url" in message
        followed = self._followed.setdefault(context_id, _Followed(is_project))
        if not is_project or how == "renewed":
            followed.ready.set()
        elif how == "reset":
            followed.ready.clear()
        if how == "reset":
            self._items.put_nowait(Reset(context_id, offset, message.get("snapshot"), message.get("snapshot_url")))
            self._hand_out(self._order.reset(context_id, offset))
        else:
            self._hand_out(self._order.start(context_id, offset))
        if "cards" in message:
            self._begin_cards(context_id, message["cards"], how)
        elif "cards_url" in message:
            self._start(self._read_cards(context_id, message["cards_url"], how))

    def _begin_cards(self, project_id: str, cards: dict[str, int], how: _Beginning) -> None:
        """Begin the streams of a project's cards; those that appeared since it was first followed begin at nothing."""
        if how == "reset":
            for card_id in self._cards_of(project_id) - cards.keys():
                self._drop_card(card_id)
        for card_id, offset in cards.items():
            if how == "renewed" and self._order.offset(card_id) is None:
                self._begin(card_id, project_id, 0)
            self._begin(card_id, project_id, offset)
            # A card that is followed by itself has a subscription of its own to say so.
            if how == "reset" and card_id not in self._followed:
                self._hand_out(self._order.reset(card_id, offset))
        self._followed[project_id].ready.set()

    def _cards_of(self, project_id: str) -> set[str]:
        return {card_id for card_id, of in self._project_of.items() if of == project_id}

    def _begin(self, card_id: str, project_id: str, offset: int) -> None:
        self._project_of[card_id] = project_id
        self._hand_out(self._order.start(card_id, offset))

    async def _read_cards(self, project_id: str, url: str, how: _Beginning) -> None:
        offsets = await self._read_patiently(url)
        if project_id not in self._followed:
            return
        if offsets is None:
            self._end(project_id, "PROJECT_NOT_FOUND")
        else:
            self._begin_cards(project_id, offsets["cards"], how)

    def _drop_card(self, card_id: str) -> None:
        del self._project_of[card_id]
        if card_id not in self._followed:
            self._order.forget(card_id)

    def _forget(self, context_id: str) -> None:
        followed = self._followed.pop(context_id, None)
        if followed is not None:
            followed.ready.set()
        for card_id in self._cards_of(context_id):
            self._drop_card(card_id)
        if context_id not in self._project_of:
            self._order.forget(context_id)

    def _end(self, context_id: str, code: str) -> None:
        self._project_of.pop(context_id, None)
        self._forget(context_id)
        self._items.put_nowait(Ended(context_id, code))

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

    async def _read_patiently(self, path: str) -> dict[str, Any] | None:
        """Read until it works; None if it is not there."""
        for attempt in itertools.count():
            try:
                return await self._get(path)
            except httpx.HTTPStatusError as error:
                if error.response.status_code == httpx.codes.NOT_FOUND:
                    return None
            except (httpx.HTTPError, ValueError):
                logger.info("reading again, attempt %d", attempt + 1)
            await asyncio.sleep(random.uniform(0, min(self._timing.backoff, 2 ** min(attempt, 16))))
        raise AssertionError("unreachable")

    async def _fetch_thin(self, message: dict[str, Any]) -> None:
        """Fetch the whole of a thin update, which alone does not say whose card it is about."""
        page = await self._read_patiently(f"{message['url']}&limit=1")
        if page is not None and page["items"]:
            self._update(page["items"][0])

    async def _ping(self) -> None:
        """Keep the connection alive, and replace one that died without a word."""
        while True:
            await asyncio.sleep(self._timing.ping)
            await self._open.wait()
            socket = self._socket
            self._pong.clear()
            try:
                async with asyncio.timeout(self._timing.answer):
                    await self._send({"type": "ping"})
                    await self._pong.wait()
            except (TimeoutError, _ConnectionLostError):
                if socket is not None:
                    socket.transport.abort()

    async def _mind_gaps(self) -> None:
        """Fetch what is missing when it does not come by itself."""
        before: dict[str, int] = {}
        while True:
            await asyncio.sleep(self._timing.gap)
            gaps = self._order.gaps()
            for context_id, offset in gaps.items():
                if before.get(context_id) == offset:
                    await self._fill(context_id)
            before = gaps

    async def _fill(self, context_id: str) -> None:
        """Fetch what is missing in a context; what does not work is tried again while the gap is there."""
        if context_id in self._filling:
            return
        self._filling.add(context_id)
        try:
            await self._fill_from_log(context_id)
        except httpx.HTTPStatusError as error:
            if error.response.status_code == httpx.codes.NOT_FOUND and self._order.offset(context_id) is not None:
                self._end(context_id, "CONTEXT_NOT_FOUND")
        except (httpx.HTTPError, ValueError):
            logger.info("missing updates could not be read")
        finally:
            self._filling.discard(context_id)

    async def _fill_from_log(self, context_id: str) -> None:
        followed = self._followed.get(context_id)
        noun = "projects" if followed is not None and followed.is_project else "cards"
        more = True
        while more and (offset := self._order.offset(context_id)) is not None:
            page = await self._get(f"/api/{noun}/{context_id}/updates?after={offset}")
            for message in page["items"]:
                self._hand_out(self._order.feed(message))
            more = page["next_cursor"] is not None
            # Where updates came meanwhile, the page is old news.
            is_stuck = self._order.offset(context_id) == offset
            if is_stuck and (more or not page["complete"]):
                self._items.put_nowait(Reset(context_id, page["offset"], None, f"/api/{noun}/{context_id}"))
                self._hand_out(self._order.reset(context_id, page["offset"]))
                return
