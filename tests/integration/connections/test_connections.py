"""Opening, closing, subscribing, recovering, delivering."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from callboard import aws
from callboard.connections import repository
from callboard.connections.errors import ConnectionsUnavailableError
from callboard.connections.models import MAX_MESSAGE_BYTES, Holder
from callboard.database import Database
from callboard.ids import new_id
from issue_ticket.handler import lambda_handler as issue_ticket
from notify.handler import lambda_handler as notify
from support.board import Board, make_board
from support.lambdas import ALICE, BOB, Context, call_http, sqs_event, websocket_event
from ws_connect.handler import lambda_handler as ws_connect
from ws_message.handler import lambda_handler as ws_message

from .conftest import Clients
from .happenings import SilentTable, add_cards, delete_item, deliver, items, make_card, record


@pytest.mark.parametrize("ticket", [None, "", "made-up"])
def test_a_connection_without_a_good_ticket_is_refused(clients: Clients, ticket: str | None) -> None:
    assert clients.connect("c1", ticket) == 403
    assert items("connections") == []


def test_a_ticket_opens_one_connection_only(clients: Clients) -> None:
    ticket = clients.ticket()

    assert clients.connect("c1", ticket) == 200
    assert clients.connect("c2", ticket) == 403


def test_an_expired_ticket_is_refused(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = clients.ticket()
    monkeypatch.setattr(repository, "now", lambda: datetime.now(UTC) + timedelta(seconds=61))

    assert clients.connect("c1", ticket) == 403


def test_a_ticket_that_is_refused_says_why_in_the_one_envelope(clients: Clients) -> None:
    event = websocket_event("$connect", "c1", query={"ticket": "made-up"})

    answer = ws_connect(event, Context())

    error = json.loads(answer["body"])["error"]
    assert answer["statusCode"] == 403
    assert (error["code"], error["details"]) == ("TICKET_REFUSED", {})
    assert error["request_id"] == event["requestContext"]["requestId"]


def test_a_connection_carries_who_opened_it(clients: Clients) -> None:
    ticket = call_http(
        issue_ticket, "POST", "/api/connections/ticket", claims=ALICE, headers={"X-Correlation-Id": "evening"}
    ).body["ticket"]
    clients.connect("c1", ticket)

    connection = repository.get_connection("c1")

    assert connection is not None
    assert connection.holder == Holder("alice", "user-alice", "alice", "evening")
    lasting = {item["sk"]["S"]: int(item["expires_at"]["N"]) for item in items("connections")}
    assert set(lasting) == {"META", "CONN#c1"}
    assert all(8000 < expires_at - connection.connected_at.timestamp() <= 8100 for expires_at in lasting.values())


def test_a_ticket_is_not_stored_as_it_is(clients: Clients) -> None:
    ticket = clients.ticket()

    assert ticket not in json.dumps(items("connections"))


def test_a_ticket_needs_a_token(clients: Clients) -> None:
    assert call_http(issue_ticket, "POST", "/api/connections/ticket").status == 401


def test_a_user_has_a_bounded_number_of_connections(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callboard.connections.service.MAX_CONNECTIONS_PER_USER", 2)
    clients.open("c1")
    clients.open("c2")

    assert clients.connect("c3", clients.ticket()) == 403
    assert clients.connect("c4", clients.ticket(BOB)) == 200


@pytest.mark.parametrize(
    ("status", "minutes", "answer"),
    [(410, 2, 200), (200, 2, 403), (403, 2, 403), (410, 0, 403)],
    ids=["gone", "open", "unclear", "just-opened"],
)
def test_connections_that_ended_without_a_word_do_not_count(
    clients: Clients, monkeypatch: pytest.MonkeyPatch, status: int, minutes: int, answer: int
) -> None:
    monkeypatch.setattr("callboard.connections.service.MAX_CONNECTIONS_PER_USER", 2)
    clients.open("c1")
    clients.open("c2")
    clients.endpoint.status_of["c1"] = status
    monkeypatch.setattr(repository, "now", lambda: datetime.now(UTC) + timedelta(minutes=minutes))

    assert clients.connect("c3", clients.ticket()) == answer

    assert sorted(clients.endpoint.asked) == (["c1", "c2"] if minutes else [])
    assert (repository.get_connection("c1") is None) is (answer == 200)


def test_disconnecting_leaves_nothing(clients: Clients, board: Board) -> None:
    clients.open("c1")
    clients.say("c1", {"type": "subscribe", "context_id": str(board.card_id)})

    clients.close("c1")
    clients.close("c1")

    assert items("connections") == []


def test_subscribing_is_acknowledged_with_the_offset(clients: Clients, board: Board) -> None:
    clients.open("c1")

    (answer,) = clients.say("c1", {"type": "subscribe", "id": "1", "context_id": str(board.card_id)})

    assert answer == {
        "type": "subscribed",
        "id": "1",
        "context_id": str(board.card_id),
        "offset": 1,
        "recovered": True,
    }


@pytest.mark.parametrize("whose", ["unknown", "foreign"])
def test_unknown_and_foreign_contexts_are_refused_alike(clients: Clients, board: Board, whose: str) -> None:
    clients.open("c1", BOB)
    context_id = str(board.card_id) if whose == "foreign" else str(new_id())

    (answer,) = clients.say("c1", {"type": "subscribe", "id": "7", "context_id": context_id})

    assert answer == {
        "type": "error",
        "id": "7",
        "error": {
            "code": "CONTEXT_NOT_FOUND",
            "message": "There is no card or project with this id.",
            "details": {},
        },
    }


@pytest.mark.parametrize(
    "message",
    [
        "not json",
        "[]",
        "null",
        '{"type": "dance"}',
        '{"type": "subscribe", "context_id": "x"}',
        '{"type": "subscribe", "context_id": "0198f2a0-0000-7000-8000-000000000001", "more": 1}',
        '{"type": "ping", "id": 7}',
        '{"type": "subscribe", "context_id": "0198f2a0-0000-7000-8000-000000000001", "since": {"offset": "1"}}',
        '{"type": "subscribe", "context_id": "0198f2a0-0000-7000-8000-000000000001", "since": {"offset": -1}}',
        '{"type": "subscribe", "context_id": "0198f2a0-0000-7000-8000-000000000001", "since": {"offset": true}}',
        '{"type": "subscribe", "context_id": "0198f2a0-0000-7000-8000-000000000001", "since": {}}',
        '{"type": "subscribe", "context_id": "0198f2a0-0000-7000-8000-000000000001", "since": 1}',
        '{"type": "subscribe"}',
        "",
        "{" * 5000,
        "\ud800",
    ],
)
def test_garbage_is_answered_with_an_error(clients: Clients, message: str) -> None:
    clients.open("c1")

    (answer,) = clients.say("c1", message)

    assert (answer["type"], answer["error"]["code"]) == ("error", "INVALID_MESSAGE")


@pytest.mark.parametrize("name", ["x", "\u00e9", "\U0001f4a1"])
def test_an_error_never_grows_with_what_was_sent(clients: Clients, name: str) -> None:
    clients.open("c1")
    room = 30_000 // len(name.encode())

    (field,) = clients.say("c1", json.dumps({"type": "ping", name * room: 1}, ensure_ascii=False))
    (kind,) = clients.say("c1", json.dumps({"type": name * room}, ensure_ascii=False))

    assert field["error"]["code"] == kind["error"]["code"] == "INVALID_MESSAGE"
    assert max(clients.endpoint.sizes) < MAX_MESSAGE_BYTES


@pytest.mark.parametrize(("data", "kind"), [(b'{"type":"ping"}', "pong"), (b"\xff\xfe\x00", "error")])
def test_a_binary_message_is_read_as_text_or_refused(clients: Clients, data: bytes, kind: str) -> None:
    clients.open("c1")
    event = websocket_event("$default", "c1", body=base64.b64encode(data).decode()) | {"isBase64Encoded": True}

    assert ws_message(event, Context()) == {"statusCode": 200}

    assert clients.endpoint.messages("c1")[-1]["type"] == kind


def test_a_message_that_is_too_large_is_refused(clients: Clients) -> None:
    clients.open("c1")

    (answer,) = clients.say("c1", {"type": "ping", "id": "x" * 40_000})

    assert answer["error"]["code"] == "MESSAGE_TOO_LARGE"


def test_since_brings_what_was_missed_in_order(clients: Clients, db: Database, board: Board) -> None:
    clients.open("c1")
    record(db, board, 4)

    since = {"offset": 2}
    acknowledged, *missed = clients.say("c1", {"type": "subscribe", "context_id": str(board.card_id), "since": since})

    assert (acknowledged["offset"], acknowledged["recovered"]) == (5, True)
    assert [message["offset"] for message in missed] == [3, 4, 5]
    assert {message["type"] for message in missed} == {"card_update"}


@pytest.mark.parametrize("since", [None, {"offset": 1}])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_what_happens_while_one_subscribes_is_not_lost(
    clients: Clients,
    db: Database,
    board: Board,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
    since: dict[str, int] | None,
) -> None:
    clients.open("c1")
    put_subscription = repository.put_subscription

    def happen() -> None:
        assert deliver(*record(db, board)) == {"batchItemFailures": []}

    def put_meanwhile(*arguments: Any) -> None:
        if moment == "before":
            happen()
        put_subscription(*arguments)
        if moment == "after":
            happen()

    monkeypatch.setattr(repository, "put_subscription", put_meanwhile)

    posted = clients.say("c1", {"type": "subscribe", "context_id": str(board.card_id), "since": since})

    (acknowledged,) = (message for message in posted if message["type"] == "subscribed")
    updates = [message["offset"] for message in posted if message["type"] == "card_update"]
    assert acknowledged["offset"] == 2
    # Live once it is registered, and from the log where it was asked for.
    assert updates == [2] * ((moment == "after") + (since is not None))


@pytest.mark.parametrize("offset", [0, 99])
def test_since_outside_of_the_log_brings_a_snapshot(clients: Clients, db: Database, board: Board, offset: int) -> None:
    clients.open("c1")
    record(db, board, 4)
    db.execute("DELETE FROM events WHERE context_offset < 3")

    answers = clients.say("c1", {"type": "subscribe", "context_id": str(board.card_id), "since": {"offset": offset}})

    assert len(answers) == 1
    assert (answers[0]["recovered"], answers[0]["offset"]) == (False, 5)
    assert answers[0]["snapshot"]["card"]["id"] == str(board.card_id)


def test_a_project_s_follower_gets_the_base_of_each_card(clients: Clients, board: Board) -> None:
    clients.open("c1")

    (answer,) = clients.say("c1", {"type": "subscribe", "context_id": str(board.project_id)})

    assert (answer["offset"], answer["cards"]) == (0, {str(board.card_id): 1})


def test_a_project_s_follower_gets_what_its_cards_missed(clients: Clients, db: Database, board: Board) -> None:
    clients.open("c1")
    record(db, board, 2)
    since = {"offset": 0, "cards": {str(board.card_id): 2}}

    _, *missed = clients.say("c1", {"type": "subscribe", "context_id": str(board.project_id), "since": since})

    assert [(message["context_id"], message["offset"]) for message in missed] == [(str(board.card_id), 3)]


def test_a_project_s_follower_gets_new_cards_from_their_beginning(clients: Clients, db: Database, board: Board) -> None:
    clients.open("c1")
    new = make_card(db, board)
    record(db, new, 2)

    since = {"offset": 0, "cards": {str(board.card_id): 1}}
    answer, *missed = clients.say("c1", {"type": "subscribe", "context_id": str(board.project_id), "since": since})

    assert answer["recovered"] is True
    assert [(message["context_id"], message["offset"]) for message in missed] == [
        (str(new.card_id), 1),
        (str(new.card_id), 2),
    ]


def test_a_card_s_missed_updates_come_by_offset_whatever_their_ids(
    clients: Clients, db: Database, board: Board
) -> None:
    clients.open("c1")
    record(db, board, 3)
    # The transaction that made its id first took its offset last.
    db.execute("UPDATE events SET id = '00000000-0000-7000-8000-000000000001' WHERE context_offset = 4")

    since = {"offset": 0, "cards": {str(board.card_id): 1}}
    _, *missed = clients.say("c1", {"type": "subscribe", "context_id": str(board.project_id), "since": since})

    assert [message["offset"] for message in missed] == [2, 3, 4]


def test_a_log_with_a_hole_is_not_taken_for_whole(clients: Clients, db: Database, board: Board) -> None:
    clients.open("c1")
    record(db, board, 4)
    db.execute("DELETE FROM events WHERE context_offset = 3")

    (card,) = clients.say("c1", {"type": "subscribe", "context_id": str(board.card_id), "since": {"offset": 1}})
    since = {"offset": 0, "cards": {str(board.card_id): 1}}
    (project,) = clients.say("c1", {"type": "subscribe", "context_id": str(board.project_id), "since": since})

    assert (card["recovered"], project["recovered"]) == (False, False)
    assert project["snapshot"]["project"]["id"] == str(board.project_id)


def test_too_many_missed_updates_bring_a_snapshot(
    clients: Clients, db: Database, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callboard.connections.recovery.MAX_REPLAY", 3)
    clients.open("c1")
    record(db, board, 4)
    context_id = str(board.card_id)

    few = clients.say("c1", {"type": "subscribe", "context_id": context_id, "since": {"offset": 2}})
    many = clients.say("c1", {"type": "subscribe", "context_id": context_id, "since": {"offset": 1}})

    assert [len(few), len(many)] == [4, 1]
    assert (few[0]["recovered"], many[0]["recovered"]) == (True, False)


def test_who_knows_a_deleted_card_does_not_get_its_history_again(clients: Clients, db: Database, board: Board) -> None:
    db.execute("DELETE FROM task_cards WHERE id = %s", (board.card_id,))
    clients.open("c1")

    (first,) = clients.say("c1", {"type": "subscribe", "context_id": str(board.project_id)})
    since = {"offset": first["offset"], "cards": first["cards"]}
    again = clients.say("c1", {"type": "subscribe", "context_id": str(board.project_id), "since": since})

    assert len(again) == 1
    assert again[0]["recovered"] is True


def test_a_project_with_many_cards_says_where_their_offsets_are(clients: Clients, db: Database, board: Board) -> None:
    clients.open("c1")
    add_cards(db, board, 800)

    (answer,) = clients.say("c1", {"type": "subscribe", "id": "1", "context_id": str(board.project_id)})

    assert (answer["type"], answer["recovered"], answer["offset"]) == ("subscribed", True, 0)
    assert answer["cards_url"] == f"/api/projects/{board.project_id}/offsets"
    assert "cards" not in answer
    assert max(clients.endpoint.sizes) <= MAX_MESSAGE_BYTES


def test_a_large_snapshot_becomes_a_url(clients: Clients, db: Database, board: Board) -> None:
    clients.open("c1")
    db.execute("UPDATE task_cards SET params = jsonb_build_object('prompt', repeat('x', 60000))")

    (answer,) = clients.say("c1", {"type": "subscribe", "context_id": str(board.card_id), "since": {"offset": 99}})

    assert (answer["recovered"], answer["snapshot_url"]) == (False, f"/api/cards/{board.card_id}")
    assert "snapshot" not in answer


def test_followers_of_a_card_and_of_its_project_get_an_event_once_each(
    clients: Clients, db: Database, board: Board
) -> None:
    for connection in ("both", "card", "project", "other"):
        clients.open(connection)
    for connection, contexts in {
        "both": (board.card_id, board.project_id),
        "card": (board.card_id,),
        "project": (board.project_id,),
    }.items():
        for context_id in contexts:
            clients.say(connection, {"type": "subscribe", "context_id": str(context_id)})
    before = len(clients.endpoint.posts)

    assert deliver(*record(db, board)) == {"batchItemFailures": []}

    posts = clients.endpoint.posts[before:]
    assert sorted(connection for connection, _ in posts) == ["both", "card", "project"]
    assert {(message["context_id"], message["offset"]) for _, message in posts} == {(str(board.card_id), 2)}


def test_posts_go_out_concurrently(clients: Clients, db: Database, board: Board) -> None:
    for number in range(8):
        clients.open(f"c{number}")
        clients.say(f"c{number}", {"type": "subscribe", "context_id": str(board.card_id)})
    clients.endpoint.most_busy = 0

    deliver(*record(db, board))

    assert clients.endpoint.most_busy > 1


def test_a_connection_that_is_gone_is_removed(clients: Clients, db: Database, board: Board) -> None:
    clients.open("gone")
    clients.say("gone", {"type": "subscribe", "context_id": str(board.card_id)})
    clients.endpoint.status_of["gone"] = 410

    assert deliver(*record(db, board)) == {"batchItemFailures": []}

    assert items("connections") == []


def test_what_a_cut_disconnect_left_behind_goes_with_the_next(clients: Clients, board: Board) -> None:
    clients.open("c1")
    clients.say("c1", {"type": "subscribe", "context_id": str(board.card_id)})
    delete_item("CONN#c1", "META")
    delete_item("USER#alice#user-alice", "CONN#c1")

    clients.close("c1")

    assert items("connections") == []


def test_a_follower_that_only_the_context_knows_is_removed_when_it_is_gone(
    clients: Clients, db: Database, board: Board
) -> None:
    clients.open("c1")
    clients.say("c1", {"type": "subscribe", "context_id": str(board.card_id)})
    for sort in ("META", f"CTX#{board.card_id}"):
        delete_item("CONN#c1", sort)
    delete_item("USER#alice#user-alice", "CONN#c1")
    clients.endpoint.status_of["c1"] = 410

    deliver(*record(db, board))

    assert items("connections") == []


def test_subscribing_on_a_connection_that_is_gone_leaves_nothing(clients: Clients, board: Board) -> None:
    clients.open("c1")
    clients.endpoint.status_of["c1"] = 410

    assert clients.say("c1", {"type": "subscribe", "context_id": str(board.card_id)}) == []

    assert items("connections") == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_post_that_fails_for_a_moment_is_tried_again(
    clients: Clients, db: Database, board: Board, status: int
) -> None:
    clients.open("c1")
    clients.say("c1", {"type": "subscribe", "context_id": str(board.card_id)})
    clients.endpoint.first_statuses["c1"] = [status]

    assert deliver(*record(db, board)) == {"batchItemFailures": []}

    assert clients.endpoint.messages("c1")[-1]["offset"] == 2


def test_a_batch_reads_each_context_s_followers_once_and_posts_in_order(
    clients: Clients, db: Database, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients.open("c1")
    clients.say("c1", {"type": "subscribe", "context_id": str(board.card_id)})
    read: list[Any] = []
    followers = repository.followers

    def count(context_id: Any) -> list[str]:
        read.append(context_id)
        return followers(context_id)

    monkeypatch.setattr(repository, "followers", count)

    assert deliver(*record(db, board, 10)) == {"batchItemFailures": []}

    assert sorted(read) == sorted([board.card_id, board.project_id])
    assert [message["offset"] for message in clients.endpoint.messages("c1")[1:]] == list(range(2, 12))


def test_a_table_that_does_not_answer_brings_back_the_records_it_concerns(
    clients: Clients, db: Database, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients.open("c1")
    clients.say("c1", {"type": "subscribe", "context_id": str(board.card_id)})
    other = make_board(db)
    followers = repository.followers

    def fail(context_id: Any) -> list[str]:
        if context_id == other.card_id:
            raise ConnectionsUnavailableError
        return followers(context_id)

    monkeypatch.setattr(repository, "followers", fail)

    answer = deliver(*record(db, other), *record(db, board))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    assert clients.endpoint.messages("c1")[-1]["offset"] == 2


def test_a_gone_connection_that_cannot_be_forgotten_brings_nothing_back(
    clients: Clients, db: Database, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    for connection in ("gone", "here"):
        clients.open(connection)
        clients.say(connection, {"type": "subscribe", "context_id": str(board.card_id)})
    clients.endpoint.status_of["gone"] = 410

    def fail(*_: Any) -> None:
        raise ConnectionsUnavailableError

    with monkeypatch.context() as patch:
        patch.setattr(repository, "delete_connection", fail)
        answer = deliver(*record(db, board))

    assert answer == {"batchItemFailures": []}
    assert clients.endpoint.messages("here")[-1]["offset"] == 2
    assert repository.followers(board.card_id) == ["gone", "here"]


def test_without_the_table_each_is_told_to_try_again(
    clients: Clients, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients.open("c1")
    ticket = clients.ticket()
    with monkeypatch.context() as patch:
        patch.setattr(aws, "dynamodb", SilentTable)
        asked = call_http(issue_ticket, "POST", "/api/connections/ticket", claims=ALICE)
        (subscribed,) = clients.say("c1", {"type": "subscribe", "id": "1", "context_id": str(board.card_id)})
        refused = clients.connect("c2", ticket)

    assert (asked.status, asked.body["error"]["code"]) == (503, "CONNECTIONS_UNAVAILABLE")
    assert (subscribed["type"], subscribed["id"]) == ("error", "1")
    assert subscribed["error"]["code"] == "CONNECTIONS_UNAVAILABLE"
    assert refused == 403
    assert clients.connect("c2", ticket) == 200


def test_a_failing_post_brings_back_that_record_alone(clients: Clients, db: Database, board: Board) -> None:
    clients.open("c1")
    clients.say("c1", {"type": "subscribe", "context_id": str(board.card_id)})
    other = make_board(db)
    clients.endpoint.status_of["c1"] = 403

    answer = deliver(*record(db, other), *record(db, board))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}


def test_an_unreadable_event_fails_alone(clients: Clients, db: Database, board: Board) -> None:
    clients.open("c1")
    clients.say("c1", {"type": "subscribe", "context_id": str(board.card_id)})
    (event,) = record(db, board)

    answer = notify(sqs_event("rubbish", {"detail": {"topic": "no"}}, {"detail": event}), Context())

    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == ["message-0", "message-1"]
    assert clients.endpoint.messages("c1")[-1]["offset"] == event["offset"]


def test_an_update_too_large_for_a_message_becomes_a_thin_one(clients: Clients, db: Database, board: Board) -> None:
    clients.open("c1")
    clients.say("c1", {"type": "subscribe", "context_id": str(board.card_id)})

    deliver(*record(db, board, title="x" * 40_000))

    thin = clients.endpoint.messages("c1")[-1]
    assert (thin["thin"], thin["offset"], thin["url"]) == (True, 2, f"/api/cards/{board.card_id}/updates?after=1")


def test_unsubscribing_ends_the_updates(clients: Clients, db: Database, board: Board) -> None:
    clients.open("c1")
    context_id = str(board.card_id)
    clients.say("c1", {"type": "subscribe", "context_id": context_id})

    answer = clients.say("c1", {"type": "unsubscribe", "id": "2", "context_id": context_id})
    deliver(*record(db, board))

    assert answer == [{"type": "unsubscribed", "id": "2", "context_id": context_id}]
    assert clients.endpoint.messages("c1")[-1]["type"] == "unsubscribed"


def test_a_ping_is_answered_and_an_old_connection_told_to_reconnect(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients.open("c1")
    assert clients.say("c1", {"type": "ping"}) == [{"type": "pong"}]

    monkeypatch.setattr(repository, "now", lambda: datetime.now(UTC) + timedelta(minutes=106))

    assert clients.say("c1", {"type": "ping"}) == [{"type": "reconnect"}]


def test_subscriptions_of_a_connection_are_bounded(
    clients: Clients, db: Database, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callboard.connections.recovery.MAX_SUBSCRIPTIONS", 1)
    other = make_board(db)
    record(db, other)
    clients.open("c1")
    clients.say("c1", {"type": "subscribe", "context_id": str(board.card_id)})

    (again,) = clients.say("c1", {"type": "subscribe", "context_id": str(board.card_id)})
    (more,) = clients.say("c1", {"type": "subscribe", "context_id": str(other.card_id)})

    assert again["type"] == "subscribed"
    assert more["error"]["code"] == "TOO_MANY_SUBSCRIPTIONS"


def test_a_message_of_an_unknown_connection_is_answered_so(clients: Clients) -> None:
    (answer,) = clients.say(f"never-{uuid4().hex}", {"type": "ping"})

    assert answer["error"]["code"] == "CONNECTION_UNKNOWN"


def test_tokens_of_both_tenants_get_tickets(clients: Clients) -> None:
    assert clients.ticket(ALICE) != clients.ticket(BOB)
