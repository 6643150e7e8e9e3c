"""What happens to a board that is followed, and what is kept of those who follow."""

from dataclasses import replace
from typing import Any

import boto3
from botocore.exceptions import ClientError

from callboard.database import Database
from callboard.events.repository import APPEND_EVENTS, event_ids
from notify.handler import lambda_handler as notify
from support.board import Board
from support.lambdas import Context, sqs_event
from support.rows import insert_card

RECORD = (
    """
WITH change AS (
    SELECT n, (%(event_ids)s::uuid[])[n] AS event_id, 'card.updated' AS topic, %(tenant)s AS tenant,
           %(project_id)s::uuid AS project_id, %(card_id)s::uuid AS card_id, 'correlation' AS correlation_id,
           jsonb_build_object('card_id', %(card_id)s::uuid, 'activity_id', %(activity_id)s::uuid, 'project_id',
                              %(project_id)s::uuid, 'title', %(title)s::text, 'position', 0) AS data
    FROM generate_series(1, %(count)s) AS n
)"""
    + APPEND_EVENTS
    + "SELECT * FROM event ORDER BY context_offset"
)


def record(db: Database, board: Board, count: int = 1, title: str = "Lamp") -> list[dict[str, Any]]:
    """Let a card change so many times; return the events as the bus carries them."""
    parameters = {
        "event_ids": event_ids(count),
        "tenant": board.tenant,
        "project_id": board.project_id,
        "activity_id": board.activity_id,
        "card_id": board.card_id,
        "count": count,
        "title": title,
    }
    return [
        {
            "event_id": str(row["id"]),
            "topic": row["topic"],
            "timestamp": row["created_at"].isoformat(),
            "project_id": str(row["project_id"]),
            "card_id": str(row["card_id"]),
            "context_id": str(row["context_id"]),
            "offset": row["context_offset"],
            "correlation_id": row["correlation_id"],
            "data": row["payload"],
        }
        for row in db.execute(RECORD.encode(), parameters)
    ]


def open_project_context(db: Database, board: Board) -> None:
    """Give a project its context, as its creation does."""
    db.execute(
        "INSERT INTO event_contexts (id, tenant, project_id, last_offset) VALUES (%s, %s, %s, 0)",
        (board.project_id, board.tenant, board.project_id),
    )


def deliver(*events: dict[str, Any]) -> dict[str, Any]:
    return notify(sqs_event(*({"detail-type": event["topic"], "detail": event} for event in events)), Context())


def items(table: str) -> list[dict[str, Any]]:
    return boto3.client("dynamodb").scan(TableName=table)["Items"]


def delete_item(partition: str, sort: str) -> None:
    key = {"pk": {"S": partition}, "sk": {"S": sort}}
    answer = boto3.client("dynamodb").delete_item(TableName="connections", Key=key, ReturnValues="ALL_OLD")
    assert answer.get("Attributes"), "there is nothing to delete"


class SilentTable:
    """Stands for DynamoDB when it is out of order."""

    def __getattr__(self, operation: str) -> Any:
        def refuse(*_: Any, **__: Any) -> None:
            raise ClientError({"Error": {"Code": "InternalServerError"}}, operation)

        return refuse


def make_card(db: Database, board: Board) -> Board:
    """Give a project another card; return the board around it."""
    return replace(board, card_id=insert_card(db, board.activity_id))


def add_cards(db: Database, board: Board, count: int) -> None:
    """Give a project more cards that nothing has happened to."""
    db.execute(
        """WITH made AS (
               INSERT INTO task_cards (id, tenant, project_id, activity_id, title, position)
               SELECT gen_random_uuid(), tenant, project_id, activity_id, 'More', n
               FROM task_cards, generate_series(1, %s) n WHERE id = %s RETURNING *)
           INSERT INTO event_contexts (id, tenant, project_id, card_id, last_offset)
           SELECT id, tenant, project_id, id, 0 FROM made""",
        (count, board.card_id),
    )
