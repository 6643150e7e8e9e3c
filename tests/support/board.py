"""A board and a provider to test jobs with, made by SQL."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from callboard.database import Database
from callboard.ids import new_id

PROJECT = "INSERT INTO projects (id, tenant, name, created_by) VALUES (%s, %s, 'Teaser', 'user')"
ACTIVITY = "INSERT INTO activities (id, tenant, project_id, title, position) VALUES (%s, %s, %s, 'Shots', 0)"
CARD = """INSERT INTO task_cards (id, tenant, project_id, activity_id, title, position)
          VALUES (%s, %s, %s, %s, 'Lighthouse', 0)"""
PROVIDER = """INSERT INTO providers (name, kind, base_url, token_secret, webhook_secret, output_hosts, max_in_flight,
                                     max_in_flight_per_tenant, max_attempts)
              VALUES (%s, %s, %s, 'callboard/provider-token', 'callboard/provider-webhook', '{127.0.0.1}',
                      %s, %s, %s)"""


@dataclass(frozen=True)
class Board:
    """One card and what is above it."""

    tenant: str
    project_id: UUID
    activity_id: UUID
    card_id: UUID


def make_board(db: Database, tenant: str = "alice") -> Board:
    """Make a project with one activity with one card."""
    board = Board(tenant, new_id(), new_id(), new_id())
    db.execute(PROJECT, (board.project_id, tenant))
    db.execute(ACTIVITY, (board.activity_id, tenant, board.project_id))
    db.execute(CARD, (board.card_id, tenant, board.project_id, board.activity_id))
    return board


def make_provider(
    db: Database,
    url: str,
    *,
    name: str = "replicate",
    kind: str = "replicate",
    max_in_flight: int = 20,
    per_tenant: int = 10,
    max_attempts: int = 3,
) -> None:
    """Configure a provider at this URL."""
    db.execute(PROVIDER, (name, kind, url, max_in_flight, per_tenant, max_attempts))


def one(db: Database, query: str, *parameters: Any) -> dict[str, Any]:
    """Return the one row of a query."""
    (row,) = db.execute(query.encode(), parameters).fetchall()
    return row
