"""Rules about runs that need no database: how they are followed, and what answers a question."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from callboard.agents.errors import InvalidResumeError, NotOfferedError, ThreadNotInterruptedError
from callboard.agents.models import Thread, ThreadStatus
from callboard.agents.service import modes_of, resume_of

CHOICE = str(uuid4())


def asked(status: ThreadStatus = "interrupted", *, questions: int = 1) -> Thread:
    value = {"type": "approval", "question": "Which?", "card_id": None, "choices": [CHOICE]}
    now = datetime.now(UTC)
    return Thread(
        thread_id=uuid4(),
        created_at=now,
        updated_at=now,
        metadata={},
        status=status,
        interrupts={"task": [{"id": "question", "value": value}] * questions} if questions else {},
    )


@pytest.mark.parametrize(
    ("wanted", "modes"),
    [
        ("values", ["values"]),
        ("updates", ["updates"]),
        (["updates", "values"], ["updates", "values"]),
        ([], ["values"]),
    ],
)
def test_a_run_is_followed_by_values_and_updates(wanted: str | list[str], modes: list[str]) -> None:
    assert modes_of(wanted) == modes


@pytest.mark.parametrize("wanted", ["messages", "", ["values", "events"], ["messages-tuple"]])
def test_a_run_is_followed_in_no_other_mode(wanted: str | list[str]) -> None:
    with pytest.raises(NotOfferedError) as refused:
        modes_of(wanted)

    assert [fault["field"] for fault in refused.value.details["fields"]] == ["stream_mode"]


@pytest.mark.parametrize(
    "given",
    [
        {"approved": True, "choice": CHOICE, "comment": "Warm."},
        {"question": {"approved": True, "choice": CHOICE, "comment": "Warm."}},
    ],
)
def test_an_answer_is_kept_by_the_id_of_its_question(given: dict[str, Any]) -> None:
    assert resume_of(asked(), given) == {"question": {"approved": True, "choice": CHOICE, "comment": "Warm."}}


def test_what_an_answer_leaves_out_is_null() -> None:
    assert resume_of(asked(), {"approved": False}) == {"question": {"approved": False, "choice": None, "comment": None}}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (None, "command.resume"),
        (True, "command.resume"),
        ([{"approved": True}], "command.resume"),
        ({}, "command.resume.approved"),
        ({"approved": "perhaps"}, "command.resume.approved"),
        ({"approved": True, "choice": "first"}, "command.resume.choice"),
        ({"approved": True, "comment": "x" * 4001}, "command.resume.comment"),
        ({"approved": True, "why": "x"}, "command.resume.why"),
        ({"question": True}, "command.resume"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_with_its_field_and_the_question(given: Any, field: str) -> None:
    with pytest.raises(InvalidResumeError) as refused:
        resume_of(asked(), given)

    assert [fault["field"] for fault in refused.value.details["fields"]] == [field]
    assert refused.value.details["interrupt"]["id"] == "question"


def test_a_choice_that_was_not_offered_is_refused_with_those_that_were() -> None:
    with pytest.raises(InvalidResumeError) as refused:
        resume_of(asked(), {"approved": True, "choice": str(uuid4())})

    assert refused.value.details == {"choices": [CHOICE]}


@pytest.mark.parametrize("status", ["idle", "busy", "error"])
def test_nothing_is_answered_where_nobody_is_asked(status: ThreadStatus) -> None:
    with pytest.raises(ThreadNotInterruptedError):
        resume_of(asked(status), {"approved": True})
    with pytest.raises(ThreadNotInterruptedError):
        resume_of(asked(questions=0), {"approved": True})
