"""Activities, through the handler, against a real PostgreSQL."""

import threading
from typing import Any
from uuid import UUID, uuid4

import pytest

from callboard.activities import service
from callboard.activities.models import NewActivity
from callboard.database import Database, connect
from callboard.identity import Caller
from manage_board.handler import lambda_handler
from support.aws import FakeCloud
from support.lambdas import ALICE, BOB, Answer, call_http
from support.rows import insert_activity, insert_board, insert_card, insert_job, insert_project
from support.statements import counted

pytestmark = pytest.mark.usefixtures("cloud")
CALLER = Caller(tenant="alice", user_id="user-alice", user_name="alice")


def call(method: str, path: str, **parts: Any) -> Answer:
    return call_http(lambda_handler, method, path, **{"claims": ALICE, **parts})


def create(project_id: UUID, **fields: Any) -> Any:
    answer = call("POST", f"/api/projects/{project_id}/activities", body={"title": "Shots", **fields})
    assert answer.status == 201, answer.text
    return answer.body


def order(project_id: UUID) -> list[tuple[str, int]]:
    items = call("GET", f"/api/projects/{project_id}/activities").body["items"]
    return [(item["title"], item["position"]) for item in items]


ROUTES = [
    ("POST", "/api/projects/{project}/activities", {"title": "Shots"}, "PROJECT_NOT_FOUND"),
    ("GET", "/api/projects/{project}/activities", None, "PROJECT_NOT_FOUND"),
    ("GET", "/api/activities/{activity}", None, "ACTIVITY_NOT_FOUND"),
    ("PATCH", "/api/activities/{activity}", {"title": "Mine now"}, "ACTIVITY_NOT_FOUND"),
    ("DELETE", "/api/activities/{activity}", None, "ACTIVITY_NOT_FOUND"),
]


@pytest.mark.parametrize(("method", "path", "body", "code"), ROUTES)
def test_access_is_the_tenants_alone(db: Database, method: str, path: str, body: Any, code: str) -> None:
    project_id, activity_id, _ = insert_board(db)
    mine = path.format(project=project_id, activity=activity_id)
    nobodys = path.format(project=uuid4(), activity=uuid4())

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


def test_an_activity_with_cards_is_created_in_one_transaction(db: Database, cloud: FakeCloud) -> None:
    project_id = insert_project(db)

    answer = call(
        "POST",
        f"/api/projects/{project_id}/activities",
        body={
            "title": " Key visuals ",
            "cards": [{"title": "Storm", "params": {"prompt": "A storm"}}, {"title": "Calm"}],
        },
    )

    assert answer.status == 201
    activity = answer.body
    assert answer.headers["Location"] == f"/api/activities/{activity['id']}"
    assert (activity["title"], activity["position"], activity["project_id"]) == ("Key visuals", 0, str(project_id))
    assert [
        (c["title"], c["params"], c["position"], c["status"], c["offset"], c["approved_asset_id"])
        for c in activity["cards"]
    ] == [("Storm", {"prompt": "A storm"}, 0, "planned", 1, None), ("Calm", {}, 1, "planned", 1, None)]
    assert call("GET", answer.headers["Location"]).body == activity
    assert [(e["topic"], e["context_id"], e["offset"]) for e in cloud.published()] == [
        ("activity.created", str(project_id), 1),
        *(("card.created", card["id"], 1) for card in activity["cards"]),
    ]


def test_the_number_of_cards_does_not_change_the_number_of_statements(db: Database) -> None:
    project_id = insert_project(db)
    create(project_id)

    counts = []
    for cards in (1, 100):
        with counted() as statements:
            create(project_id, cards=[{"title": str(number)} for number in range(cards)])
        counts.append(len(statements))

    assert counts[0] == counts[1] == 3  # the lock, the change, the mark of what was published


@pytest.mark.parametrize(
    ("positions", "expected"),
    [
        ([None, None, None], [0, 1, 2]),
        ([0, 0, 0], [2, 1, 0]),
        ([5, None, 5], [6, 7, 5]),
        ([3, 1], [3, 1]),
    ],
)
def test_cards_of_a_new_activity_are_placed_one_after_another(
    db: Database, positions: list[int | None], expected: list[int]
) -> None:
    cards = [
        {"title": str(number)} | ({} if position is None else {"position": position})
        for number, position in enumerate(positions)
    ]

    made = create(insert_project(db), cards=cards)["cards"]

    assert {int(card["title"]): card["position"] for card in made} == dict(enumerate(expected))
    assert [card["position"] for card in made] == sorted(expected)


def test_an_activity_comes_last_unless_it_has_a_place(db: Database) -> None:
    project_id = insert_project(db)
    for title in "abc":
        create(project_id, title=title)

    create(project_id, title="first", position=0)
    create(project_id, title="far", position=10)
    create(project_id, title="last")

    assert order(project_id) == [("first", 0), ("a", 1), ("b", 2), ("c", 3), ("far", 10), ("last", 11)]


@pytest.mark.parametrize(
    ("moved", "position", "expected"),
    [("d", 1, "adbc"), ("a", 2, "bcad"), ("b", 1, "abcd"), ("a", 3, "bcda"), ("d", 0, "dabc")],
)
def test_a_move_shifts_what_lies_between(
    db: Database, cloud: FakeCloud, moved: str, position: int, expected: str
) -> None:
    project_id = insert_project(db)
    ids = {title: create(project_id, title=title)["id"] for title in "abcd"}
    cloud.published()

    answer = call("PATCH", f"/api/activities/{ids[moved]}", body={"position": position})

    assert (answer.status, answer.body["position"]) == (200, position)
    assert order(project_id) == list(zip(expected, range(4), strict=True))
    assert [(e["topic"], e["data"]["activity_id"]) for e in cloud.published()] == [("activity.updated", ids[moved])]


def test_a_move_beyond_the_last_leaves_a_gap_and_no_double(db: Database) -> None:
    project_id = insert_project(db)
    ids = {title: create(project_id, title=title)["id"] for title in "abc"}

    call("PATCH", f"/api/activities/{ids['a']}", body={"position": 9})

    assert order(project_id) == [("b", 0), ("c", 1), ("a", 9)]


def test_a_new_title_keeps_place_and_cards(db: Database) -> None:
    _, activity_id, card_id = insert_board(db)

    changed = call("PATCH", f"/api/activities/{activity_id}", body={"title": "New"}).body

    assert (changed["title"], changed["position"], changed["cards"][0]["id"]) == ("New", 0, str(card_id))


def test_activities_are_listed_by_position_page_by_page_with_their_cards(db: Database) -> None:
    project_id = insert_project(db)
    made = [create(project_id, title=str(n), cards=[{"title": "x"}] * n) for n in range(3)]
    path = f"/api/projects/{project_id}/activities"

    first = call("GET", path, query={"limit": "2"}).body
    second = call("GET", path, query={"limit": "2", "cursor": first["next_cursor"]}).body

    assert first["items"] + second["items"] == made
    assert second["next_cursor"] is None
    assert call("GET", f"/api/projects/{insert_project(db)}/activities").body == {"items": [], "next_cursor": None}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"title": ""},
        {"title": "x", "position": -1},
        {"title": "x", "position": 1_000_001},
        {"title": "x", "position": "1"},
        {"title": "x", "position": 1.5},
        {"title": "x", "cards": [{"title": "ok"}, {"title": ""}]},
        {"title": "x", "cards": [{"title": "ok", "params": {"prompt": "nul\x00"}}]},
        {"title": "x", "cards": [{"title": "ok", "params": []}]},
        {"title": "x", "cards": [{"title": "ok"}] * 101},
        {"title": "x", "card": []},
    ],
)
def test_a_bad_activity_is_refused_whole(db: Database, body: Any) -> None:
    answer = call("POST", f"/api/projects/{insert_project(db)}/activities", body=body)

    assert (answer.status, answer.body["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert db.execute("SELECT FROM activities").fetchall() == []


@pytest.mark.parametrize("body", [{}, {"title": None}, {"position": None}, {"project_id": str(uuid4())}])
def test_a_bad_change_is_refused(db: Database, body: Any) -> None:
    _, activity_id, _ = insert_board(db)

    assert call("PATCH", f"/api/activities/{activity_id}", body=body).status == 422


@pytest.mark.parametrize("cursor", ["nonsense", "WzEsMV0", "Wy0xLCJhIl0"])
def test_a_cursor_of_another_making_is_refused(db: Database, cursor: str) -> None:
    answer = call("GET", f"/api/projects/{insert_project(db)}/activities", query={"cursor": cursor})

    assert (answer.status, answer.body["error"]["code"]) == (422, "INVALID_CURSOR")


def test_a_deleted_activity_takes_its_cards_along(db: Database, cloud: FakeCloud) -> None:
    project_id = insert_project(db)
    activity = create(project_id, cards=[{"title": "a"}, {"title": "b"}])
    other = create(project_id, cards=[{"title": "stays"}])
    insert_job(db, UUID(activity["cards"][0]["id"]), status="completed")
    cloud.published()

    answer = call("DELETE", f"/api/activities/{activity['id']}")

    assert (answer.status, answer.text) == (204, "")
    assert [item["id"] for item in call("GET", f"/api/projects/{project_id}/activities").body["items"]] == [other["id"]]
    events = cloud.published()
    assert sorted((e["topic"], e["context_id"], e["offset"]) for e in events) == sorted(
        [
            ("activity.deleted", str(project_id), 3),
            *(("card.deleted", card["id"], 2) for card in activity["cards"]),
        ]
    )


@pytest.mark.parametrize("status", ["queued", "processing"])
def test_an_activity_with_live_jobs_stays_whole(db: Database, status: str) -> None:
    _, activity_id, card_id = insert_board(db)
    insert_card(db, activity_id, position=1)
    insert_job(db, card_id, status=status)

    answer = call("DELETE", f"/api/activities/{activity_id}")

    assert (answer.status, answer.body["error"]["code"]) == (409, "ACTIVITY_HAS_LIVE_JOBS")
    assert len(call("GET", f"/api/activities/{activity_id}").body["cards"]) == 2
    assert db.execute("SELECT FROM events").fetchall() == []


def test_activities_created_at_once_get_places_of_their_own(db: Database, database_url: str) -> None:
    project_id = insert_project(db)
    insert_activity(db, project_id, position=0)
    start = threading.Barrier(4)
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with connect(database_url) as own:
                start.wait(10)
                for turn in range(5):
                    request = NewActivity(title=f"{number}-{turn}", position=0 if turn % 2 else None)
                    service.create_activity(own, CALLER, project_id, request)
        except BaseException as error:  # noqa: BLE001  # told by the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not failures
    positions = [position for _, position in order(project_id)]
    assert positions == list(range(21))
    offsets = db.execute("SELECT context_offset AS o FROM events WHERE context_id = %s ORDER BY 1", (project_id,))
    assert [row["o"] for row in offsets] == list(range(1, 21))
