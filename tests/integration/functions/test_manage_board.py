"""manage_board as a function: its sample event, what it answers to odd requests, what a crash leaves behind."""

import json
from pathlib import Path

import pytest

from callboard import bus
from callboard.database import Database
from callboard.events import service as events
from manage_board.handler import lambda_handler
from support.aws import FakeCloud
from support.lambdas import ALICE, Context, call_http
from support.rows import insert_project

pytestmark = pytest.mark.usefixtures("cloud")
SAMPLE = Path(__file__).parents[3] / "infra" / "events" / "manage_board.json"


def test_the_sample_event_lists_alices_projects(db: Database) -> None:
    project_id = insert_project(db, name="Teaser")
    insert_project(db, tenant="bob")

    answer = lambda_handler(json.loads(SAMPLE.read_text()), Context())

    assert answer["statusCode"] == 200
    assert [item["id"] for item in json.loads(answer["body"])["items"]] == [str(project_id)]


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/api/projects"), ("GET", "/api/projects/1/2/3"), ("POST", "/api/cards"), ("DELETE", "/api/projects")],
)
def test_a_route_that_is_not_there_is_not_found(method: str, path: str) -> None:
    answer = call_http(lambda_handler, method, path, claims=ALICE)

    assert (answer.status, answer.body["error"]["code"]) == (404, "ROUTE_NOT_FOUND")


def test_what_the_bus_did_not_take_is_relayed_later(
    db: Database, cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(bus, "publish", lambda *_: [])
        answer = call_http(lambda_handler, "POST", "/api/projects", body={"name": "Teaser"}, claims=ALICE)
    assert answer.status == 201
    assert cloud.published() == []
    db.execute("UPDATE events SET created_at = created_at - interval '1 minute'")

    assert events.relay(db) == 1

    assert [event["context_id"] for event in cloud.published()] == [answer.body["id"]]
