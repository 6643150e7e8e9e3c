"""Following a run: segments of events that lose nothing between them, and end when the run has ended."""

from typing import Any

import pytest

from support.agent_api import Event, ask, code_of, events_of
from support.agents import Agent
from support.board import Board
from support.model import calls, says

RUN = {"assistant_id": "production", "input": {"brief": "A lamp"}}


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callboard.agents.streams.SEGMENT_SECONDS", 0.0)
    monkeypatch.setattr("callboard.agents.streams.STEP_SECONDS", 0.01)


def stream(agent: Agent, run_id: Any, seen: str | None = None, **query: str) -> list[Event]:
    headers = {"Last-Event-ID": seen} if seen is not None else {}
    path = f"/threads/{agent.thread_id}/runs/{run_id}/stream"
    return events_of(ask("GET", path, headers=headers, query=query))


def follow_all(agent: Agent, run_id: Any, **query: str) -> list[Event]:
    """Read segments as the SDK does, each from where the one before it ended, until the run's end."""
    events: list[Event] = []
    seen: str | None = None
    for _ in range(100):
        segment = stream(agent, run_id, seen, **query)
        seen = next((event.id for event in reversed(segment) if event.id), seen)
        events += segment
        if segment[-1].name in {"end", "error"}:
            return events
    raise AssertionError("the stream did not end")


def order(board: Board) -> Any:
    plan = {
        "project_id": str(board.project_id),
        "title": "Dusk",
        "cards": [{"title": "Lamp", "params": {"prompt": "A lamp"}, "candidates": 1}],
    }
    return calls(("create_activity_with_cards", plan), ("wait_for_jobs", {}))


def nodes(events: list[Event]) -> list[str]:
    return [name for event in events if event.name == "updates" for name in event.data]


def test_a_stream_begins_with_what_it_is_about_and_where_to_go_on(agent: Agent) -> None:
    answer = ask("POST", f"/threads/{agent.thread_id}/runs/stream", RUN)

    [about] = events_of(answer)
    run = about.data["run_id"]
    assert (about.name, about.data["thread_id"]) == ("metadata", str(agent.thread_id))
    assert about.id
    assert answer.headers["Location"] == f"/threads/{agent.thread_id}/runs/{run}/stream"
    assert answer.headers["Content-Location"] == f"/threads/{agent.thread_id}/runs/{run}"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_segment_of_a_run_that_has_not_ended_has_no_end(agent: Agent) -> None:
    run = agent.start()

    assert [event.name for event in stream(agent, run.run_id)] == ["metadata"]


def test_the_values_of_an_ended_run_are_told_one_after_another_and_then_the_end(agent: Agent) -> None:
    run = agent.start()
    agent.steps()

    first, *values, end = stream(agent, run.run_id)

    assert (first.name, {event.name for event in values}, end.name) == ("metadata", {"values"}, "end")
    assert [event.data.get("answer") for event in values] == [None, None, None, "Done."]
    assert values[0].data["brief"] == "A lamp"
    assert end.data is None


def test_each_event_s_id_is_later_than_the_one_before(agent: Agent) -> None:
    run = agent.start()
    agent.steps()

    ids = [event.id for event in stream(agent, run.run_id) if event.id is not None]

    assert ids == sorted(set(ids))
    assert len(ids) == 5


def test_the_next_segment_begins_where_the_one_before_it_ended(agent: Agent) -> None:
    run = agent.start()
    agent.steps()
    whole = stream(agent, run.run_id)

    rest = stream(agent, run.run_id, whole[2].id)

    assert rest[1:] == whole[3:]


def test_whoever_saw_everything_hears_of_the_end_once_more(agent: Agent) -> None:
    run = agent.start()
    agent.steps()
    last = stream(agent, run.run_id)[-2].id

    assert [event.name for event in stream(agent, run.run_id, last)] == ["metadata", "end"]


@pytest.mark.parametrize("nowhere", ["-1", "0", "zzz", "later"])
def test_a_place_that_is_none_is_the_beginning(agent: Agent, nowhere: str) -> None:
    run = agent.start()
    agent.steps()

    assert [event.name for event in stream(agent, run.run_id, nowhere)] == [
        event.name for event in stream(agent, run.run_id)
    ]


def test_updates_tell_what_each_node_changed(agent: Agent, board: Board) -> None:
    agent.model.answers = [order(board), says("Done.")]
    run = agent.start()
    agent.steps()
    agent.wake(agent.end_jobs())
    agent.steps()

    events = stream(agent, run.run_id, stream_mode="updates")

    assert nodes(events) == ["recall", "think", "act", "wait", "think", "finish"]
    [finished] = [event.data["finish"] for event in events if event.name == "updates" and "finish" in event.data]
    assert finished["answer"] == "Done."
    assert events[-1].name == "end"


def test_both_modes_tell_of_a_node_before_the_values_that_it_led_to(agent: Agent) -> None:
    run = agent.start(stream_mode=["updates", "values"])
    agent.steps()

    names = [event.name for event in stream(agent, run.run_id)]

    assert names == ["metadata", "values", "updates", "values", "updates", "values", "updates", "values", "end"]


def test_modes_may_be_asked_for_together(agent: Agent) -> None:
    run = agent.start()
    agent.steps()

    events = stream(agent, run.run_id, stream_mode="updates,values")

    assert {event.name for event in events} == {"metadata", "updates", "values", "end"}


def test_no_mode_at_all_is_the_one_that_the_run_was_made_for(agent: Agent) -> None:
    run = agent.start(stream_mode=["updates"])
    agent.steps()

    for query in ({}, {"stream_mode": ""}):
        assert {event.name for event in stream(agent, run.run_id, **query)} == {"metadata", "updates", "end"}


def test_a_mode_that_is_not_offered_is_refused(agent: Agent) -> None:
    run = agent.start()

    answer = ask("GET", f"/threads/{agent.thread_id}/runs/{run.run_id}/stream", query={"stream_mode": "messages"})

    assert code_of(answer) == (422, "NOT_OFFERED")


@pytest.mark.parametrize("most", [1, 3000])
@pytest.mark.parametrize("mode", ["values", "updates"])
def test_nothing_is_lost_or_told_twice_between_segments_that_are_full(
    agent: Agent, board: Board, monkeypatch: pytest.MonkeyPatch, mode: str, most: int
) -> None:
    agent.model.answers = [order(board), says("Done.")]
    run = agent.start()
    agent.steps()
    agent.wake(agent.end_jobs())
    agent.steps()
    whole = [event for event in stream(agent, run.run_id, stream_mode=mode) if event.name == mode]

    monkeypatch.setattr("callboard.agents.streams.MAX_CHARACTERS", most)
    events = follow_all(agent, run.run_id, stream_mode=mode)

    assert [event for event in events if event.name == mode] == whole
    assert len([event for event in events if event.name == "metadata"]) > 1


def test_nothing_is_lost_or_told_twice_while_the_run_goes_on(
    agent: Agent, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.model.answers = [order(board), says("Done.")]
    run = agent.start()
    # Each look at the run finds it one step further.
    monkeypatch.setattr("callboard.agents.streams.SEGMENT_SECONDS", 60.0)
    monkeypatch.setattr("callboard.agents.streams.GATHER_SECONDS", 0.0)

    def go_on(_: float) -> None:
        if agent.step() == "nothing":
            agent.wake(agent.end_jobs())

    monkeypatch.setattr("callboard.agents.streams.time.sleep", go_on)

    events = follow_all(agent, run.run_id, stream_mode="updates,values")

    assert nodes(events) == ["recall", "think", "act", "wait", "think", "finish"]
    assert [event.data.get("turn") for event in events if event.name == "values"] == [None, 0, 1, 1, 1, 2, 2]


def test_a_failed_run_ends_its_stream_with_the_error(agent: Agent) -> None:
    agent.model.answers = [says(" ")]
    run = agent.start()
    agent.steps()

    events = stream(agent, run.run_id)

    assert events[-1].name == "error"
    assert events[-1].data == {"error": "MODEL_FAILED", "message": "The model gave no answer."}


def test_a_question_comes_before_the_end_in_each_mode(agent: Agent) -> None:
    agent.model.answers = [calls(("request_approval", {"question": "Good?"}))]
    run = agent.start()
    agent.steps()

    for mode in ("values", "updates"):
        *_, asked, end = stream(agent, run.run_id, stream_mode=mode)
        assert (asked.name, end.name) == (mode, "end")
        assert asked.data["__interrupt__"][0]["value"]["question"] == "Good?"


def test_sleeping_for_jobs_asks_a_follower_nothing(agent: Agent, board: Board) -> None:
    agent.model.answers = [order(board), says("Done.")]
    run = agent.start()
    agent.steps()
    asleep = stream(agent, run.run_id, stream_mode="updates,values")
    agent.wake(agent.end_jobs())
    agent.steps()

    events = asleep + stream(agent, run.run_id, stream_mode="updates,values")

    assert not [event for event in events if event.data and "__interrupt__" in event.data]


def test_a_run_s_stream_tells_nothing_of_the_run_before_it(agent: Agent) -> None:
    agent.model.answers = [says("First."), says("Second.")]
    agent.start()
    agent.steps()
    run = agent.start(input={"brief": "Second"})
    agent.steps()

    values = [event.data for event in stream(agent, run.run_id) if event.name == "values"]

    assert {one["brief"] for one in values} == {"Second"}
    assert values[-1]["answer"] == "Second."


def test_an_answered_run_tells_first_what_the_answer_changed(agent: Agent) -> None:
    agent.model.answers = [calls(("request_approval", {"question": "Good?"})), says("Done.")]
    agent.start()
    agent.steps()
    run = agent.start(input=None, command={"resume": {"approved": True}})
    agent.steps()

    events = stream(agent, run.run_id, stream_mode="updates,values")

    assert nodes(events) == ["approve", "think", "finish"]
    assert [event.name for event in events].count("values") == 3


def test_a_run_that_goes_on_from_a_change_tells_first_what_followed_it(agent: Agent) -> None:
    ask("POST", f"/threads/{agent.thread_id}/state", {"values": {"brief": "A lamp"}, "as_node": "__start__"})
    run = agent.start(input=None)
    agent.steps()

    assert nodes(stream(agent, run.run_id, stream_mode="updates")) == ["recall", "think", "finish"]


def test_a_run_that_tries_again_what_failed_tells_of_that_alone(agent: Agent) -> None:
    agent.model.answers = [says(" "), says("Done.")]
    agent.start()
    agent.steps()
    run = agent.start(input=None)
    agent.steps()

    assert nodes(stream(agent, run.run_id, stream_mode="updates")) == ["think", "finish"]


def test_a_run_without_a_thread_is_followed_in_its_own(agent: Agent, board: Board) -> None:
    answer = ask("POST", "/runs/stream", RUN | {"metadata": {"project_id": str(board.project_id)}})

    [about] = events_of(answer)
    assert answer.headers["Location"] == f"/threads/{about.data['thread_id']}/runs/{about.data['run_id']}/stream"
