"""An MCP server with an issuer of tokens, clients of two tenants, and a stand-in of Lambda for registered tools."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from callboard import access_tokens, aws
from callboard.database import Database
from callboard.settings import get_settings
from mcp_server.handler import lambda_handler
from support.aws import FakeCloud
from support.board import Board, make_board
from support.issuer import AUDIENCE, FakeIssuer, running_issuer
from support.mcp import NEWEST, Client
from support.rows import insert_provider
from support.tools import Functions


@pytest.fixture(scope="session")
def published() -> Iterator[FakeIssuer]:
    with running_issuer() as running:
        yield running


@pytest.fixture
def issuer(published: FakeIssuer, cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch) -> FakeIssuer:
    monkeypatch.setenv("OIDC_ISSUER", published.name)
    monkeypatch.setenv("OIDC_AUDIENCE", AUDIENCE)
    monkeypatch.setenv("OIDC_KEYS_URL", f"{published.url}/keys")
    monkeypatch.setenv("MCP_ALLOWED_ORIGINS", "https://app.example.test, https://other.example.test")
    get_settings.cache_clear()
    access_tokens.forget_keys()
    return published


@pytest.fixture
def client(issuer: FakeIssuer) -> Callable[..., Client]:
    """Make a client of a user, of the newest revision unless another is named."""

    def of(user: str, revision: str = NEWEST) -> Client:
        return Client(lambda_handler, issuer.token(user), revision)

    return of


@pytest.fixture
def alice(client: Callable[..., Client]) -> Client:
    return client("alice")


@pytest.fixture
def bob(client: Callable[..., Client]) -> Client:
    return client("bob")


@pytest.fixture
def board(db: Database) -> Board:
    insert_provider(db)
    return make_board(db)


@pytest.fixture
def functions(cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch) -> Functions:
    """Take the place of the client that invokes functions."""
    stand_in, make = Functions(), aws._client

    def client(service: str, **options: Any) -> Any:
        return stand_in if service == "lambda" else make(service, **options)

    monkeypatch.setattr(aws, "_client", client)
    return stand_in
