"""The question to the database whether it answers."""

from callboard.database import Database

PING = "SELECT 1"


def ping(db: Database) -> None:
    """Ask the database for an answer; nothing else counts."""
    db.execute(PING)
