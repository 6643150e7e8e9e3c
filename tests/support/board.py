"""A board to test jobs with."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from callboard.database import Database
from support.rows import insert_board


@dataclass(frozen=True)
class Board:
    """One card and what is above it."""

    tenant: str
    project_id: UUID
    activity_id: UUID
    card_id: UUID


def make_board(db: Database, tenant: str = "alice") -> Board:
    """Make a project with one activity with one card."""
    return Board(tenant, *insert_board(db, tenant=tenant))


def one(db: Database, query: str, *parameters: Any) -> dict[str, Any]:
    """Return the one row of a query."""
    (row,) = db.execute(query.encode(), parameters).fetchall()
    return row


def count(db: Database, table: str) -> int:
    """Return how many rows a table has."""
    found: int = one(db, f"SELECT count(*) AS n FROM {table}")["n"]
    return found
