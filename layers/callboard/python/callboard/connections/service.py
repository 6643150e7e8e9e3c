"""Opening, closing and serving connections; nothing here needs the database."""

import hashlib
import json
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from callboard import aws, metrics
from callboard.connections import repository
from callboard.connections.errors import ConnectionsUnavailableError, TicketRefusedError, TooManyConnectionsError
from callboard.connections.models import MAX_MESSAGE_BYTES, Connection, Holder, KeptTicket, Ticket
from callboard.crash import crash_point
from callboard.events.messages import message_of
from callboard.events.models import Event
from callboard.identity import Caller
from callboard.observability import correlation_id, logger
from callboard.settings import get_settings

TICKET_SECONDS = 60
MAX_CONNECTIONS_PER_USER = 20
# API Gateway ends a connection after two hours; clients are told well before, each at its next ping.
RECONNECT_AGE = timedelta(minutes=105)
# To the gateway, a connection that is just being opened is as gone as one that has ended.
OPENING_TIME = timedelta(minutes=1)
POST_WORKERS = 32

type Delivery = Literal["delivered", "gone", "failed"]


def issue_ticket(caller: Caller) -> Ticket:
    """Issue a ticket for one connection of this caller; only its digest is kept."""
    ticket = secrets.token_urlsafe(32)
    url = get_settings().require("websocket_url")
    holder = Holder(caller.tenant, caller.user_id, caller.user_name, correlation_id())
    expires_at = int(repository.now().timestamp()) + TICKET_SECONDS
    repository.put_ticket(_digest(ticket), KeptTicket(holder, expires_at))
    return Ticket(ticket=ticket, url=url, expires_in=TICKET_SECONDS)


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode(errors="surrogatepass")).hexdigest()


def connect(ticket: str, connection_id: str) -> None:
    """Open a connection for a ticket, which is used up by this.

    Raises:
        TicketRefusedError: It is unknown, used or expired.
        TooManyConnectionsError: The user has too many connections.
    """
    kept = repository.take_ticket(_digest(ticket)) if ticket else None
    now = repository.now()
    if kept is None or kept.expires_at < now.timestamp():
        raise TicketRefusedError
    crash_point("ws_connect.after_ticket", kept.holder.correlation_id)
    others = repository.connections_of_user(kept.holder)
    if len(others) >= MAX_CONNECTIONS_PER_USER and _count_open(others, now) >= MAX_CONNECTIONS_PER_USER:
        raise TooManyConnectionsError
    repository.put_connection(connection_id, kept.holder, now)
    crash_point("ws_connect.after_register", kept.holder.correlation_id)


def _count_open(opened_at: Mapping[str, datetime], now: datetime) -> int:
    """Count connections that are open, and forget those that the gateway has ended without telling us."""
    asked = [connection_id for connection_id, at in opened_at.items() if now - at > OPENING_TIME]
    with ThreadPoolExecutor(max_workers=POST_WORKERS, thread_name_prefix="ask") as pool:
        return len(opened_at) - sum(pool.map(_forget_if_gone, asked))


def _forget_if_gone(connection_id: str) -> bool:
    client = aws.websocket_management(get_settings().require("websocket_endpoint"))
    try:
        client.get_connection(ConnectionId=connection_id)
    except client.exceptions.GoneException:
        _forget(connection_id)
        return True
    except aws.failures() as error:
        logger.warning("not asked after", action="connection_unclear", connection_id=connection_id, reason=str(error))
    return False


def disconnect(connection_id: str) -> bool:
    """Forget a connection; return whether it was known."""
    connection = repository.delete_connection(connection_id)
    if connection is None:
        return False
    crash_point("ws_disconnect.after_delete", connection.holder.correlation_id)
    return True


def answer_to_ping(connection: Connection) -> dict[str, Any]:
    """Answer a ping: an old connection is asked to be replaced before it is cut."""
    old = repository.now() - connection.connected_at > RECONNECT_AGE
    return {"type": "reconnect"} if old else {"type": "pong"}


def encode(message: dict[str, Any]) -> bytes:
    """Encode a message; an update that is too large becomes a thin one that says where to read it."""
    data = _dump(message)
    if len(data) <= MAX_MESSAGE_BYTES or "event_id" not in message:
        return data
    noun, identifier = ("cards", message["card_id"]) if message["card_id"] else ("projects", message["project_id"])
    thin = {name: message[name] for name in ("type", "context_id", "offset", "event_id", "topic")}
    url = f"/api/{noun}/{identifier}/updates?after={message['offset'] - 1}"
    return _dump(thin | {"thin": True, "url": url})


def _dump(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def post(connection_id: str, message: dict[str, Any]) -> Delivery:
    """Post one message; a connection that is gone is forgotten at once."""
    return _post(connection_id, encode(message))


def _post(connection_id: str, data: bytes, found_in: Iterable[UUID] = ()) -> Delivery:
    client = aws.websocket_management(get_settings().require("websocket_endpoint"))
    try:
        client.post_to_connection(ConnectionId=connection_id, Data=data)
    except client.exceptions.GoneException:
        _forget(connection_id, found_in)
        return "gone"
    except aws.failures() as error:
        # Throttling and server errors were tried again by the client already.
        logger.warning("post failed", action="post_failed", connection_id=connection_id, reason=str(error))
        return "failed"
    return "delivered"


def _forget(connection_id: str, found_in: Iterable[UUID] = ()) -> None:
    try:
        repository.delete_connection(connection_id, found_in)
    except ConnectionsUnavailableError:
        # Not worth another delivery: the next post finds it gone again.
        logger.exception("gone connection not forgotten", action="connection_kept", connection_id=connection_id)
    else:
        logger.info("connection gone", action="connection_gone", connection_id=connection_id)


def deliver(events: Sequence[Event]) -> list[Counter[Delivery]]:
    """Post events to everyone who follows their cards or projects, each once; return how each event went.

    Each connection gets its messages one after another, in the order of `events`; connections are served
    concurrently. At least once: what failed may be delivered again, and clients go by offset.
    """
    outcomes: list[Counter[Delivery]] = [Counter() for _ in events]
    with ThreadPoolExecutor(max_workers=POST_WORKERS, thread_name_prefix="post") as pool:
        # Read once a batch. Whoever subscribes later reads the log later still, where all these events are.
        context_ids = sorted({context_id for event in events for context_id in _contexts_of(event)})
        followers = dict(zip(context_ids, pool.map(_followers, context_ids), strict=True))
        lanes: dict[str, list[int]] = {}
        encoded: dict[int, bytes] = {}
        for number, event in enumerate(events):
            found = [followers[context_id] for context_id in _contexts_of(event)]
            connection_ids = {connection_id for some in found if some is not None for connection_id in some}
            if None in found:
                outcomes[number]["failed"] += 1
            if connection_ids:
                encoded[number] = encode(message_of(event))
                crash_point("notify.before_post", event.correlation_id)
            for connection_id in connection_ids:
                lanes.setdefault(connection_id, []).append(number)

        def serve(connection_id: str) -> list[Delivery]:
            numbers = lanes[connection_id]
            return _post_in_turn(connection_id, [(encoded[n], _contexts_of(events[n])) for n in numbers])

        for numbers, deliveries in zip(lanes.values(), pool.map(serve, lanes), strict=True):
            for number, delivery in zip(numbers, deliveries, strict=True):
                outcomes[number][delivery] += 1
    for number in encoded:
        crash_point("notify.after_post", events[number].correlation_id)
    now = repository.now()
    told = [event for event, outcome in zip(events, outcomes, strict=True) if outcome["delivered"]]
    metrics.emit({"NotifySeconds": [(now - event.timestamp).total_seconds() for event in told]})
    return outcomes


def _contexts_of(event: Event) -> set[UUID]:
    return {event.context_id, event.project_id}


def _followers(context_id: UUID) -> list[str] | None:
    """List the followers of a context; None when the table does not answer."""
    try:
        return repository.followers(context_id)
    except ConnectionsUnavailableError:
        logger.exception("followers not read", action="followers_unread", context_id=str(context_id))
        return None


def _post_in_turn(connection_id: str, messages: Sequence[tuple[bytes, set[UUID]]]) -> list[Delivery]:
    """Post messages to one connection; after one that cannot be posted, the rest share its fate."""
    deliveries: list[Delivery] = []
    for data, found_in in messages:
        delivery = _post(connection_id, data, found_in)
        deliveries.append(delivery)
        if delivery != "delivered":
            break
    return deliveries + deliveries[-1:] * (len(messages) - len(deliveries))
