"""Projects, through the handler, against a real PostgreSQL."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from callboard.database import Database
from manage_board.handler import lambda_handler
from support.aws import FakeCloud
from support.lambdas import ALICE, BOB, Answer, call_http
from support.rows import insert_board, insert_job, insert_project

pytestmark = pytest.mark.usefixtures("cloud")


def call(method: str, path: str, **parts: Any) -> Answer:
    return call_http(lambda_handler, method, path, **{"claims": ALICE, **parts})


def create(**fields: Any) -> Any:
    answer = call("POST", "/api/projects", body={"name": "Teaser", **fields})
    assert answer.status == 201, answer.text
    return answer.body


ROUTES = [
    ("GET", "/api/projects/{}", None),
    ("PATCH", "/api/projects/{}", {"name": "Mine now"}),
    ("DELETE", "/api/projects/{}", None),
]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("GET", "/api/projects", None), ("POST", "/api/projects", {"name": "Teaser"}), *ROUTES],
)
def test_every_route_without_a_token_is_refused(method: str, path: str, body: Any) -> None:
    answer = call(method, path.format(uuid4()), body=body, claims=None)

    assert answer.status == 401
    assert answer.body["error"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_another_tenants_project_is_answered_like_an_unknown_one(
    db: Database, method: str, path: str, body: Any
) -> None:
    project_id = insert_project(db)

    foreign = call(method, path.format(project_id), body=body, claims=BOB)
    unknown = call(method, path.format(uuid4()), body=body, claims=BOB)
    impossible = call(method, path.format("not-an-id"), body=body, claims=BOB)

    assert (foreign.status, unknown.status, impossible.status) == (404, 404, 404)
    for answer in (foreign, unknown, impossible):
        error = answer.body["error"]
        assert {**error, "request_id": ""} == {
            "code": "PROJECT_NOT_FOUND",
            "message": "Project not found.",
            "details": {},
            "request_id": "",
        }
    assert call("GET", f"/api/projects/{project_id}").body["name"] == "Project"


def test_a_new_project_is_answered_with_its_place(db: Database) -> None:
    answer = call("POST", "/api/projects", body={"name": "  Teaser ", "description": "A keeper\nand a storm"})

    assert answer.status == 201
    project = answer.body
    assert (project["name"], project["description"]) == ("Teaser", "A keeper\nand a storm")
    assert answer.headers["Location"] == f"/api/projects/{project['id']}"
    assert call("GET", answer.headers["Location"]).body == project


def test_each_change_of_a_project_is_one_event_in_its_own_context(cloud: FakeCloud) -> None:
    project = create(description="Old")
    call("PATCH", f"/api/projects/{project['id']}", body={"name": "New"}, headers={"x-correlation-id": "the-change"})
    call("DELETE", f"/api/projects/{project['id']}")

    published = cloud.published()

    assert [(e["topic"], e["offset"], e["data"]["change"]) for e in published] == [
        ("project.updated", 1, "created"),
        ("project.updated", 2, "updated"),
        ("project.updated", 3, "deleted"),
    ]
    assert {e["context_id"] for e in published} == {project["id"]}
    assert published[1]["correlation_id"] == "the-change"
    assert published[1]["data"] == {
        "change": "updated",
        "project_id": project["id"],
        "name": "New",
        "description": "Old",
    }


def test_published_events_are_marked_so(db: Database) -> None:
    create()

    (row,) = db.execute("SELECT published_at FROM events").fetchall()
    assert row["published_at"] is not None


def test_projects_are_listed_newest_first_page_by_page_and_only_the_tenants(db: Database) -> None:
    ids = [create(name=str(number))["id"] for number in range(5)]
    insert_project(db, tenant="bob")

    first = call("GET", "/api/projects", query={"limit": "2"}).body
    second = call("GET", "/api/projects", query={"limit": "2", "cursor": first["next_cursor"]}).body
    third = call("GET", "/api/projects", query={"limit": "2", "cursor": second["next_cursor"]}).body

    assert [p["id"] for page in (first, second, third) for p in page["items"]] == ids[::-1]
    assert third["next_cursor"] is None


@pytest.mark.parametrize("query", [{"cursor": "nonsense"}, {"limit": "0"}, {"limit": "201"}, {"limit": "many"}])
def test_a_bad_page_request_is_refused(query: dict[str, str]) -> None:
    assert call("GET", "/api/projects", query=query).status == 422


def test_a_change_keeps_what_it_does_not_name() -> None:
    project = create(description="Old")

    changed = call("PATCH", f"/api/projects/{project['id']}", body={"name": "New"})

    assert changed.status == 200
    assert (changed.body["name"], changed.body["description"]) == ("New", "Old")
    assert changed.body["updated_at"] > project["updated_at"]
    assert call("PATCH", f"/api/projects/{project['id']}", body={"description": ""}).body["description"] == ""


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, ""),
        ({"name": None}, "name"),
        ({"description": None}, "description"),
        ({"name": ""}, "name"),
        ({"nome": "New"}, "nome"),
        ({"name": "New", "id": str(uuid4())}, "id"),
    ],
)
def test_a_bad_change_is_refused_with_its_field(db: Database, body: Any, field: str) -> None:
    answer = call("PATCH", f"/api/projects/{insert_project(db)}", body=body)

    assert answer.status == 422
    assert answer.body["error"]["code"] == "VALIDATION_ERROR"
    assert [fault["field"] for fault in answer.body["error"]["details"]["fields"]] == [field or "body"]


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "   "},
        {"name": "x" * 201},
        {"name": 7},
        {"name": "nul\x00"},
        {"name": "half \ud83d"},
        {"description": "x" * 10_001},
        {"description": "nul\x00"},
        {"description": None},
        {"owner": "me"},
    ],
)
def test_a_bad_project_is_refused_and_nothing_is_stored(db: Database, fields: Any) -> None:
    answer = call("POST", "/api/projects", body={"name": "Teaser", **fields})

    assert answer.status == 422
    assert answer.body["error"]["details"]["fields"][0]["field"] == next(iter(fields))
    assert db.execute("SELECT FROM projects").fetchall() == []


def test_the_longest_project_is_accepted() -> None:
    project = create(name="ñ" * 200, description="😀" * 10_000)

    assert (len(project["name"]), len(project["description"])) == (200, 10_000)


@pytest.mark.parametrize(("raw", "status"), [('{"name": ', 400), ("[]", 422), ("null", 422), ("", 422)])
def test_a_body_that_is_no_object_is_refused(raw: str, status: int) -> None:
    assert call("POST", "/api/projects", raw_body=raw).status == status


def test_a_deleted_project_is_gone_with_all_in_it(db: Database) -> None:
    project_id, _, card_id = insert_board(db)
    insert_job(db, card_id, status="completed")

    answer = call("DELETE", f"/api/projects/{project_id}")

    assert (answer.status, answer.text) == (204, "")
    assert call("GET", f"/api/projects/{project_id}").status == 404
    assert db.execute("SELECT FROM generation_jobs UNION ALL SELECT FROM task_cards").fetchall() == []


@pytest.mark.parametrize("status", ["queued", "processing"])
def test_a_project_with_live_jobs_stays(db: Database, status: str) -> None:
    project_id, _, card_id = insert_board(db)
    insert_job(db, card_id, status=status)

    answer = call("DELETE", f"/api/projects/{project_id}")

    assert answer.status == 409
    assert answer.body["error"]["code"] == "PROJECT_HAS_LIVE_JOBS"
    assert call("GET", f"/api/projects/{project_id}").status == 200
    assert db.execute("SELECT FROM events WHERE context_id = %s", (UUID(str(project_id)),)).fetchall() == []
