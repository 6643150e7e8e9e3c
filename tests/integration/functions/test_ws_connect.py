"""ws_connect as a function: its sample event, its log, what a full table of connections leads to."""

import json
from pathlib import Path
from typing import Any

import pytest

from issue_ticket.handler import lambda_handler as issue_ticket
from support.lambdas import ALICE, Context, call_http, websocket_event
from support.logs import logged
from ws_connect.handler import lambda_handler

pytestmark = pytest.mark.usefixtures("cloud")
SAMPLE = Path(__file__).parents[3] / "infra" / "events" / "ws_connect.json"


def connect(connection_id: str, ticket: str | None) -> dict[str, Any]:
    query = None if ticket is None else {"ticket": ticket}
    return lambda_handler(websocket_event("$connect", connection_id, query=query), Context())


def new_ticket() -> str:
    ticket: str = call_http(issue_ticket, "POST", "/api/connections/ticket", claims=ALICE).body["ticket"]
    return ticket


def test_the_sample_event_s_ticket_is_refused() -> None:
    event = json.loads(SAMPLE.read_text())

    answer = lambda_handler(event, Context())

    error = json.loads(answer["body"])["error"]
    assert answer["statusCode"] == 403
    assert (error["code"], error["request_id"]) == ("TICKET_REFUSED", event["requestContext"]["requestId"])


@pytest.mark.parametrize("ticket", [None, "", "x" * 4000, "\ud800"])
def test_whatever_is_no_ticket_is_refused(ticket: str | None) -> None:
    assert connect("c1", ticket)["statusCode"] == 403


def test_a_connection_is_logged_without_its_ticket() -> None:
    ticket = new_ticket()

    with logged() as lines:
        assert connect("c1", ticket) == {"statusCode": 200}
        connect("c2", ticket)

    assert [line["action"] for line in lines] == ["connection_opened", "connection_refused"]
    assert ticket not in json.dumps(lines)


def test_a_user_s_twenty_first_connection_is_refused() -> None:
    answers = [connect(f"c{number}", new_ticket()) for number in range(21)]

    assert [answer["statusCode"] for answer in answers] == [200] * 20 + [403]
    assert json.loads(answers[-1]["body"])["error"]["code"] == "TOO_MANY_CONNECTIONS"
