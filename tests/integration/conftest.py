"""A real PostgreSQL, cloned for each test, and a fake cloud around it."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from callboard.database import Database, connect
from support.aws import FakeCloud, fake_cloud, faked_services
from support.postgres import cloned_database, running_server


@pytest.fixture(scope="session")
def template_url() -> Iterator[str]:
    # Not below pytest's folder, which only its owner may enter: as root, PostgreSQL runs as another user.
    with (
        TemporaryDirectory(prefix="callboard-test-", ignore_cleanup_errors=True) as folder,
        running_server(Path(folder) / "postgres") as url,
    ):
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
