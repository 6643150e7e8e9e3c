"""The environment's one database connection and its transactions."""

import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb

from callboard.errors import ServiceUnavailableError
from callboard.secrets import secret
from callboard.settings import get_settings

type Database = Connection[DictRow]

CONNECT_TIMEOUT_SECONDS = 5
# What a lost connection raises inside of a session, for code that must let it pass.
CONNECTION_ERRORS = (psycopg.OperationalError,)
# What a statement raises that divides by the number of rows it found.
FENCE_ERRORS = (psycopg.errors.DivisionByZero,)
# A frozen execution environment may miss the server's good-bye; past this age the connection is asked, not trusted.
TRUSTED_IDLE_SECONDS = 60.0


class DatabaseUnavailableError(ServiceUnavailableError):
    """The database does not answer."""

    code = "DATABASE_UNAVAILABLE"


class _Environment:
    """What an execution environment keeps between invocations."""

    connection: Database | None = None
    used_at: float = 0.0


def connect(url: str) -> Database:
    """Open a connection of our kind: autocommit, rows as dicts, no prepared statements.

    Prepared statements would pin an RDS Proxy session
    (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html).
    """
    return psycopg.connect(
        url,
        autocommit=True,
        row_factory=dict_row,
        prepare_threshold=None,
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        application_name="callboard",
    )


def _is_usable(connection: Database, idle_seconds: float) -> bool:
    if connection.closed:
        return False
    # A healthy idle connection has nothing to say: readable means that the server ended it.
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN | select.POLLERR | select.POLLHUP)
    if poll.poll(0):
        return False
    if idle_seconds < TRUSTED_IDLE_SECONDS:
        return True
    try:
        connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def session() -> Iterator[Database]:
    """Yield the environment's connection in autocommit mode: each statement is its own transaction.

    A connection that the server dropped since its last use is replaced first.

    Raises:
        DatabaseUnavailableError: The server cannot be reached, or went away in the middle.
    """
    connection = _Environment.connection
    try:
        if connection is None or not _is_usable(connection, time.monotonic() - _Environment.used_at):
            if connection is not None:
                connection.close()
            connection = _Environment.connection = connect(secret(get_settings().database_url_secret))
        yield connection
    except psycopg.OperationalError as error:
        # A statement that ran too long leaves the connection usable; a dead one is replaced at the next use.
        raise DatabaseUnavailableError(details={"sqlstate": error.sqlstate}) from error
    finally:
        _Environment.used_at = time.monotonic()


@contextmanager
def transaction() -> Iterator[Database]:
    """Yield the environment's connection inside one transaction, committed at the end, rolled back by any error."""
    with session() as connection, connection.transaction():
        yield connection


def json_parameter(value: Any) -> Any:
    """Wrap a value so that a statement receives it as jsonb."""
    return Jsonb(value)


def close() -> None:
    """Close the environment's connection, if there is one; the next use opens another."""
    if _Environment.connection is not None:
        _Environment.connection.close()
        _Environment.connection = None
