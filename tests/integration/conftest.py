"""A real PostgreSQL, cloned for each test, and a fake cloud around it."""

import os
from collections.abc import Iterator

import pytest

from callboard.database import Database, connect
from callboard_local.paths import PROJECT, StackPaths
from support.aws import FakeCloud, fake_cloud, faked_services
from support.postgres import cloned_database, running_server


@pytest.fixture(scope="session")
def template_url() -> Iterator[str]:
    # A folder of each worker's own, and the same again next time: what a killed run left behind is then stopped.
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    with running_server(StackPaths(PROJECT / ".local" / f"test-integration-{worker}")) as url:
        yield url


@pytest.fixture
def database_url(template_url: str) -> Iterator[str]:
    with cloned_database(template_url) as url:
        yield url


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    with connect(database_url) as connection:
        yield connection


@pytest.fixture(scope="session")
def services() -> Iterator[None]:
    with faked_services():
        yield


@pytest.fixture
def cloud(services: None, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCloud]:
    with fake_cloud(database_url, monkeypatch) as made:
        yield made
