"""Opening, closing and serving connections; nothing here needs the database."""

import hashlib
import json
import secrets
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from callboard import aws
from callboard.connections import repository
from callboard.connections.errors import TicketRefusedError, TooManyConnectionsError
from callboard.connections.models import MAX_MESSAGE_BYTES, Connection, Ticket
from callboard.crash import crash_point
from callboard.events.messages import message_of
from callboard.events.models import Event
from callboard.identity import Caller
from callboard.observability import logger
from callboard.settings import get_settings

TICKET_SECONDS = 60
MAX_CONNECTIONS_PER_USER = 20
# API Gateway ends a connection after two hours; clients are told well before, each at its next ping.
RECONNECT_AGE = timedelta(minutes=105)
POST_WORKERS = 32

type Delivery = Literal["delivered", "gone", "failed"]


def issue_ticket(caller: Caller) -> Ticket:
    """Issue a ticket for one connection of this caller; only its digest is kept."""
    ticket = secrets.token_urlsafe(32)
    expires_at = int(repository.now().timestamp()) + TICKET_SECONDS
    repository.put_ticket(_digest(ticket), caller.tenant, caller.user_id, caller.user_name, expires_at)
    return Ticket(ticket=ticket, url=get_settings().require("websocket_url"), expires_in=TICKET_SECONDS)


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()


def connect(ticket: str, connection_id: str) -> None:
    """Open a connection for a ticket, which is used up by this.

    Raises:
        TicketRefusedError: It is unknown, used or expired.
        TooManyConnectionsError: The user has too many connections.
    """
    item = repository.take_ticket(_digest(ticket)) if ticket else None
    now = repository.now()
    if item is None or int(item["expires_at"]["N"]) < now.timestamp():
        raise TicketRefusedError
    crash_point("ws_connect.after_ticket")
    tenant, user_id = item["tenant"]["S"], item["user_id"]["S"]
    if repository.count_of_user(tenant, user_id) >= MAX_CONNECTIONS_PER_USER:
        raise TooManyConnectionsError
    repository.put_connection(connection_id, tenant, user_id, now)
    crash_point("ws_connect.after_register")


def disconnect(connection_id: str) -> bool:
    """Forget a connection; return whether it was known."""
    known = repository.delete_connection(connection_id)
    crash_point("ws_disconnect.after_delete")
    return known


def answer_to_ping(connection: Connection) -> dict[str, Any]:
    """Answer a ping: an old connection is asked to be replaced before it is cut."""
    old = repository.now() - connection.connected_at > RECONNECT_AGE
    return {"type": "reconnect"} if old else {"type": "pong"}


def post(connection_id: str, message: dict[str, Any]) -> Delivery:
    """Post one message; a connection that is gone is forgotten at once."""
    return _post(connection_id, encode(message))


def encode(message: dict[str, Any]) -> bytes:
    """Encode a message; an update that is too large becomes a thin one that says where to read it."""
    data = json.dumps(message, separators=(",", ":")).encode()
    if len(data) <= MAX_MESSAGE_BYTES or "offset" not in message:
        return data
    noun, identifier = ("cards", message["card_id"]) if message.get("card_id") else ("projects", message["project_id"])
    thin = {name: message[name] for name in ("type", "context_id", "offset", "event_id", "topic")}
    url = f"/api/{noun}/{identifier}/updates?after={message['offset'] - 1}"
    return json.dumps(thin | {"thin": True, "url": url}, separators=(",", ":")).encode()


def _post(connection_id: str, data: bytes) -> Delivery:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    client = aws.websocket_management(get_settings().require("websocket_endpoint"))
    try:
        client.post_to_connection(ConnectionId=connection_id, Data=data)
    except client.exceptions.GoneException:
        repository.delete_connection(connection_id)
        logger.info("connection gone", action="connection_gone", connection_id=connection_id)
        return "gone"
    except (BotoCoreError, ClientError):
        # Throttling and server errors were tried again by the client already.
        logger.exception("post failed", action="post_failed", connection_id=connection_id)
        return "failed"
    return "delivered"


def deliver(event: Event) -> dict[Delivery, int]:
    """Post an event to everyone who follows its card or its project, once each; return how it went.

    At least once: what failed may be delivered again, and clients go by offset.
    """
    contexts: set[UUID] = {event.context_id, event.project_id}
    connections = {connection for context in contexts for connection in repository.followers(context)}
    counts: dict[Delivery, int] = {"delivered": 0, "gone": 0, "failed": 0}
    if not connections:
        return counts
    data = encode(message_of(event))
    crash_point("notify.before_post", event.correlation_id)
    for outcome in _post_all(sorted(connections), data):
        counts[outcome] += 1
    crash_point("notify.after_post", event.correlation_id)
    return counts


def _post_all(connections: Sequence[str], data: bytes) -> Iterable[Delivery]:
    if len(connections) == 1:
        return [_post(connections[0], data)]
    with ThreadPoolExecutor(max_workers=min(POST_WORKERS, len(connections)), thread_name_prefix="post") as pool:
        return list(pool.map(lambda connection: _post(connection, data), connections))
