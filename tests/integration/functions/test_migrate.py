"""Deployments: migrations, providers, and what CloudFormation is told."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from callboard.database import Database
from migrate import handler as migrate
from support.aws import FakeCloud
from support.lambdas import Context
from support.postgres import MIGRATIONS

PROVIDERS = [
    {
        "name": "replicate",
        "kind": "replicate",
        "base_url": "https://api.example.com",
        "token_secret": "callboard/token",
        "webhook_secret": "callboard/webhook",
    }
]


@pytest.fixture
def told() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Stand for CloudFormation: a URL and what is put to it."""
    answers: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            answers.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/answer", answers
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def migrations_folder(cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "MIGRATIONS", MIGRATIONS)


def request(url: str, kind: str = "Create", providers: str = json.dumps(PROVIDERS)) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "ResponseURL": url,
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "DatabaseMigration",
        "ResourceProperties": {"Providers": providers},
    }


def configured(db: Database) -> dict[str, bool]:
    return {row["name"]: row["enabled"] for row in db.execute("SELECT name, enabled FROM providers")}


def test_a_deployment_configures_its_providers_and_tells_of_success(
    db: Database, told: tuple[str, list[dict[str, Any]]]
) -> None:
    migrate.lambda_handler(request(told[0]), Context())

    assert (told[1][0]["Status"], told[1][0]["RequestId"]) == ("SUCCESS", "request")
    assert configured(db) == {"replicate": True}


def test_a_provider_that_is_gone_takes_no_more_jobs(db: Database, told: tuple[str, list[dict[str, Any]]]) -> None:
    migrate.lambda_handler(request(told[0]), Context())

    migrate.lambda_handler(request(told[0], "Update", json.dumps([PROVIDERS[0] | {"name": "other"}])), Context())

    assert configured(db) == {"replicate": False, "other": True}


@pytest.mark.parametrize("providers", ["not json", '[{"name": "x"}]', json.dumps([PROVIDERS[0] | {"colour": "red"}])])
def test_wrong_providers_fail_the_deployment_and_change_nothing(
    db: Database, told: tuple[str, list[dict[str, Any]]], providers: str
) -> None:
    migrate.lambda_handler(request(told[0], providers=providers), Context())

    assert told[1][0]["Status"] == "FAILED"
    assert "ValidationError" in told[1][0]["Reason"]
    assert configured(db) == {}


def test_a_broken_migration_fails_the_deployment_and_is_not_half_applied(
    db: Database, told: tuple[str, list[dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in MIGRATIONS.glob("*.sql"):
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "9000_pre_broken.sql").write_text("CREATE TABLE half (id int); SELECT nothing FROM nowhere;")
    monkeypatch.setattr(migrate, "MIGRATIONS", tmp_path)

    migrate.lambda_handler(request(told[0]), Context())

    assert told[1][0]["Status"] == "FAILED"
    assert "nowhere" in told[1][0]["Reason"]
    row = db.execute("SELECT to_regclass('half') AS found").fetchone()
    assert row == {"found": None}


def test_a_deletion_touches_nothing(db: Database, told: tuple[str, list[dict[str, Any]]]) -> None:
    migrate.lambda_handler(request(told[0], "Delete"), Context())

    assert told[1][0]["Status"] == "SUCCESS"
    assert configured(db) == {}


def test_a_direct_invocation_returns_what_was_done(db: Database) -> None:
    event = {"ResourceProperties": {"Providers": json.dumps(PROVIDERS)}}

    assert migrate.lambda_handler(event, Context()) == {"Applied": ""}
    assert configured(db) == {"replicate": True}
