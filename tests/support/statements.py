"""Counting what goes to the database, so that a test can hold a path to its number of round trips."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest


@contextmanager
def counted() -> Iterator[list[str]]:
    """Collect every statement that any connection of this process executes inside the block, as text, in order.

    The BEGIN and COMMIT of explicit transactions are not among them.
    """
    statements: list[str] = []
    execute = psycopg.Cursor.execute
    executemany = psycopg.Cursor.executemany

    def counting_execute(self: psycopg.Cursor[Any], query: Any, *args: Any, **options: Any) -> psycopg.Cursor[Any]:
        statements.append(str(query))
        return execute(self, query, *args, **options)

    def counting_executemany(self: psycopg.Cursor[Any], query: Any, *args: Any, **options: Any) -> None:
        statements.append(str(query))
        executemany(self, query, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", counting_execute)
        patch.setattr(psycopg.Cursor, "executemany", counting_executemany)
        yield statements
