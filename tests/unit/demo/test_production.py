"""What is known of a production."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callboard.connections.client import Update
from callboard_local.demo.brief import Brief
from callboard_local.demo.production import PlannedActivity, PlannedCard, Production, Wait

BRIEF = Brief.model_validate(
    {
        "title": "T",
        "activities": [
            {"title": "A", "cards": [{"title": "One", "prompt": "a"}, {"title": "Two", "prompt": "b"}]},
            {"title": "B", "cards": [{"title": "One", "prompt": "c"}]},
        ],
    }
)
START = datetime(2026, 1, 1, tzinfo=UTC)


def take(production: Production, topic: str, **data: Any) -> list[str]:
    """Take an update; return the lines that it makes."""
    return [note.text for note in production.take(Update("c", 1, f"{topic.partition('.')[0]}_update", topic, data, {}))]


def take_job(production: Production, status: str, job: str = "j", **data: Any) -> list[str]:
    told = {"card_id": "c1", "retry_of": None, "error_code": None, "error_message": None, "attempt": 1}
    return take(production, "job.status.updated", job_id=job, status=status, **told | data)


def card(card_id: str, title: str, activity: str, position: int = 0) -> dict[str, Any]:
    return {"id": card_id, "title": title, "activity_id": activity, "position": position}


def job(job_id: str, card_id: str, status: str = "completed", **data: Any) -> dict[str, Any]:
    """Make a job that was claimed after a second and ended after three."""
    times = {name: (START + timedelta(seconds=at)).isoformat() for name, at in (("created_at", 0), ("started_at", 1))}
    ended = (START + timedelta(seconds=3)).isoformat()
    common = {"error_code": None, "error_message": None, "completed_at": ended}
    return {"job_id": job_id, "card_id": card_id, "status": status} | times | common | data


@pytest.fixture
def production() -> Production:
    return Production(BRIEF)


def test_cards_stand_as_on_the_board_whatever_came_first(production: Production) -> None:
    take(production, "card.created", card_id="c3", title="One", activity_id="b", position=0)
    take(production, "card.created", card_id="c2", title="Two", activity_id="a", position=1)
    take(production, "activity.created", activity_id="b", title="B", position=1)
    take(production, "card.created", card_id="c1", title="One", activity_id="a", position=0)
    take(production, "activity.created", activity_id="a", title="A", position=0)

    assert [(production.activity_of(card), card.title) for card in production.board] == [
        ("A", "One"),
        ("A", "Two"),
        ("B", "One"),
    ]


def test_card_is_gone_from_the_board_once_deleted(production: Production) -> None:
    take(production, "card.created", card_id="c1", title="One", activity_id="a", position=0)
    take(production, "card.deleted", card_id="c1", title="One", activity_id="a", position=0)

    assert production.board == []


def test_state_of_a_card_is_what_happens_to_it_now(production: Production) -> None:
    states = []
    for status in ("queued", "processing", "failed"):
        take_job(production, status)
        states.append(production.cards["c1"].state)
    take_job(production, "completed", job="k")
    states.append(production.cards["c1"].state)
    take(production, "asset.approved", card_id="c1", job_id="k")
    states.append(production.cards["c1"].state)

    assert states == ["queued", "processing", "failed", "completed", "approved"]


def test_failure_and_its_retries_are_told(production: Production) -> None:
    take(production, "card.created", card_id="c1", title="One", activity_id="a", position=0)
    lines = take_job(production, "queued", attempt=0) + take_job(production, "processing")
    assert lines == []

    assert take_job(production, "queued") == ["a job of One is tried again: attempt 1 failed"]
    failed = take_job(production, "failed", error_code="model_error", error_message="It broke.")
    assert failed == ["a job of One failed: It broke. (model_error)"]
    assert take_job(production, "queued", job="k", retry_of="j") == ["a job of One is tried again by the agent"]
    assert take_job(production, "processing", job="k", retry_of="j") == []


def test_brief_is_done_once_each_of_its_cards_has_an_asset(production: Production) -> None:
    activities = [
        {"id": "a", "title": "A", "position": 0, "cards": [card("c1", "one", "a"), card("c2", "Two", "a", 1)]},
        {"id": "b", "title": "B", "position": 1, "cards": [card("c3", "One", "b"), card("c4", "More", "b", 1)]},
    ]
    assets = [{"card_id": card_id, "job_id": "j"} for card_id in ("c1", "c2", "c3")]

    production.settle(activities, [job("j", "c1"), job("k", "c2")], assets)

    assert production.shortcomings() == []


def test_each_card_without_an_asset_is_named_with_the_reason(production: Production) -> None:
    activities = [
        {"id": "b", "title": "B", "position": 0, "cards": [card("c3", "One", "b"), card("c2", "Two", "b", 1)]}
    ]
    failed = job("j", "c2", "failed", error_code="content_policy", error_message="Refused.")

    production.settle(activities, [failed], [{"card_id": "c3", "job_id": "k"}])

    assert production.shortcomings() == ["Two: Refused. (content_policy)", "One: the agent did not plan it"]


def test_waking_takes_the_time_from_the_last_end_that_was_needed(production: Production) -> None:
    at = [START + timedelta(seconds=seconds) for seconds in (2, 3.5, 4)]
    production.waits = [
        Wait(at[0], ("j", "k"), "all", 2, at[1]),
        Wait(at[1], ("j",), "any", 1, at[2]),
        Wait(at[0], ("j", "unknown"), "all", 2, at[1]),
        Wait(at[2], ("j",), "all", 1),
    ]

    production.settle([], [job("j", "c1"), job("k", "c1", "failed")], [])

    assert production.timings.wake == [0.5, 0.5]
    assert (production.timings.queue_wait, production.timings.generation) == ([1.0], [2.0])
    assert [wait.seconds for wait in production.waits] == [1.5, 0.5, 1.5, None]


def test_plan_takes_the_time_to_the_last_card_before_the_first_sleep(production: Production) -> None:
    cards = [{"created_at": (START + timedelta(seconds=seconds)).isoformat()} for seconds in (1, 2, 9)]

    production.timings.add_plan(START, START + timedelta(seconds=3), cards)
    production.timings.add_plan(START, None, [])

    assert production.timings.rows() == [("plan", "brief sent to plan on the board", 2.0, 2.0)]


def test_planned_activity_is_one_line() -> None:
    planned = PlannedActivity("Dusk", (PlannedCard("Lamp", 2), PlannedCard("Sea", 1)))

    assert str(planned) == "Dusk: Lamp (2), Sea"
