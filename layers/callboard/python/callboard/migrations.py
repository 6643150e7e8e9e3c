"""Applying numbered SQL files to the database, once each, one deployment at a time."""

import re
from pathlib import Path
from typing import Literal

from callboard.database import Database
from callboard.observability import logger

FILE_NAME = re.compile(r"(?P<number>\d{4})_(?P<phase>pre|post)_(?P<title>[a-z0-9_]+)\.sql")
LOCK_KEY = 4_820_031

type Phase = Literal["pre", "post"]

CREATE_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    name       text PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
)"""
APPLIED = "SELECT name FROM schema_migrations"
RECORD = "INSERT INTO schema_migrations (name) VALUES (%(name)s)"
LOCK = "SELECT pg_advisory_lock(%(key)s)"
UNLOCK = "SELECT pg_advisory_unlock(%(key)s)"


def files(folder: Path, phase: Phase | None = None) -> list[Path]:
    """List migrations in order: `NNNN_pre_title.sql` runs before new code, `NNNN_post_title.sql` after it.

    Raises:
        ValueError: A file is not named so, or two share a number.
    """
    found = sorted(folder.glob("*.sql"))
    numbers = set()
    for path in found:
        match = FILE_NAME.fullmatch(path.name)
        if match is None or match["number"] in numbers:
            raise ValueError(f"{path.name} is not a migration's name of its own")
        numbers.add(match["number"])
    return [path for path in found if phase is None or f"_{phase}_" in path.name]


def apply(db: Database, folder: Path, phase: Phase | None = None) -> list[str]:
    """Apply what is not applied yet, each file in its own transaction; return the names.

    A lock makes two deployments at once take turns. A failing file leaves the ones before it applied.
    """
    db.execute(LOCK, {"key": LOCK_KEY})
    try:
        db.execute(CREATE_LEDGER)
        done = {row["name"] for row in db.execute(APPLIED)}
        applied = []
        for path in files(folder, phase):
            if path.name in done:
                continue
            with db.transaction():
                db.execute(path.read_text().encode())
                db.execute(RECORD, {"name": path.name})
            logger.info("migration applied", action="migration_applied", migration=path.name)
            applied.append(path.name)
        return applied
    finally:
        db.execute(UNLOCK, {"key": LOCK_KEY})
