"""Connections and tickets in DynamoDB: one table, so that following needs neither VPC nor database.

Items, by partition and sort key:

    TICKET#<sha-256>       TICKET        whose ticket it is
    CONN#<connection>      META          whose connection it is
    CONN#<connection>      CTX#<context> what it follows
    CTX#<context>          CONN#<connection>
    USER#<tenant>#<user>   CONN#<connection>

Each expires by itself: API Gateway ends connections after two hours, and may forget to say so. Where the table does not
answer, even after the client's own tries, everything here raises `ConnectionsUnavailableError`.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import batched
from typing import TYPE_CHECKING, Any
from uuid import UUID

from callboard import aws
from callboard.connections.errors import ConnectionsUnavailableError
from callboard.connections.models import Connection, Holder, KeptTicket
from callboard.settings import get_settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import WriteRequestTypeDef

CONNECTION_SECONDS = 2 * 3600 + 15 * 60
BATCH = 25
WRITE_TRIES = 5


def put_ticket(digest: str, ticket: KeptTicket) -> None:
    """Keep a ticket under its digest."""
    with _calling():
        aws.dynamodb().put_item(
            TableName=_table(),
            Item={
                "pk": {"S": f"TICKET#{digest}"},
                "sk": {"S": "TICKET"},
                "expires_at": {"N": str(ticket.expires_at)},
                **_holder_attributes(ticket.holder),
            },
        )


def take_ticket(digest: str) -> KeptTicket | None:
    """Take a ticket away and return it; of two takers at once only one gets it."""
    with _calling():
        answer = aws.dynamodb().delete_item(
            TableName=_table(),
            Key={"pk": {"S": f"TICKET#{digest}"}, "sk": {"S": "TICKET"}},
            ReturnValues="ALL_OLD",
        )
    item = answer.get("Attributes")
    return KeptTicket(_holder_of(item), int(item["expires_at"]["N"])) if item else None


def connections_of_user(holder: Holder) -> dict[str, datetime]:
    """List a user's connections that have not expired, each with the time when it was opened."""
    return {
        item["sk"]["S"].removeprefix("CONN#"): datetime.fromtimestamp(
            int(item["expires_at"]["N"]) - CONNECTION_SECONDS, UTC
        )
        for item in _query(_user_partition(holder))
        if _alive(item)
    }


def put_connection(connection_id: str, holder: Holder, connected_at: datetime) -> None:
    """Keep an open connection."""
    expires_at = {"N": str(int(connected_at.timestamp()) + CONNECTION_SECONDS)}
    _write(
        [
            _put(
                {
                    "pk": {"S": f"CONN#{connection_id}"},
                    "sk": {"S": "META"},
                    "expires_at": expires_at,
                    "connected_at": {"S": connected_at.isoformat()},
                    **_holder_attributes(holder),
                }
            ),
            _put(
                {
                    "pk": {"S": _user_partition(holder)},
                    "sk": {"S": f"CONN#{connection_id}"},
                    "expires_at": expires_at,
                }
            ),
        ]
    )


def get_connection(connection_id: str) -> Connection | None:
    """Read a connection with all it follows, in one query."""
    return _read_connection(connection_id)[0]


def _read_connection(connection_id: str) -> tuple[Connection | None, frozenset[UUID]]:
    """Read a connection, and what it follows even where the connection itself is gone already."""
    meta: dict[str, Any] | None = None
    followed = set()
    for item in _query(f"CONN#{connection_id}"):
        kind, _, rest = item["sk"]["S"].partition("#")
        if kind == "META":
            meta = item
        else:
            followed.add(UUID(rest))
    contexts = frozenset(followed)
    if meta is None:
        return None, contexts
    connection = Connection(
        id=connection_id,
        holder=_holder_of(meta),
        connected_at=datetime.fromisoformat(meta["connected_at"]["S"]),
        expires_at=int(meta["expires_at"]["N"]),
        contexts=contexts,
    )
    return connection, contexts


def delete_connection(connection_id: str, found_in: Iterable[UUID] = ()) -> Connection | None:
    """Forget a connection and all it follows; return it if there was one.

    Its own list goes last, so that what is cut short can be done again; what a subscription that came too late left
    behind goes too.

    Args:
        connection_id: The connection.
        found_in: Contexts that list it among their followers, whatever its own list says.
    """
    connection, contexts = _read_connection(connection_id)
    others = [(f"CTX#{context_id}", f"CONN#{connection_id}") for context_id in contexts.union(found_in)]
    own = [(f"CONN#{connection_id}", f"CTX#{context_id}") for context_id in contexts]
    if connection is not None:
        others.append((_user_partition(connection.holder), f"CONN#{connection_id}"))
        own.append((f"CONN#{connection_id}", "META"))
    _write(_delete(*key) for key in others)
    _write(_delete(*key) for key in own)
    return connection


def put_subscription(connection: Connection, context_id: UUID) -> None:
    """Let a connection follow a context; once more changes nothing."""
    expires_at = {"N": str(connection.expires_at)}
    _write(
        [
            _put({"pk": {"S": f"CONN#{connection.id}"}, "sk": {"S": f"CTX#{context_id}"}, "expires_at": expires_at}),
            _put({"pk": {"S": f"CTX#{context_id}"}, "sk": {"S": f"CONN#{connection.id}"}, "expires_at": expires_at}),
        ]
    )


def delete_subscription(connection_id: str, context_id: UUID) -> None:
    """Let a connection follow a context no more."""
    _write(
        [
            _delete(f"CONN#{connection_id}", f"CTX#{context_id}"),
            _delete(f"CTX#{context_id}", f"CONN#{connection_id}"),
        ]
    )


def followers(context_id: UUID) -> list[str]:
    """List the connections that follow a context."""
    return [item["sk"]["S"].removeprefix("CONN#") for item in _query(f"CTX#{context_id}") if _alive(item)]


def _holder_attributes(holder: Holder) -> dict[str, Any]:
    return {
        "tenant": {"S": holder.tenant},
        "user_id": {"S": holder.user_id},
        "user_name": {"S": holder.user_name},
        "correlation_id": {"S": holder.correlation_id},
    }


def _holder_of(item: dict[str, Any]) -> Holder:
    return Holder(
        tenant=item["tenant"]["S"],
        user_id=item["user_id"]["S"],
        user_name=item["user_name"]["S"],
        correlation_id=item["correlation_id"]["S"],
    )


def _user_partition(holder: Holder) -> str:
    return f"USER#{holder.tenant}#{holder.user_id}"


def _table() -> str:
    return get_settings().connections_table


def _alive(item: dict[str, Any]) -> bool:
    # DynamoDB deletes expired items within days, not at once.
    return int(item["expires_at"]["N"]) > time.time()


@contextmanager
def _calling() -> Iterator[None]:
    try:
        yield
    except aws.failures() as error:
        raise ConnectionsUnavailableError from error


def _query(partition: str) -> list[dict[str, Any]]:
    with _calling():
        pages = (
            aws.dynamodb()
            .get_paginator("query")
            .paginate(
                TableName=_table(),
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": partition}},
                ConsistentRead=True,
            )
        )
        return [item for page in pages for item in page["Items"]]


def _put(item: dict[str, Any]) -> "WriteRequestTypeDef":
    return {"PutRequest": {"Item": item}}


def _delete(partition: str, sort: str) -> "WriteRequestTypeDef":
    return {"DeleteRequest": {"Key": {"pk": {"S": partition}, "sk": {"S": sort}}}}


def _write(requests: Iterable["WriteRequestTypeDef"]) -> None:
    table = _table()
    for batch in batched(requests, BATCH, strict=False):
        waiting: Any = {table: list(batch)}
        for attempt in range(WRITE_TRIES):
            with _calling():
                waiting = aws.dynamodb().batch_write_item(RequestItems=waiting)["UnprocessedItems"]
            if not waiting:
                break
            time.sleep(0.05 * 2**attempt)
        else:
            raise ConnectionsUnavailableError


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)
