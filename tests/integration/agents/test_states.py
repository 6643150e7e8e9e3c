"""States of threads through their routes: the latest, earlier ones, and changes from outside."""

from typing import Any
from uuid import uuid4

import pytest

from callboard.agents import service, snapshots, toolbox
from callboard.database import Database
from support.agent_api import ask, code_of, fields_of
from support.agents import ALICE, Agent, plan
from support.board import Board, count
from support.model import calls, says

MISSING = "1f0c0000-0000-6000-8000-000000000000"


def state(agent: Agent) -> dict[str, Any]:
    answer = ask("GET", f"/threads/{agent.thread_id}/state", query={"subgraphs": "false"})
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.body
    return found


def history(agent: Agent, **wanted: Any) -> list[dict[str, Any]]:
    answer = ask("POST", f"/threads/{agent.thread_id}/history", wanted)
    assert answer.status == 200, answer.text
    states: list[dict[str, Any]] = answer.body
    return states


def update(agent: Agent, **body: Any) -> dict[str, Any]:
    answer = ask("POST", f"/threads/{agent.thread_id}/state", body)
    assert answer.status == 200, answer.text
    checkpoint: dict[str, Any] = answer.body["checkpoint"]
    return checkpoint


def checkpoint_of(found: dict[str, Any]) -> str:
    checkpoint_id: str = found["checkpoint"]["checkpoint_id"]
    return checkpoint_id


class TestReading:
    """The latest state, and one at a checkpoint."""

    def test_a_thread_without_a_run_has_no_values(self, agent: Agent) -> None:
        found = state(agent)

        assert (found["values"], found["next"], found["tasks"]) == ({}, [], [])
        assert (found["created_at"], found["parent_checkpoint"], found["interrupts"]) == (None, None, [])
        assert found["checkpoint"]["thread_id"] == str(agent.thread_id)

    def test_a_state_has_all_that_the_sdk_and_remote_graphs_read(self, agent: Agent) -> None:
        run = agent.start()
        agent.steps()

        found = state(agent)

        assert found["values"]["answer"] == "Done."
        assert [message["content"] for message in found["values"]["messages"]][1:] == ["Done."]
        assert found["metadata"]["run_id"] == str(run.run_id)
        assert found["checkpoint"]["thread_id"] == found["parent_checkpoint"]["thread_id"] == str(agent.thread_id)

    def test_a_state_does_not_tell_the_internal_id(self, agent: Agent) -> None:
        agent.start()
        agent.steps()

        answer = ask("GET", f"/threads/{agent.thread_id}/state")

        assert str(agent.thread.id) not in answer.text

    def test_a_state_that_waits_for_a_person_shows_task_and_question(self, agent: Agent) -> None:
        agent.model.answers = [calls(("request_approval", {"question": "Good?"}))]
        agent.start()
        agent.steps()

        found = state(agent)

        assert found["next"] == ["approve"]
        [task] = found["tasks"]
        assert {"id", "name", "path", "error", "interrupts", "state", "checkpoint", "result"} <= set(task)
        assert task["interrupts"] == found["interrupts"]
        assert found["interrupts"][0]["value"]["question"] == "Good?"
        assert found["interrupts"][0]["response_schema"]["required"] == ["approved"]

    def test_an_earlier_state_is_read_by_its_checkpoint(self, agent: Agent) -> None:
        agent.start()
        agent.steps()
        earlier = history(agent)[2]

        by_path = ask("GET", f"/threads/{agent.thread_id}/state/{checkpoint_of(earlier)}").body
        by_body = ask(
            "POST", f"/threads/{agent.thread_id}/state/checkpoint", {"checkpoint": earlier["checkpoint"]}
        ).body

        assert by_path == by_body == earlier

    def test_a_checkpoint_that_names_only_its_thread_is_the_latest(self, agent: Agent) -> None:
        agent.start()
        agent.steps()
        only_the_thread = {"checkpoint": {"thread_id": str(agent.thread_id), "checkpoint_ns": ""}}

        answer = ask("POST", f"/threads/{agent.thread_id}/state/checkpoint", only_the_thread)

        assert answer.body == state(agent)

    @pytest.mark.parametrize("checkpoint_id", [MISSING, "7", "%00"])
    def test_a_checkpoint_that_is_missing_is_not_found(self, agent: Agent, checkpoint_id: str) -> None:
        agent.start()
        agent.steps()

        answer = ask("GET", f"/threads/{agent.thread_id}/state/{checkpoint_id}")

        assert code_of(answer) == (404, "CHECKPOINT_NOT_FOUND")

    def test_a_checkpoint_of_another_thread_is_not_found(self, agent: Agent) -> None:
        agent.start()
        agent.steps()
        other = ask("POST", "/threads", {}).body["thread_id"]

        answer = ask("GET", f"/threads/{other}/state/{checkpoint_of(state(agent))}")

        assert code_of(answer) == (404, "CHECKPOINT_NOT_FOUND")

    def test_what_cannot_be_a_checkpoint_is_refused(self, agent: Agent) -> None:
        path = f"/threads/{agent.thread_id}"

        for where, body in (
            ("/state/checkpoint", {"checkpoint": {"checkpoint_id": "\x00"}}),
            ("/history", {"before": "7"}),
            ("/state", {"values": {}, "checkpoint_id": "7"}),
        ):
            assert code_of(ask("POST", path + where, body)) == (422, "VALIDATION_ERROR")


class TestHistory:
    """States of a thread, newest first."""

    def test_states_come_newest_first_each_with_its_parent(self, agent: Agent) -> None:
        agent.start()
        agent.steps()

        states = history(agent)

        assert [one["next"] for one in states] == [[], ["finish"], ["think"], ["recall"], ["__start__"]]
        parents = [one["parent_checkpoint"] and one["parent_checkpoint"]["checkpoint_id"] for one in states]
        assert parents == [*map(checkpoint_of, states[1:]), None]

    def test_a_page_goes_on_before_the_last_state_of_the_one_before(self, agent: Agent) -> None:
        agent.start()
        agent.steps()
        states = history(agent)

        first = history(agent, limit=2)
        second = history(agent, limit=2, before=checkpoint_of(first[-1]))
        as_config = history(agent, limit=2, before={"configurable": {"checkpoint_id": checkpoint_of(first[-1])}})
        as_checkpoint = history(agent, limit=2, before=first[-1]["checkpoint"])

        assert first + second == states[:4]
        assert second == as_config == as_checkpoint

    def test_states_are_found_by_their_metadata(self, agent: Agent) -> None:
        first, second = agent.start(), agent.start()
        agent.steps()

        of_first = history(agent, metadata={"run_id": str(first.run_id)}, limit=100)

        assert len(of_first) == 5
        assert {one["metadata"]["run_id"] for one in of_first} == {str(first.run_id)}
        assert len(history(agent, metadata={"run_id": str(second.run_id)})) == 5

    @pytest.mark.parametrize("limit", [0, 1001])
    def test_a_page_that_cannot_be_is_refused(self, agent: Agent, limit: int) -> None:
        assert fields_of(ask("POST", f"/threads/{agent.thread_id}/history", {"limit": limit})) == ["limit"]

    def test_a_page_that_would_be_too_large_to_be_answered_is_shorter_and_the_next_goes_on(
        self, agent: Agent, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        agent.start("x" * 1000)
        agent.steps()
        whole = history(agent, limit=100)
        monkeypatch.setattr(snapshots, "MAX_HISTORY", 6000)
        monkeypatch.setattr(snapshots, "NEXT_PAGE", 1)

        pages = [history(agent, limit=100)]
        while pages[-1]:
            pages.append(history(agent, limit=100, before={"configurable": pages[-1][-1]["checkpoint"]}))

        assert len(pages) > 2
        assert [one for page in pages for one in page] == whole

    def test_a_thread_without_a_run_has_no_history(self, agent: Agent) -> None:
        assert history(agent) == []


class TestUpdating:
    """Changing a state from outside."""

    def test_a_change_makes_a_new_state_and_keeps_what_it_does_not_name(self, agent: Agent) -> None:
        agent.start()
        agent.steps()

        checkpoint = update(agent, values={"answer": "Better."}, as_node="finish")

        found = state(agent)
        assert checkpoint == found["checkpoint"]
        assert (found["values"]["answer"], found["values"]["brief"]) == ("Better.", "A lamp")

    def test_a_run_without_an_input_goes_on_from_the_change(self, agent: Agent) -> None:
        agent.model.answers = [says("First."), says("Second.")]
        agent.start()
        agent.steps()
        update(agent, values={"messages": [{"role": "user", "content": "Once more"}]}, as_node="recall")
        assert state(agent)["next"] == ["think"]

        agent.start(input=None)

        assert agent.steps() == ["success"]
        assert agent.model.asked[-1][-1].text == "Once more"
        assert state(agent)["values"]["answer"] == "Second."

    def test_messages_are_added_in_whatever_form_they_come(self, agent: Agent) -> None:
        agent.start()
        agent.steps()
        shown = state(agent)["values"]["messages"]

        update(agent, values={"messages": [{"type": "human", "content": "One"}, *shown[-1:]]}, as_node="recall")

        messages = state(agent)["values"]["messages"]
        assert [(message["type"], message["content"]) for message in messages[-2:]] == [
            ("human", "One"),
            ("ai", "Done."),
        ]

    def test_a_change_may_begin_from_an_earlier_state(self, agent: Agent) -> None:
        agent.start()
        agent.steps()
        earlier = checkpoint_of(history(agent)[2])

        update(agent, values={"answer": "7"}, as_node="recall", checkpoint_id=earlier)

        found = state(agent)
        assert found["parent_checkpoint"]["checkpoint_id"] == earlier
        assert (found["values"]["answer"], found["next"]) == ("7", ["think"])

    def test_a_checkpoint_that_names_only_its_thread_is_the_latest(self, agent: Agent) -> None:
        agent.start()
        agent.steps()
        latest = checkpoint_of(state(agent))

        update(agent, values={"answer": "7"}, as_node="finish", checkpoint={"thread_id": str(agent.thread_id)})

        assert state(agent)["parent_checkpoint"]["checkpoint_id"] == latest

    def test_a_thread_without_a_run_may_be_given_a_state(self, agent: Agent) -> None:
        update(agent, values={"brief": "A lamp"}, as_node="__start__")

        agent.start(input=None)

        assert agent.steps() == ["success"]
        assert "A lamp" in str(agent.model.asked[0][1].content)

    @pytest.mark.parametrize("node", ["recall", "think", "act", "wait", "approve", "finish"])
    @pytest.mark.parametrize("given", [None, {"brief": "A lamp"}], ids=["fresh", "given"])
    def test_no_node_can_have_done_anything_before_a_run_has_begun(
        self, agent: Agent, node: str, given: dict[str, Any] | None
    ) -> None:
        if given:
            update(agent, values=given, as_node="__start__")
        before = state(agent)

        answer = ask("POST", f"/threads/{agent.thread_id}/state", {"values": {"answer": "7"}, "as_node": node})

        assert fields_of(answer) == ["as_node"]
        assert state(agent) == before

    def test_calls_that_a_person_asks_for_are_carried_out_whatever_the_model_asked_for_before(
        self, db: Database, agent: Agent, board: Board
    ) -> None:
        agent.model.answers = [calls(plan(board, title="Dusk")), says("Done.")]
        agent.start()
        agent.steps()
        thought = next(one for one in history(agent, limit=100) if one["next"] == ["act"])
        name, arguments = plan(board, title="Dawn")
        message = {"role": "assistant", "content": "", "tool_calls": [{"name": name, "args": arguments, "id": "c"}]}

        update(agent, values={"messages": [message]}, as_node="think", checkpoint_id=checkpoint_of(thought))
        agent.start(input=None)

        assert agent.steps() == ["success"]
        titles = [row["title"] for row in db.execute("SELECT title FROM activities ORDER BY position")]
        assert titles == ["Activity", "Dusk", "Dawn"]

    def test_a_change_that_brings_no_message_repeats_no_call(
        self, db: Database, agent: Agent, board: Board, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        agent.model.answers = [calls(plan(board)), says("Done.")]
        run = agent.start()

        def cancelled(point: str, correlation_id: str | None = None) -> None:
            if point == "run_agent_step.after_tool":
                service.cancel_run(db, ALICE, agent.thread_id, run.run_id, "interrupt")

        with monkeypatch.context() as patched:
            patched.setattr(toolbox, "crash_point", cancelled)
            assert agent.step() == "superseded"

        update(agent, values={"messages": []}, as_node="think")
        agent.start(input=None)

        assert agent.steps() == ["success"]
        assert count(db, "activities") == 2

    def test_a_change_from_a_checkpoint_that_is_missing_is_not_found(self, agent: Agent) -> None:
        agent.start()
        agent.steps()

        answer = ask(
            "POST",
            f"/threads/{agent.thread_id}/state",
            {"values": {"answer": "7"}, "as_node": "finish", "checkpoint_id": str(uuid4())},
        )

        assert code_of(answer) == (404, "CHECKPOINT_NOT_FOUND")

    @pytest.mark.parametrize(
        "wrong",
        [
            {"values": {"mood": "calm"}},
            {"values": {"answer": 7}},
            {"values": {"messages": 5}},
            {"values": {"messages": [5]}},
            {"values": {"messages": [{"role": "nobody", "content": "x"}]}},
            {"values": {"messages": [{"content": "x"}]}},
            {"values": {"answer": "\x00"}},
            {"values": {"jobs": [1]}},
            {"values": {"turn": 1}, "as_node": "finish"},
            {"values": {"waiting": {"job_ids": [MISSING], "mode": "any", "needed": 1}}, "as_node": "act"},
            {"values": {"brief": "x"}, "as_node": "dream"},
            {"values": {"brief": "x"}, "as_node": "finish", "checkpoint": {"checkpoint_id": "7"}},
        ],
    )
    def test_a_change_that_does_not_fit_is_refused_and_nothing_is_stored(
        self, agent: Agent, wrong: dict[str, Any]
    ) -> None:
        agent.start()
        agent.steps()
        before = state(agent)

        answer = ask("POST", f"/threads/{agent.thread_id}/state", wrong)

        assert code_of(answer) == (422, "VALIDATION_ERROR")
        assert state(agent) == before

    @pytest.mark.parametrize("body", [{}, {"values": None}, {"values": {}}, {"values": None, "as_node": "finish"}])
    def test_a_change_of_nothing_is_taken(self, agent: Agent, body: dict[str, Any]) -> None:
        agent.start()
        agent.steps()
        before = state(agent)["values"]

        update(agent, **body)

        assert state(agent)["values"] == before

    def test_a_thread_at_work_is_not_changed(self, agent: Agent) -> None:
        agent.start()

        answer = ask("POST", f"/threads/{agent.thread_id}/state", {"values": {"turn": 1}, "as_node": "finish"})

        assert code_of(answer) == (409, "THREAD_BUSY")

    @pytest.mark.parametrize("as_node", [None, "approve", "finish"])
    def test_a_question_that_the_thread_moved_on_from_is_not_answered(self, agent: Agent, as_node: str | None) -> None:
        agent.model.answers = [calls(("request_approval", {"question": "Good?"}))]
        agent.start()
        agent.steps()

        update(agent, values={"answer": "Never mind."}, as_node=as_node)

        thread = ask("GET", f"/threads/{agent.thread_id}").body
        assert (thread["status"], thread["interrupts"]) == ("idle", {})
        run = {"assistant_id": "production", "command": {"resume": {"approved": True}}}
        assert code_of(ask("POST", f"/threads/{agent.thread_id}/runs", run)) == (409, "THREAD_NOT_INTERRUPTED")

    def test_a_question_is_asked_again_by_a_run_without_an_input(self, agent: Agent) -> None:
        agent.model.answers = [calls(("request_approval", {"question": "Good?"})), says("Thanks.")]
        agent.start()
        agent.steps()
        update(agent, values={"answer": "Another look."}, as_node="act")

        agent.start(input=None)

        assert agent.steps() == ["asking"]
        agent.start(input=None, command={"resume": {"approved": True}})
        assert agent.steps() == ["success"]


class TestErrors:
    def test_a_state_says_that_a_step_failed_and_nothing_of_the_inside(self, agent: Agent) -> None:
        agent.model.answers = [RuntimeError("a secret of the inside")]
        agent.start()
        agent.steps()

        answer = ask("GET", f"/threads/{agent.thread_id}/state")

        assert "secret" not in answer.text
        assert [task["error"] for task in answer.body["tasks"]] == ["The step failed."]
