"""Approved assets, through the handler, against a real PostgreSQL."""

import threading
from typing import Any
from uuid import UUID, uuid4

import pytest

from callboard.assets import service
from callboard.database import Database, connect
from callboard.identity import Caller
from manage_board.handler import lambda_handler
from support.aws import FakeCloud
from support.lambdas import ALICE, BOB, Answer, call_http
from support.rows import insert_board, insert_card, insert_job, insert_project

pytestmark = pytest.mark.usefixtures("cloud")
CALLER = Caller(tenant="alice", user_id="user-alice", user_name="alice")


def call(method: str, path: str, **parts: Any) -> Answer:
    return call_http(lambda_handler, method, path, **{"claims": ALICE, **parts})


def approve(card_id: UUID, job_id: UUID | str, **parts: Any) -> Answer:
    return call("POST", f"/api/cards/{card_id}/approve", body={"job_id": str(job_id)}, **parts)


def test_an_approval_without_a_token_is_refused(db: Database) -> None:
    _, _, card_id = insert_board(db)

    assert approve(card_id, insert_job(db, card_id, status="completed"), claims=None).status == 401
    for path in (f"/api/projects/{uuid4()}/assets", f"/api/assets/{uuid4()}"):
        assert call("GET", path, claims=None).status == 401


def test_another_tenants_card_and_assets_are_answered_like_unknown_ones(db: Database) -> None:
    project_id, _, card_id = insert_board(db)
    job_id = insert_job(db, card_id, status="completed")
    asset = approve(card_id, job_id).body
    pairs = [
        (approve(card_id, job_id, claims=BOB), approve(uuid4(), job_id, claims=BOB), "CARD_NOT_FOUND"),
        *(
            (call("GET", path.format(known), claims=BOB), call("GET", path.format(uuid4()), claims=BOB), code)
            for path, known, code in (
                ("/api/projects/{}/assets", project_id, "PROJECT_NOT_FOUND"),
                ("/api/assets/{}", asset["id"], "ASSET_NOT_FOUND"),
            )
        ),
    ]

    for foreign, unknown, code in pairs:
        assert (foreign.status, unknown.status) == (404, 404)
        errors = [{**answer.body["error"], "request_id": ""} for answer in (foreign, unknown)]
        assert errors[0] == errors[1]
        assert errors[0]["code"] == code


def test_an_approval_makes_the_jobs_output_the_cards_asset(db: Database, cloud: FakeCloud) -> None:
    project_id, _, card_id = insert_board(db)
    job_id = insert_job(db, card_id, status="completed")

    answer = approve(card_id, job_id)

    asset = answer.body
    assert answer.status == 201
    assert answer.headers["Location"] == f"/api/assets/{asset['id']}"
    assert f"outputs/test/{job_id}/1.png?" in asset["url"]
    assert {key: asset[key] for key in asset.keys() - {"id", "url", "url_expires_at", "created_at"}} == {
        "project_id": str(project_id),
        "card_id": str(card_id),
        "job_id": str(job_id),
        "media_type": "image/png",
        "approved_by": "alice",
        "replaced": None,
    }
    stored = call("GET", answer.headers["Location"]).body
    assert (stored["id"], stored["created_at"], stored["job_id"]) == (asset["id"], asset["created_at"], str(job_id))
    (event,) = cloud.published()
    assert (event["topic"], event["context_id"], event["offset"]) == ("asset.approved", str(card_id), 1)
    assert event["data"] == {
        "asset_id": asset["id"],
        "card_id": str(card_id),
        "project_id": str(project_id),
        "job_id": str(job_id),
        "replaced_job_id": None,
        "result_key": f"outputs/test/{job_id}/1.png",
        "media_type": "image/png",
        "approved_by": "alice",
    }


def test_updates_carry_the_assets_url(db: Database) -> None:
    _, _, card_id = insert_board(db)
    job_id = insert_job(db, card_id, status="completed")
    approve(card_id, job_id)

    (message,) = call("GET", f"/api/cards/{card_id}/updates").body["items"]

    assert message["type"] == "asset_update"
    assert f"outputs/test/{job_id}/1.png?" in message["data"]["url"]
    assert message["data"]["url_expires_at"] is not None


def test_the_same_approval_again_changes_nothing(db: Database, cloud: FakeCloud) -> None:
    _, _, card_id = insert_board(db)
    job_id = insert_job(db, card_id, status="completed")
    first = approve(card_id, job_id)
    cloud.published()

    again = approve(card_id, job_id)

    assert again.status == 200
    for field in ("id", "job_id", "created_at", "approved_by", "replaced"):
        assert again.body[field] == first.body[field]
    assert cloud.published() == []
    assert call("GET", f"/api/cards/{card_id}").body["offset"] == 1


def test_another_job_replaces_the_asset_and_says_so(db: Database, cloud: FakeCloud) -> None:
    project_id, _, card_id = insert_board(db)
    first_job, second_job = (insert_job(db, card_id, status="completed") for _ in range(2))
    first = approve(card_id, first_job).body

    answer = approve(card_id, second_job)

    second = answer.body
    assert answer.status == 201
    assert second["id"] != first["id"]
    assert second["replaced"] == {"id": first["id"], "job_id": str(first_job)}
    assert [event["data"]["replaced_job_id"] for event in cloud.published()] == [None, str(first_job)]
    assert call("GET", f"/api/assets/{first['id']}").status == 404
    listed = call("GET", f"/api/projects/{project_id}/assets").body["items"]
    assert [item["id"] for item in listed] == [second["id"]]
    assert call("GET", f"/api/cards/{card_id}").body["approved_asset_id"] == second["id"]


@pytest.mark.parametrize("status", ["queued", "processing", "failed", "cancelled"])
def test_a_job_without_output_cannot_be_approved(db: Database, status: str) -> None:
    _, _, card_id = insert_board(db)
    standing = approve(card_id, insert_job(db, card_id, status="completed")).body

    answer = approve(card_id, insert_job(db, card_id, status=status))

    assert (answer.status, answer.body["error"]["code"]) == (409, "JOB_NOT_COMPLETED")
    assert answer.body["error"]["details"] == {"status": status}
    assert call("GET", f"/api/cards/{card_id}").body["approved_asset_id"] == standing["id"]


@pytest.mark.parametrize("whose", ["nobody", "other card", "other tenant"])
def test_a_job_of_something_else_cannot_be_approved(db: Database, whose: str) -> None:
    _, activity_id, card_id = insert_board(db)
    foreign_card = insert_board(db, tenant="bob")[2]
    job_ids = {
        "nobody": uuid4(),
        "other card": insert_job(db, insert_card(db, activity_id, position=1), status="completed"),
        "other tenant": insert_job(db, foreign_card, status="completed"),
    }

    answer = approve(card_id, job_ids[whose])

    assert (answer.status, answer.body["error"]["code"]) == (404, "JOB_NOT_FOUND")
    assert db.execute("SELECT FROM approved_assets").fetchall() == []


@pytest.mark.parametrize("body", [{}, {"job_id": None}, {"job_id": "x"}, {"job_id": str(uuid4()), "force": True}])
def test_a_bad_approval_is_refused(db: Database, body: Any) -> None:
    _, _, card_id = insert_board(db)

    assert call("POST", f"/api/cards/{card_id}/approve", body=body).status == 422


def test_assets_are_listed_newest_first_page_by_page_and_only_the_projects(db: Database) -> None:
    project_id, activity_id, first_card = insert_board(db)
    cards = [first_card, *(insert_card(db, activity_id, position=position) for position in (1, 2))]
    ids = [approve(card_id, insert_job(db, card_id, status="completed")).body["id"] for card_id in cards]
    other_card = insert_board(db)[2]
    approve(other_card, insert_job(db, other_card, status="completed"))
    path = f"/api/projects/{project_id}/assets"

    first = call("GET", path, query={"limit": "2"}).body
    second = call("GET", path, query={"limit": "2", "cursor": first["next_cursor"]}).body

    assert [item["id"] for item in first["items"] + second["items"]] == ids[::-1]
    assert second["next_cursor"] is None
    assert call("GET", f"/api/projects/{insert_project(db)}/assets").body == {"items": [], "next_cursor": None}


def test_approvals_at_once_take_turns(db: Database, database_url: str) -> None:
    _, _, card_id = insert_board(db)
    job_ids = [insert_job(db, card_id, status="completed") for _ in range(6)]
    start = threading.Barrier(6)
    answers: list[tuple[UUID, Any]] = []
    failures: list[BaseException] = []

    def work(job_id: UUID) -> None:
        try:
            with connect(database_url) as own:
                start.wait(10)
                for _ in range(2):
                    asset, is_new = service.approve_job(own, CALLER, card_id, job_id).result
                    if is_new:
                        answers.append((asset.id, asset.replaced.id if asset.replaced else None))
        except BaseException as error:  # noqa: BLE001  # told by the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(job_id,)) for job_id in job_ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not failures
    assert len(answers) >= 6
    # Each new asset replaced a different one, so together they are one chain that ends with the asset that stands.
    (standing,) = db.execute("SELECT id FROM approved_assets WHERE card_id = %s", (card_id,)).fetchall()
    replaced_by = {replaced: asset for asset, replaced in answers}
    assert len(replaced_by) == len(answers)
    chain, at = 0, None
    while at in replaced_by:
        at, chain = replaced_by[at], chain + 1
    assert (chain, at) == (len(answers), standing["id"])
    offsets = db.execute("SELECT context_offset AS o FROM events WHERE context_id = %s ORDER BY 1", (card_id,))
    assert [row["o"] for row in offsets] == list(range(1, len(answers) + 1))
