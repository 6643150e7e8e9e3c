"""A throwaway PostgreSQL for a test run and a database of its own for each test."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg

from callboard import migrations
from callboard.agents import checkpoints
from callboard.database import connect
from callboard_local import postgres, processes
from callboard_local import stack as local_stack
from callboard_local.paths import PROJECT, StackPaths

MIGRATIONS = PROJECT / "infra" / "migrations"


@contextmanager
def running_server(paths: StackPaths) -> Iterator[str]:
    """Run the local stack's server until the end, in this folder; yield the URL of its migrated database."""
    local_stack.down(paths)
    try:
        url = postgres.start(paths, processes.free_port())
        with connect(url) as db:
            migrations.apply(db, MIGRATIONS)
            checkpoints.set_up(db)
        yield url
    finally:
        local_stack.down(paths)


@contextmanager
def cloned_database(template_url: str) -> Iterator[str]:
    """Clone the server's database for one test; yield the clone's URL and drop it afterwards."""
    name = f"test_{uuid4().hex}"
    port = urlsplit(template_url).port
    with psycopg.connect(f"postgresql://{postgres.OWNER}@127.0.0.1:{port}/postgres", autocommit=True) as admin:
        admin.execute(
            f"CREATE DATABASE {name} TEMPLATE {postgres.DATABASE} OWNER {postgres.APPLICATION} STRATEGY file_copy"
        )
        try:
            yield template_url.removesuffix(postgres.DATABASE) + name
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
