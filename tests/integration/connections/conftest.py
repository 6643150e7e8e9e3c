"""People who follow."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from callboard.database import Database
from callboard.settings import get_settings
from issue_ticket.handler import lambda_handler as issue_ticket
from support.aws import FakeCloud
from support.board import Board, make_board
from support.connections_endpoint import ConnectionsEndpoint, connections_endpoint
from support.lambdas import ALICE, Context, call_http, websocket_event
from ws_connect.handler import lambda_handler as ws_connect
from ws_disconnect.handler import lambda_handler as ws_disconnect
from ws_message.handler import lambda_handler as ws_message

from .happenings import open_project_context, record


@dataclass
class Clients:
    """Opens connections and speaks on them."""

    endpoint: ConnectionsEndpoint

    def ticket(self, claims: dict[str, str] = ALICE) -> str:
        """Get a ticket."""
        answer = call_http(issue_ticket, "POST", "/api/connections/ticket", claims=claims)
        assert answer.status == 200, answer.text
        ticket: str = answer.body["ticket"]
        return ticket

    def connect(self, connection_id: str, ticket: str | None) -> int:
        """Open a connection; return the status."""
        query = {"ticket": ticket} if ticket is not None else None
        status: int = ws_connect(websocket_event("$connect", connection_id, query=query), Context())["statusCode"]
        return status

    def open(self, connection_id: str, claims: dict[str, str] = ALICE) -> str:
        """Open a connection with a new ticket."""
        assert self.connect(connection_id, self.ticket(claims)) == 200
        return connection_id

    def close(self, connection_id: str) -> None:
        """Close a connection."""
        assert ws_disconnect(websocket_event("$disconnect", connection_id), Context()) == {"statusCode": 200}

    def say(self, connection_id: str, message: Any) -> list[dict[str, Any]]:
        """Send a message; return what is posted back."""
        before = len(self.endpoint.messages(connection_id))
        assert ws_message(websocket_event("$default", connection_id, body=message), Context()) == {"statusCode": 200}
        return self.endpoint.messages(connection_id)[before:]


@pytest.fixture
def endpoint() -> Iterator[ConnectionsEndpoint]:
    with connections_endpoint(delay=0.02) as running:
        yield running


@pytest.fixture
def clients(cloud: FakeCloud, endpoint: ConnectionsEndpoint, monkeypatch: pytest.MonkeyPatch) -> Clients:
    monkeypatch.setenv("WEBSOCKET_ENDPOINT", endpoint.url)
    # The one address that is not faked.
    monkeypatch.setenv("MOTO_ALLOW_NONEXISTENT_REGION", "1")
    get_settings.cache_clear()
    return Clients(endpoint)


@pytest.fixture
def board(db: Database) -> Board:
    made = make_board(db)
    record(db, made)
    open_project_context(db, made)
    return made
