"""A project's memory, through the handler, against a real PostgreSQL."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from callboard.database import Database
from callboard.projects import repository
from callboard.projects.models import MEMORY_JOBS
from manage_board.handler import lambda_handler
from support.lambdas import ALICE, BOB, Answer, call_http
from support.rows import insert_activity, insert_board, insert_card, insert_job, insert_project
from support.statements import counted

pytestmark = pytest.mark.usefixtures("cloud")


def call(method: str, path: str, **parts: Any) -> Answer:
    return call_http(lambda_handler, method, path, **{"claims": ALICE, **parts})


def memory(project_id: UUID) -> Any:
    answer = call("GET", f"/api/projects/{project_id}/memory")
    assert answer.status == 200, answer.text
    return answer.body


def approve(card_id: UUID, job_id: UUID) -> Any:
    answer = call("POST", f"/api/cards/{card_id}/approve", body={"job_id": str(job_id)})
    assert answer.status == 201, answer.text
    return answer.body


def test_without_a_token_nothing_is_told(db: Database) -> None:
    assert call("GET", f"/api/projects/{insert_project(db)}/memory", claims=None).status == 401


def test_another_tenants_project_is_answered_like_an_unknown_one(db: Database) -> None:
    project_id = insert_project(db)

    foreign = call("GET", f"/api/projects/{project_id}/memory", claims=BOB)
    unknown = call("GET", f"/api/projects/{uuid4()}/memory", claims=BOB)
    impossible = call("GET", "/api/projects/not-an-id/memory", claims=BOB)

    for answer in (foreign, unknown, impossible):
        assert (answer.status, answer.body["error"]["code"]) == (404, "PROJECT_NOT_FOUND")


def test_an_empty_project_is_remembered_as_one(db: Database) -> None:
    project_id = insert_project(db, name="Teaser", description="A keeper")

    remembered = memory(project_id)

    assert remembered["project"] == call("GET", f"/api/projects/{project_id}").body
    assert remembered["project"]["description"] == "A keeper"
    assert (remembered["activities"], remembered["approved_assets"], remembered["recent_jobs"]) == ([], [], [])


def test_activities_and_cards_are_by_position_as_their_lists_show_them(db: Database) -> None:
    project_id = insert_project(db)
    last = insert_activity(db, project_id, title="Last", position=7)
    first = insert_activity(db, project_id, title="First", position=2)
    insert_activity(db, project_id, title="Empty", position=5)
    for title, position in (("C", 9), ("A", 0), ("B", 4)):
        insert_card(db, first, title=title, position=position, params={"prompt": title})
    job_id = insert_job(db, insert_card(db, last, title="D"), status="completed")

    activities = memory(project_id)["activities"]

    assert [activity["title"] for activity in activities] == ["First", "Empty", "Last"]
    assert [[card["title"] for card in activity["cards"]] for activity in activities] == [["A", "B", "C"], [], ["D"]]
    assert activities[0]["cards"][1]["params"] == {"prompt": "B"}
    assert activities == call("GET", f"/api/projects/{project_id}/activities").body["items"]
    card = activities[2]["cards"][0]
    assert (card["status"], card["approved_asset_id"], card["offset"]) == ("review", None, 0)
    asset = approve(UUID(card["id"]), job_id)
    card = memory(project_id)["activities"][2]["cards"][0]
    assert (card["status"], card["approved_asset_id"], card["offset"]) == ("approved", asset["id"], 1)


def test_approved_assets_are_newest_first_with_fresh_urls(db: Database) -> None:
    project_id, activity_id, first = insert_board(db)
    second = insert_card(db, activity_id, position=1)
    assets = [approve(card, insert_job(db, card, status="completed")) for card in (first, second)]

    remembered = memory(project_id)["approved_assets"]

    assert [asset["id"] for asset in remembered] == [asset["id"] for asset in assets[::-1]]
    newest = remembered[0]
    assert f"outputs/test/{newest['job_id']}/1.png?" in newest["url"]
    assert datetime.fromisoformat(newest["url_expires_at"]) > datetime.now(UTC)
    assert (newest["card_id"], newest["media_type"], newest["approved_by"]) == (str(second), "image/png", "alice")
    assert newest.keys() == call("GET", f"/api/assets/{newest['id']}").body.keys()


def test_only_the_newest_fifty_jobs_of_the_project_are_remembered(db: Database) -> None:
    project_id, activity_id, first = insert_board(db)
    second = insert_card(db, activity_id, position=1)
    jobs = [insert_job(db, (first, second)[number % 2], status="completed") for number in range(MEMORY_JOBS + 3)]
    insert_job(db, insert_board(db)[2])

    remembered = memory(project_id)["recent_jobs"]

    assert MEMORY_JOBS == 50
    assert [job["job_id"] for job in remembered] == [str(job_id) for job_id in jobs[:2:-1]]


def test_jobs_say_how_they_ended(db: Database) -> None:
    project_id, _, card_id = insert_board(db)
    failed = insert_job(db, card_id, status="failed", params={"prompt": "A lamp", "seed": 3})
    insert_job(db, card_id, status="completed", retry_of=failed)

    completed, refused = memory(project_id)["recent_jobs"]

    assert (refused["status"], refused["error_code"]) == ("failed", "provider_rejected")
    assert (refused["error_message"], refused["result_url"]) == ("The service refused.", None)
    assert refused["params"] == {"prompt": "A lamp", "seed": 3}
    assert completed["retry_of"] == str(failed)
    assert completed["completed_at"] >= completed["created_at"]
    assert f"outputs/test/{completed['job_id']}/1.png?" in completed["result_url"]


def test_a_memory_holds_nothing_of_other_projects(db: Database) -> None:
    project_id = insert_project(db)
    _, _, card_id = insert_board(db)
    approve(card_id, insert_job(db, card_id, status="completed"))

    remembered = memory(project_id)

    assert (remembered["activities"], remembered["approved_assets"], remembered["recent_jobs"]) == ([], [], [])


@pytest.mark.parametrize("cards", [1, 30])
def test_a_memory_of_any_size_is_one_statement(db: Database, cards: int) -> None:
    project_id, activity_id, _ = insert_board(db)
    for number in range(cards):
        insert_job(db, insert_card(db, activity_id, position=number + 1))
    call("GET", f"/api/projects/{project_id}")

    with counted() as statements:
        memory(project_id)

    assert len(statements) == 1, statements


def test_no_part_of_a_memory_is_found_by_reading_a_table_to_its_end(db: Database) -> None:
    project_id, _, card_id = insert_board(db)
    for _ in range(20):
        insert_job(db, card_id, status="completed")
    parameters = {"tenant": "alice", "project_id": project_id, "jobs": MEMORY_JOBS}

    with db.transaction():
        # Tables as small as a test's are read whole unless that is made dear.
        db.execute("SET LOCAL enable_seqscan = off")
        plan = [row["QUERY PLAN"] for row in db.execute("EXPLAIN " + repository.MEMORY, parameters)]

    assert plan
    assert not [line for line in plan if "Seq Scan" in line]
    assert any("generation_jobs_by_project" in line for line in plan), plan
    assert any("approved_assets_by_project" in line for line in plan), plan
    assert any("activities_by_project" in line for line in plan), plan


def test_jobs_are_found_by_their_project_however_many_others_had_since(db: Database) -> None:
    project_id, _, card_id = insert_board(db)
    _, _, other = insert_board(db)
    insert_job(db, card_id)
    for _ in range(300):
        insert_job(db, other)
    db.execute("ANALYZE generation_jobs")

    parameters = {"tenant": "alice", "project_id": project_id, "jobs": MEMORY_JOBS}
    plan = [row["QUERY PLAN"] for row in db.execute(b"EXPLAIN " + repository.MEMORY.encode(), parameters)]

    (jobs,) = [index for index, line in enumerate(plan) if "Subquery Scan on job " in line]
    assert any("generation_jobs_by_project" in line for line in plan[jobs:]), "\n".join(plan)
