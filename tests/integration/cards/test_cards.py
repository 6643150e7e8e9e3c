"""Task cards, through the handler, against a real PostgreSQL."""

import threading
from typing import Any
from uuid import UUID, uuid4

import pytest

from callboard.cards import service
from callboard.cards.models import CardChange, NewCard
from callboard.database import Database, connect
from callboard.identity import Caller
from callboard.jobs import service as jobs
from callboard.jobs.errors import CardNotFoundError
from callboard.jobs.models import NewJob
from manage_board.handler import lambda_handler
from support.aws import FakeCloud
from support.lambdas import ALICE, BOB, Answer, call_http
from support.rows import insert_activity, insert_board, insert_card, insert_job, insert_project, insert_provider
from support.statements import counted

pytestmark = pytest.mark.usefixtures("cloud")
CALLER = Caller(tenant="alice", user_id="user-alice", user_name="alice")


def call(method: str, path: str, **parts: Any) -> Answer:
    return call_http(lambda_handler, method, path, **{"claims": ALICE, **parts})


def create(activity_id: UUID, **fields: Any) -> Any:
    answer = call("POST", f"/api/activities/{activity_id}/cards", body={"title": "Storm", **fields})
    assert answer.status == 201, answer.text
    return answer.body


def order(activity_id: UUID) -> list[tuple[str, int]]:
    items = call("GET", f"/api/activities/{activity_id}/cards").body["items"]
    return [(item["title"], item["position"]) for item in items]


ROUTES = [
    ("POST", "/api/activities/{activity}/cards", {"title": "Storm"}, "ACTIVITY_NOT_FOUND"),
    ("GET", "/api/activities/{activity}/cards", None, "ACTIVITY_NOT_FOUND"),
    ("GET", "/api/cards/{card}", None, "CARD_NOT_FOUND"),
    ("PATCH", "/api/cards/{card}", {"title": "Mine now"}, "CARD_NOT_FOUND"),
    ("PATCH", "/api/cards/{card}", {"position": 3}, "CARD_NOT_FOUND"),
    ("GET", "/api/cards/{card}/candidates", None, "CARD_NOT_FOUND"),
    ("GET", "/api/cards/{card}/updates", None, "CARD_NOT_FOUND"),
    ("DELETE", "/api/cards/{card}", None, "CARD_NOT_FOUND"),
]


@pytest.mark.parametrize(("method", "path", "body", "code"), ROUTES)
def test_access_is_the_tenants_alone(db: Database, method: str, path: str, body: Any, code: str) -> None:
    activity_id = insert_activity(db, insert_project(db))
    card_id = create(activity_id)["id"]
    mine = path.format(activity=activity_id, card=card_id)
    nobodys = path.format(activity=uuid4(), card=uuid4())

    anonymous = call(method, mine, body=body, claims=None)
    foreign = call(method, mine, body=body, claims=BOB)
    unknown = call(method, nobodys, body=body)
    valid = call(method, mine, body=body)

    assert anonymous.status == 401
    assert (foreign.status, unknown.status) == (404, 404)
    errors = [{**answer.body["error"], "request_id": ""} for answer in (foreign, unknown)]
    assert errors[0] == errors[1]
    assert errors[0]["code"] == code
    assert valid.status in {200, 201, 204}


def test_a_new_card_is_answered_whole_with_one_event(db: Database, cloud: FakeCloud) -> None:
    project_id = insert_project(db)
    activity_id = insert_activity(db, project_id)
    params = {"prompt": "A storm é 😀 \\x00 \\u0000", "sizes": [1, 2.5, {"deep": None}]}

    answer = call("POST", f"/api/activities/{activity_id}/cards", body={"title": " Storm ", "params": params})

    assert answer.status == 201
    card = answer.body
    assert answer.headers["Location"] == f"/api/cards/{card['id']}"
    assert {key: card[key] for key in card.keys() - {"id", "created_at", "updated_at"}} == {
        "activity_id": str(activity_id),
        "project_id": str(project_id),
        "title": "Storm",
        "params": params,
        "status": "planned",
        "position": 0,
        "offset": 1,
        "approved_asset_id": None,
    }
    assert call("GET", answer.headers["Location"]).body == card
    (event,) = cloud.published()
    assert (event["topic"], event["context_id"], event["card_id"]) == ("card.created", card["id"], card["id"])
    assert event["data"] == {
        "card_id": card["id"],
        "activity_id": str(activity_id),
        "project_id": str(project_id),
        "title": "Storm",
        "position": 0,
    }


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], "planned"),
        (["cancelled"], "planned"),
        (["failed"], "failed"),
        (["failed", "cancelled"], "planned"),
        (["completed", "failed"], "review"),
        (["completed", "queued"], "generating"),
        (["failed", "processing"], "generating"),
    ],
)
def test_a_cards_status_follows_from_its_jobs(db: Database, states: list[str], expected: str) -> None:
    _, activity_id, card_id = insert_board(db)
    for state in states:
        insert_job(db, card_id, status=state)

    assert call("GET", f"/api/cards/{card_id}").body["status"] == expected
    assert call("GET", f"/api/activities/{activity_id}").body["cards"][0]["status"] == expected


def test_an_approved_card_stays_approved_while_more_is_generated(db: Database) -> None:
    card_id = create(insert_activity(db, insert_project(db)))["id"]
    job_id = insert_job(db, UUID(card_id), status="completed")
    asset = call("POST", f"/api/cards/{card_id}/approve", body={"job_id": str(job_id)}).body
    insert_job(db, UUID(card_id), status="queued")

    card = call("GET", f"/api/cards/{card_id}").body

    assert (card["status"], card["approved_asset_id"], card["offset"]) == ("approved", asset["id"], 2)


def test_a_card_at_a_taken_place_makes_the_others_move(db: Database) -> None:
    activity_id = insert_activity(db, insert_project(db))
    for title in "abc":
        create(activity_id, title=title)

    create(activity_id, title="new", position=1)
    create(activity_id, title="far", position=9)
    create(activity_id, title="gap", position=7)
    create(activity_id, title="last")

    assert order(activity_id) == [("a", 0), ("new", 1), ("b", 2), ("c", 3), ("gap", 7), ("far", 9), ("last", 10)]


@pytest.mark.parametrize(
    ("moved", "position", "expected"),
    [("d", 1, "adbc"), ("a", 2, "bcad"), ("b", 1, "abcd"), ("a", 3, "bcda"), ("d", 0, "dabc")],
)
def test_a_move_shifts_what_lies_between_and_tells_only_of_the_moved(
    db: Database, cloud: FakeCloud, moved: str, position: int, expected: str
) -> None:
    activity_id = insert_activity(db, insert_project(db))
    ids = {title: create(activity_id, title=title)["id"] for title in "abcd"}
    cloud.published()

    answer = call("PATCH", f"/api/cards/{ids[moved]}", body={"position": position})

    assert (answer.status, answer.body["position"], answer.body["offset"]) == (200, position, 2)
    assert order(activity_id) == list(zip(expected, range(4), strict=True))
    assert [(e["topic"], e["data"]["card_id"]) for e in cloud.published()] == [("card.updated", ids[moved])]


@pytest.mark.parametrize(
    ("position", "expected"), [(None, ["x", "y", "b"]), (1, ["x", "b", "y"]), (0, ["b", "x", "y"])]
)
def test_a_card_moves_to_another_activity(db: Database, position: int | None, expected: list[str]) -> None:
    project_id = insert_project(db)
    here, there = insert_activity(db, project_id), insert_activity(db, project_id, position=1)
    ids = {title: create(here, title=title)["id"] for title in "abc"}
    for title in "xy":
        create(there, title=title)

    body = {"activity_id": str(there)} | ({} if position is None else {"position": position})
    answer = call("PATCH", f"/api/cards/{ids['b']}", body=body)

    assert (answer.status, answer.body["activity_id"]) == (200, str(there))
    assert order(here) == [("a", 0), ("c", 2)]
    assert order(there) == list(zip(expected, range(3), strict=True))


def test_a_move_to_its_own_activity_changes_no_place(db: Database) -> None:
    activity_id = insert_activity(db, insert_project(db))
    ids = {title: create(activity_id, title=title)["id"] for title in "abc"}

    call("PATCH", f"/api/cards/{ids['a']}", body={"activity_id": str(activity_id), "title": "A"})

    assert order(activity_id) == [("A", 0), ("b", 1), ("c", 2)]


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("other project", 422, "ACTIVITY_OF_OTHER_PROJECT"),
        ("other tenant", 404, "ACTIVITY_NOT_FOUND"),
        ("nowhere", 404, "ACTIVITY_NOT_FOUND"),
    ],
)
def test_a_card_cannot_leave_its_project(db: Database, target: str, status: int, code: str) -> None:
    _, activity_id, card_id = insert_board(db)
    targets = {
        "other project": insert_board(db)[1],
        "other tenant": insert_board(db, tenant="bob")[1],
        "nowhere": uuid4(),
    }

    answer = call("PATCH", f"/api/cards/{card_id}", body={"activity_id": str(targets[target]), "title": "Lost"})

    assert (answer.status, answer.body["error"]["code"]) == (status, code)
    assert order(activity_id) == [("Card", 0)]
    assert db.execute("SELECT FROM events").fetchall() == []


def test_a_change_keeps_what_it_does_not_name(db: Database) -> None:
    card = create(insert_activity(db, insert_project(db)), params={"prompt": "Old"})

    titled = call("PATCH", f"/api/cards/{card['id']}", body={"title": "New"}).body
    emptied = call("PATCH", f"/api/cards/{card['id']}", body={"params": {}}).body

    assert (titled["title"], titled["params"], titled["offset"]) == ("New", {"prompt": "Old"}, 2)
    assert (emptied["title"], emptied["params"], emptied["offset"]) == ("New", {}, 3)


@pytest.mark.parametrize(
    "body",
    [{}, {"title": None}, {"params": None}, {"position": None}, {"activity_id": None}, {"status": "approved"}],
)
def test_a_bad_change_is_refused(db: Database, body: Any) -> None:
    assert call("PATCH", f"/api/cards/{insert_board(db)[2]}", body=body).status == 422


@pytest.mark.parametrize(
    "params",
    [
        {"prompt": "nul\x00"},
        {"nul\x00": 1},
        {"deep": [{"prompt": "nul\x00"}]},
        {"prompt": "half \ud83d"},
        {"prompt": "x" * 66_000},
        [],
        "prompt",
        None,
    ],
)
def test_params_that_cannot_be_stored_are_refused(db: Database, params: Any) -> None:
    activity_id = insert_activity(db, insert_project(db))

    answer = call("POST", f"/api/activities/{activity_id}/cards", body={"title": "Storm", "params": params})

    assert (answer.status, answer.body["error"]["details"]["fields"][0]["field"]) == (422, "params")


@pytest.mark.parametrize(
    ("number", "status"),
    [("1e308", 201), ("1e999", 422), ("-1e999", 422), ("9" * 300, 201), ("9" * 5000, 400), ("NaN", 400)],
)
def test_a_number_is_stored_or_refused_never_mangled(db: Database, number: str, status: int) -> None:
    activity_id = insert_activity(db, insert_project(db))
    raw = '{"title": "x", "params": {"seed": ' + number + "}}"

    answer = call("POST", f"/api/activities/{activity_id}/cards", raw_body=raw)

    assert answer.status == status
    if status == 201:
        assert float(answer.body["params"]["seed"]) == float(number)


def test_cards_are_listed_by_position_page_by_page(db: Database) -> None:
    activity_id = insert_activity(db, insert_project(db))
    made = [create(activity_id, title=str(number)) for number in range(5)]
    path = f"/api/activities/{activity_id}/cards"

    first = call("GET", path, query={"limit": "3"}).body
    second = call("GET", path, query={"limit": "3", "cursor": first["next_cursor"]}).body

    assert first["items"] + second["items"] == made
    assert second["next_cursor"] is None


def test_the_number_of_cards_does_not_change_the_number_of_statements(db: Database) -> None:
    activity_id = insert_activity(db, insert_project(db))
    counts = []
    for _ in range(2):
        for position in range(5):
            insert_job(db, insert_card(db, activity_id, position=position), status="completed")
        with counted() as statements:
            call("GET", f"/api/activities/{activity_id}/cards")
        counts.append(len(statements))

    assert counts == [1, 1]


def test_candidates_are_the_completed_jobs_newest_first(db: Database) -> None:
    card_id = UUID(create(insert_activity(db, insert_project(db)))["id"])
    done = [insert_job(db, card_id, status="completed") for _ in range(3)]
    for status in ("queued", "failed", "cancelled"):
        insert_job(db, card_id, status=status)
    call("POST", f"/api/cards/{card_id}/approve", body={"job_id": str(done[1])})
    path = f"/api/cards/{card_id}/candidates"

    first = call("GET", path, query={"limit": "2"}).body
    second = call("GET", path, query={"limit": "2", "cursor": first["next_cursor"]}).body

    items = first["items"] + second["items"]
    assert [(item["job_id"], item["approved"]) for item in items] == [
        (str(done[2]), False),
        (str(done[1]), True),
        (str(done[0]), False),
    ]
    assert second["next_cursor"] is None
    assert items[0].keys() == {
        "job_id", "card_id", "provider", "params", "media_type", "result_url", "result_url_expires_at", "approved",
        "created_at", "completed_at",
    }  # fmt: skip
    assert f"{done[2]}/1.png?" in items[0]["result_url"]
    assert (items[0]["media_type"], items[0]["card_id"]) == ("image/png", str(card_id))


def test_a_card_without_results_has_no_candidates(db: Database) -> None:
    _, _, card_id = insert_board(db)

    assert call("GET", f"/api/cards/{card_id}/candidates").body == {"items": [], "next_cursor": None}


def test_updates_follow_the_offsets_of_the_card(db: Database) -> None:
    card = create(insert_activity(db, insert_project(db)), title="v1")
    for version in (2, 3, 4):
        call("PATCH", f"/api/cards/{card['id']}", body={"title": f"v{version}"})
    path = f"/api/cards/{card['id']}/updates"

    whole = call("GET", path).body
    page = call("GET", path, query={"after": "1", "limit": "2"}).body
    rest = call("GET", path, query={"after": page["next_cursor"], "limit": "2"}).body
    none = call("GET", path, query={"after": "4"}).body

    assert [(item["type"], item["topic"], item["offset"], item["data"]["title"]) for item in whole["items"]] == [
        ("card_update", "card.created", 1, "v1"),
        *(("card_update", "card.updated", version, f"v{version}") for version in (2, 3, 4)),
    ]
    assert (whole["offset"], whole["complete"], whole["next_cursor"]) == (4, True, None)
    assert ([item["offset"] for item in page["items"]], page["offset"], page["next_cursor"]) == ([2, 3], 4, "3")
    assert ([item["offset"] for item in rest["items"]], rest["next_cursor"]) == ([4], None)
    assert none == {"items": [], "offset": 4, "complete": True, "next_cursor": None}


def test_updates_of_jobs_carry_the_url_of_their_output(db: Database) -> None:
    card_id = UUID(create(insert_activity(db, insert_project(db)))["id"])
    insert_provider(db)
    jobs.create_jobs(db, CALLER, [NewJob(card_id=card_id, params={"prompt": "x"})], scope="test")
    path = f"/api/cards/{card_id}/updates"

    (queued,) = call("GET", path, query={"after": "1"}).body["items"]
    db.execute(
        'UPDATE events SET payload = payload || \'{"status": "completed", "result_key": "outputs/x/1.png"}\' '
        "WHERE topic = 'job.status.updated'"
    )
    (completed,) = call("GET", path, query={"after": "1"}).body["items"]

    assert (queued["type"], queued["data"]["status"]) == ("job_update", "queued")
    assert (queued["data"]["result_url"], queued["data"]["result_url_expires_at"]) == (None, None)
    assert "outputs/x/1.png?" in completed["data"]["result_url"]
    assert completed["data"]["result_url_expires_at"] is not None


@pytest.mark.parametrize(("after", "complete"), [("0", False), ("1", False), ("2", True), ("3", True)])
def test_updates_say_when_the_log_no_longer_reaches_back(db: Database, after: str, complete: bool) -> None:
    card = create(insert_activity(db, insert_project(db)))
    for version in (2, 3):
        call("PATCH", f"/api/cards/{card['id']}", body={"title": f"v{version}"})
    db.execute("DELETE FROM events WHERE context_id = %s AND context_offset <= 2", (card["id"],))
    path = f"/api/cards/{card['id']}/updates"

    assert call("GET", path, query={"after": after}).body["complete"] is complete

    db.execute("DELETE FROM events WHERE context_id = %s", (card["id"],))
    assert call("GET", path, query={"after": after}).body["complete"] is (after == "3")


@pytest.mark.parametrize("query", [{"after": "-1"}, {"after": "x"}, {"after": str(2**63)}, {"limit": "0"}])
def test_updates_refuse_offsets_that_cannot_be(db: Database, query: dict[str, str]) -> None:
    assert call("GET", f"/api/cards/{insert_board(db)[2]}/updates", query=query).status == 422


def test_a_project_tells_its_own_updates_and_the_offsets_of_its_cards(db: Database) -> None:
    project = call("POST", "/api/projects", body={"name": "Teaser"}).body
    path = f"/api/projects/{project['id']}"
    activity = call(
        "POST", f"{path}/activities", body={"title": "Shots", "cards": [{"title": "a"}, {"title": "b"}]}
    ).body
    first, second = (card["id"] for card in activity["cards"])
    call("PATCH", f"/api/cards/{second}", body={"title": "B"})

    updates = call("GET", f"{path}/updates").body
    offsets = call("GET", f"{path}/offsets").body

    assert [item["type"] for item in updates["items"]] == ["project_update", "activity_update"]
    assert offsets == {"offset": 2, "cards": {first: 1, second: 2}}
    for route in (f"/api/projects/{first}/updates", f"/api/projects/{first}/offsets"):
        assert call("GET", route).body["error"]["code"] == "PROJECT_NOT_FOUND"
    assert call("GET", f"/api/cards/{project['id']}/updates").body["error"]["code"] == "CARD_NOT_FOUND"
    for route in (f"{path}/updates", f"{path}/offsets"):
        assert call("GET", route, claims=BOB).status == 404
        assert call("GET", route, claims=None).status == 401


def test_a_deleted_card_is_gone_with_its_ended_jobs(db: Database, cloud: FakeCloud) -> None:
    card = create(insert_activity(db, insert_project(db)))
    for status in ("completed", "failed", "cancelled"):
        insert_job(db, UUID(card["id"]), status=status)
    cloud.published()

    answer = call("DELETE", f"/api/cards/{card['id']}")

    assert (answer.status, answer.text) == (204, "")
    assert call("GET", f"/api/cards/{card['id']}").status == 404
    assert call("DELETE", f"/api/cards/{card['id']}").status == 404
    assert db.execute("SELECT FROM generation_jobs").fetchall() == []
    assert [(e["topic"], e["offset"]) for e in cloud.published()] == [("card.deleted", 2)]


@pytest.mark.parametrize("status", ["queued", "processing"])
def test_a_card_with_live_jobs_stays(db: Database, status: str) -> None:
    _, _, card_id = insert_board(db)
    insert_job(db, card_id, status=status)

    answer = call("DELETE", f"/api/cards/{card_id}")

    assert (answer.status, answer.body["error"]["code"]) == (409, "CARD_HAS_LIVE_JOBS")
    assert answer.body["error"]["details"] == {"live_jobs": 1}
    assert call("GET", f"/api/cards/{card_id}").status == 200


@pytest.mark.parametrize("delete", ["cards/{card}", "activities/{activity}", "projects/{project}"])
def test_a_deletion_waits_for_a_job_that_is_being_created(db: Database, database_url: str, delete: str) -> None:
    project_id, activity_id, card_id = insert_board(db)
    insert_provider(db)
    path = "/api/" + delete.format(project=project_id, activity=activity_id, card=card_id)
    answers: list[Answer] = []

    with connect(database_url) as other:
        with other.transaction():
            jobs.create_jobs(other, CALLER, [NewJob(card_id=card_id, params={"prompt": "x"})], scope="test")
            deletion = threading.Thread(target=lambda: answers.append(call("DELETE", path)))
            deletion.start()
            wait_for_waiter(db)
        deletion.join(20)

    assert [answer.status for answer in answers] == [409]
    assert call("GET", f"/api/cards/{card_id}").body["status"] == "generating"


@pytest.mark.parametrize("level", ["card", "activity", "project"])
def test_a_job_created_during_a_deletion_finds_no_card(db: Database, database_url: str, level: str) -> None:
    project_id, activity_id, card_id = insert_board(db)
    insert_provider(db)
    statements = {
        "card": ("SELECT FROM task_cards WHERE id = %s FOR UPDATE", "DELETE FROM task_cards WHERE id = %s", card_id),
        "activity": (
            "SELECT FROM task_cards WHERE activity_id = %s FOR UPDATE",
            "DELETE FROM activities WHERE id = %s",
            activity_id,
        ),
        "project": ("SELECT FROM projects WHERE id = %s FOR UPDATE", "DELETE FROM projects WHERE id = %s", project_id),
    }
    lock, delete, entity_id = statements[level]
    outcomes: list[str] = []

    def create_job() -> None:
        with connect(database_url) as own:
            try:
                jobs.create_jobs(own, CALLER, [NewJob(card_id=card_id, params={"prompt": "x"})], scope="test")
                outcomes.append("created")
            except CardNotFoundError:
                outcomes.append("no card")

    with connect(database_url) as other:
        with other.transaction():
            other.execute(lock.encode(), (entity_id,))
            creation = threading.Thread(target=create_job)
            creation.start()
            wait_for_waiter(db)
            other.execute(delete.encode(), (entity_id,))
        creation.join(20)

    assert outcomes == ["no card"]
    assert db.execute("SELECT FROM generation_jobs").fetchall() == []


def test_cards_created_and_moved_at_once_keep_places_of_their_own(db: Database, database_url: str) -> None:
    project_id = insert_project(db)
    activities = [insert_activity(db, project_id, position=position) for position in range(2)]
    start = threading.Barrier(4)
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with connect(database_url) as own:
                start.wait(10)
                mine = [
                    service.create_card(
                        own, CALLER, activities[turn % 2], NewCard(title=f"{number}", position=0)
                    ).result
                    for turn in range(4)
                ]
                for turn, card in enumerate(mine):
                    service.update_card(own, CALLER, card.id, CardChange(position=turn * 3))
                    service.update_card(own, CALLER, card.id, CardChange(activity_id=activities[number % 2]))
        except BaseException as error:  # noqa: BLE001  # told by the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not failures
    for activity_id in activities:
        positions = [position for _, position in order(activity_id)]
        assert len(positions) == 8
        assert len(set(positions)) == 8, positions


def wait_for_waiter(db: Database) -> None:
    """Return once another connection to this database waits for a lock."""
    for _ in range(200):
        waiting = db.execute(
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchall()
        if waiting:
            return
        db.execute("SELECT pg_sleep(0.05)")
    raise AssertionError("nobody waited")
