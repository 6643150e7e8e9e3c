"""Migrations."""

from callboard import migrations
from callboard.database import Database
from support.postgres import MIGRATIONS


def test_applying_twice_changes_nothing(db: Database) -> None:
    assert migrations.apply(db, MIGRATIONS) == []
