"""Connections and tickets in DynamoDB: one table, so that following needs neither VPC nor database.

Items, by partition and sort key:

    TICKET#<sha-256>       TICKET        whose ticket it is
    CONN#<connection>      META          whose connection it is
    CONN#<connection>      CTX#<context> what it follows
    CTX#<context>          CONN#<connection>
    USER#<tenant>#<user>   CONN#<connection>

Each expires by itself: API Gateway ends connections after two hours, and may forget to say so.
"""

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import batched
from typing import TYPE_CHECKING, Any
from uuid import UUID

from callboard import aws
from callboard.connections.models import Connection
from callboard.settings import get_settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import WriteRequestTypeDef

CONNECTION_SECONDS = 2 * 3600 + 15 * 60
BATCH = 25
WRITE_TRIES = 5


def put_ticket(digest: str, tenant: str, user_id: str, user_name: str, expires_at: int) -> None:
    """Keep a ticket's digest."""
    aws.dynamodb().put_item(
        TableName=_table(),
        Item={
            "pk": {"S": f"TICKET#{digest}"},
            "sk": {"S": "TICKET"},
            "tenant": {"S": tenant},
            "user_id": {"S": user_id},
            "user_name": {"S": user_name},
            "expires_at": {"N": str(expires_at)},
        },
    )


def take_ticket(digest: str) -> dict[str, Any] | None:
    """Take a ticket away and return it; of two takers at once only one gets it."""
    answer = aws.dynamodb().delete_item(
        TableName=_table(),
        Key={"pk": {"S": f"TICKET#{digest}"}, "sk": {"S": "TICKET"}},
        ReturnValues="ALL_OLD",
    )
    return answer.get("Attributes")


def count_of_user(tenant: str, user_id: str) -> int:
    """Count a user's connections that have not expired."""
    items = _query(f"USER#{tenant}#{user_id}")
    return sum(_alive(item) for item in items)


def put_connection(connection_id: str, tenant: str, user_id: str, now: datetime) -> None:
    """Keep an open connection."""
    expires_at = {"N": str(int(now.timestamp()) + CONNECTION_SECONDS)}
    owner = {"tenant": {"S": tenant}, "user_id": {"S": user_id}, "connected_at": {"S": now.isoformat()}}
    _write(
        [
            _put({"pk": {"S": f"CONN#{connection_id}"}, "sk": {"S": "META"}, "expires_at": expires_at, **owner}),
            _put(
                {
                    "pk": {"S": f"USER#{tenant}#{user_id}"},
                    "sk": {"S": f"CONN#{connection_id}"},
                    "expires_at": expires_at,
                }
            ),
        ]
    )


def get_connection(connection_id: str) -> Connection | None:
    """Read a connection with all it follows, in one query."""
    meta: dict[str, Any] | None = None
    contexts = set()
    for item in _query(f"CONN#{connection_id}"):
        kind, _, rest = item["sk"]["S"].partition("#")
        if kind == "META":
            meta = item
        else:
            contexts.add(UUID(rest))
    if meta is None:
        return None
    return Connection(
        id=connection_id,
        tenant=meta["tenant"]["S"],
        user_id=meta["user_id"]["S"],
        connected_at=datetime.fromisoformat(meta["connected_at"]["S"]),
        expires_at=int(meta["expires_at"]["N"]),
        contexts=frozenset(contexts),
    )


def delete_connection(connection_id: str) -> bool:
    """Forget a connection and all it follows; return whether there was one."""
    connection = get_connection(connection_id)
    if connection is None:
        return False
    keys = [
        (f"CONN#{connection_id}", "META"),
        (f"USER#{connection.tenant}#{connection.user_id}", f"CONN#{connection_id}"),
    ]
    for context_id in connection.contexts:
        keys += [(f"CONN#{connection_id}", f"CTX#{context_id}"), (f"CTX#{context_id}", f"CONN#{connection_id}")]
    _write([_delete(*key) for key in keys])
    return True


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


def _table() -> str:
    return get_settings().connections_table


def _alive(item: dict[str, Any]) -> bool:
    # DynamoDB deletes expired items within days, not at once.
    return int(item["expires_at"]["N"]) > time.time()


def _query(partition: str) -> Iterator[dict[str, Any]]:
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
    for page in pages:
        yield from page["Items"]


def _put(item: dict[str, Any]) -> "WriteRequestTypeDef":
    return {"PutRequest": {"Item": item}}


def _delete(partition: str, sort: str) -> "WriteRequestTypeDef":
    return {"DeleteRequest": {"Key": {"pk": {"S": partition}, "sk": {"S": sort}}}}


def _write(requests: Iterable["WriteRequestTypeDef"]) -> None:
    table = _table()
    for batch in batched(requests, BATCH, strict=False):
        waiting: Any = {table: list(batch)}
        for attempt in range(WRITE_TRIES):
            waiting = aws.dynamodb().batch_write_item(RequestItems=waiting)["UnprocessedItems"]
            if not waiting:
                break
            time.sleep(0.05 * 2**attempt)
        else:
            raise RuntimeError("DynamoDB left connection items unwritten")


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)
