import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from callboard_local import artifacts

HANDLER = "create_job/handler.py"


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    functions, migrations = tmp_path / "functions", tmp_path / "migrations"
    for path, text in {
        functions / HANDLER: "answer = 42\n",
        functions / "__pycache__" / "handler.pyc": "compiled",
        migrations / "0001_pre_initial.sql": "SELECT 1",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(artifacts, "FUNCTIONS", functions)
    monkeypatch.setattr(artifacts, "MIGRATIONS", migrations)
    return functions


def _names(content: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(content)).namelist()


def test_zip_of_the_same_sources_is_the_same(sources: Path) -> None:
    before = artifacts.functions()

    os.utime(sources / HANDLER, (0, 0))
    (sources / HANDLER).chmod(0o600)

    assert artifacts.digest(artifacts.functions()) == artifacts.digest(before)


@pytest.mark.parametrize("make", [artifacts.functions, artifacts.migrate])
def test_zip_of_changed_sources_is_another(sources: Path, make: Callable[[], bytes]) -> None:
    before = make()

    (sources / HANDLER).write_text("answer = 43\n")

    assert artifacts.digest(make()) != artifacts.digest(before)


def test_zip_holds_sources_and_no_bytecode(sources: Path) -> None:
    assert _names(artifacts.functions()) == [HANDLER]


def test_zip_of_migrate_holds_the_migrations_beside_the_functions(sources: Path) -> None:
    assert _names(artifacts.migrate()) == [HANDLER, "migrations/0001_pre_initial.sql"]


def test_newest_migration_changes_with_a_migration(sources: Path) -> None:
    before = artifacts.newest_migration()

    (sources.parent / "migrations" / "0002_pre_more.sql").write_text("SELECT 2")

    assert artifacts.newest_migration() != before
