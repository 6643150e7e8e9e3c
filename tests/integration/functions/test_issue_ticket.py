"""issue_ticket as a function: its sample event, and what it keeps to itself."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from issue_ticket.handler import lambda_handler
from support.lambdas import ALICE, Context, call_http
from support.logs import logged

pytestmark = pytest.mark.usefixtures("cloud")
SAMPLE = Path(__file__).parents[3] / "infra" / "events" / "issue_ticket.json"
TICKET = "/api/connections/ticket"


def test_without_a_token_there_is_no_ticket() -> None:
    answer = call_http(lambda_handler, "POST", TICKET)

    assert (answer.status, answer.body["error"]["code"]) == (401, "UNAUTHENTICATED")


def test_the_sample_event_is_answered_with_a_ticket() -> None:
    answer = lambda_handler(json.loads(SAMPLE.read_text()), Context())

    body = json.loads(answer["body"])
    assert answer["statusCode"] == 200
    assert set(body) == {"ticket", "url", "expires_in"}
    assert body["expires_in"] == 60
    # The client adds its ticket to it.
    assert (urlsplit(body["url"]).scheme, urlsplit(body["url"]).query) == ("wss", "")


def test_two_tickets_are_never_the_same_and_long_enough_not_to_be_guessed() -> None:
    tickets = {call_http(lambda_handler, "POST", TICKET, claims=ALICE).body["ticket"] for _ in range(5)}

    assert len(tickets) == 5
    assert all(len(ticket) >= 43 for ticket in tickets)


def test_a_ticket_is_not_logged() -> None:
    with logged() as lines:
        ticket = call_http(lambda_handler, "POST", TICKET, claims=ALICE).body["ticket"]

    assert [line["action"] for line in lines] == ["http_request"]
    assert ticket not in json.dumps(lines)
