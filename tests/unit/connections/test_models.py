"""What a client's message may say."""

import json
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from callboard.connections.models import REQUEST, Ping, Since, Subscribe, Unsubscribe

CARD = "0198f2a0-0000-7000-8000-000000000001"
FOLLOW = {"type": "subscribe", "context_id": CARD}


@pytest.mark.parametrize(
    ("message", "request_"),
    [
        ({"type": "ping"}, Ping(type="ping")),
        ({"type": "ping", "id": "7"}, Ping(type="ping", id="7")),
        ({**FOLLOW, "type": "unsubscribe"}, Unsubscribe(type="unsubscribe", context_id=UUID(CARD))),
        (FOLLOW, Subscribe(type="subscribe", context_id=UUID(CARD))),
        (FOLLOW | {"since": None}, Subscribe(type="subscribe", context_id=UUID(CARD))),
        (
            FOLLOW | {"since": {"offset": 4, "cards": {CARD: 0}}},
            Subscribe(type="subscribe", context_id=UUID(CARD), since=Since(offset=4, cards={UUID(CARD): 0})),
        ),
    ],
)
def test_a_message_is_read(message: dict[str, Any], request_: Any) -> None:
    assert REQUEST.validate_json(json.dumps(message)) == request_


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"type": None},
        {"type": "SUBSCRIBE", "context_id": CARD},
        {"type": "ping", "context_id": CARD},
        {"type": "ping", "id": "x" * 65},
        {"type": "ping", "id": ["1"]},
        {"type": "unsubscribe", "context_id": CARD, "since": {"offset": 1}},
        FOLLOW | {"context_id": 7},
        FOLLOW | {"context_id": ""},
        FOLLOW | {"tenant": "bob"},
        FOLLOW | {"since": {"offset": 1.0}},
        FOLLOW | {"since": {"offset": 2**53 + 1}},
        FOLLOW | {"since": {"offset": 1, "epoch": "e"}},
        FOLLOW | {"since": {"offset": 1, "cards": {"card": 1}}},
        FOLLOW | {"since": {"offset": 1, "cards": {CARD: None}}},
        FOLLOW | {"since": {"offset": 1, "cards": [CARD]}},
    ],
)
def test_a_message_that_says_anything_else_is_refused(message: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        REQUEST.validate_json(json.dumps(message))
