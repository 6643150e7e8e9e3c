"""Runs through their routes: created once and in order, refused where they cannot be, listed, cancelled, deleted."""

import threading
from typing import Any
from uuid import UUID, uuid4

import pytest

from callboard.agents import assistants, service, steps
from callboard.agents.errors import ThreadBusyError
from callboard.agents.models import NewRun
from callboard.database import Database, connect
from callboard.ids import new_id
from support.agent_api import ask, code_of, fields_of
from support.agents import ALICE, Agent
from support.aws import FakeCloud
from support.board import Board, one
from support.model import calls, says
from support.rows import insert_job, insert_project

RUN = {"assistant_id": "production", "input": {"brief": "A lamp"}}


def create(agent: Agent, **fields: Any) -> dict[str, Any]:
    answer = ask("POST", f"/threads/{agent.thread_id}/runs", RUN | fields)
    assert answer.status == 200, answer.text
    run: dict[str, Any] = answer.body
    return run


def refusal(agent: Agent, **fields: Any) -> tuple[int, str]:
    return code_of(ask("POST", f"/threads/{agent.thread_id}/runs", RUN | fields))


def status_of(agent: Agent, run: dict[str, Any]) -> str:
    return agent.run(UUID(run["run_id"])).status


def steps_asked_for(cloud: FakeCloud) -> list[str]:
    return [message["thread"] for message in cloud.messages(cloud.agent_queue_url)]


class TestCreation:
    """What a new run is, and what it sets going."""

    def test_a_new_run_has_all_that_the_sdk_reads(self, agent: Agent) -> None:
        run = create(agent, metadata={"why": "test"}, config={"tags": ["a"]})

        assert (run["status"], run["multitask_strategy"]) == ("pending", "enqueue")
        assert (run["thread_id"], run["assistant_id"]) == (str(agent.thread_id), assistants.PRODUCTION.assistant_id)
        assert run["metadata"] == {"why": "test"}
        assert run["kwargs"] == {
            "input": {"brief": "A lamp"},
            "config": {"tags": ["a"]},
            "context": {},
            "stream_mode": "values",
        }
        assert {"run_id", "created_at", "updated_at"} <= set(run)

    def test_the_answer_says_where_the_run_is(self, agent: Agent) -> None:
        answer = ask("POST", f"/threads/{agent.thread_id}/runs", RUN)

        run = answer.body["run_id"]
        assert answer.headers["Content-Location"] == f"/threads/{agent.thread_id}/runs/{run}"

    def test_a_run_makes_its_thread_busy_and_asks_for_its_step(self, cloud: FakeCloud, agent: Agent) -> None:
        create(agent)

        assert ask("GET", f"/threads/{agent.thread_id}").body["status"] == "busy"
        assert steps_asked_for(cloud) == [str(agent.thread.id)]

    def test_an_assistant_may_be_named_by_its_id(self, agent: Agent) -> None:
        run = create(agent, assistant_id=assistants.PRODUCTION.assistant_id)

        assert run["assistant_id"] == assistants.PRODUCTION.assistant_id

    def test_every_change_of_runs_is_told_once_without_a_gap(
        self, cloud: FakeCloud, board: Board, agent: Agent
    ) -> None:
        agent.model.answers = [calls(("request_approval", {"question": "Good?"})), says("Done.")]
        create(agent)
        agent.steps()
        create(agent, input=None, command={"resume": {"approved": True}})
        agent.steps()
        ask("POST", f"/threads/{agent.thread_id}/runs/{create(agent)['run_id']}/cancel")

        events = [event for event in cloud.published() if event["topic"] == "agent.run.updated"]

        events.sort(key=lambda event: event["offset"])
        assert [event["offset"] for event in events] == list(range(1, len(events) + 1))
        assert {event["context_id"] for event in events} == {str(board.project_id)}
        told = [(event["data"]["status"], event["data"]["waiting_for"]) for event in events]
        assert told == [
            ("pending", None),
            ("running", None),
            ("interrupted", "approval"),
            ("pending", None),
            ("running", None),
            ("success", None),
            ("pending", None),
            ("interrupted", None),
        ]

    def test_a_run_that_is_to_begin_later_is_not_asked_for_now(self, cloud: FakeCloud, agent: Agent) -> None:
        run = create(agent, after_seconds=60)

        assert steps_asked_for(cloud) == []
        assert agent.step() == "nothing"
        assert status_of(agent, run) == "pending"

    def test_a_run_that_is_to_begin_after_no_seconds_begins_now(self, cloud: FakeCloud, agent: Agent) -> None:
        create(agent, after_seconds=0)

        assert steps_asked_for(cloud) == [str(agent.thread.id)]
        assert agent.steps() == ["success"]

    def test_a_run_makes_its_thread_if_asked_to(self, board: Board, cloud: FakeCloud) -> None:
        thread = uuid4()
        fields = {"if_not_exists": "create", "metadata": {"project_id": str(board.project_id)}}

        answer = ask("POST", f"/threads/{thread}/runs", RUN | fields)

        assert answer.status == 200, answer.text
        assert ask("GET", f"/threads/{thread}").body["metadata"] == {"project_id": str(board.project_id)}

    def test_a_run_that_is_refused_makes_no_thread(self, cloud: FakeCloud) -> None:
        thread = uuid4()

        answer = ask("POST", f"/threads/{thread}/runs", RUN | {"if_not_exists": "create"})

        assert code_of(answer) == (422, "PROJECT_REQUIRED")
        assert ask("GET", f"/threads/{thread}").status == 404

    def test_a_run_without_a_thread_gets_one_of_its_own(self, db: Database, cloud: FakeCloud, board: Board) -> None:
        run = ask("POST", "/runs", RUN | {"metadata": {"project_id": str(board.project_id)}}).body

        row = one(db, "SELECT id, ephemeral FROM agent_threads WHERE thread_id = %s", run["thread_id"])
        assert row["ephemeral"] is True
        assert steps_asked_for(cloud) == [str(row["id"])]

    def test_a_run_without_a_thread_that_is_refused_leaves_none_behind(self, db: Database, cloud: FakeCloud) -> None:
        assert code_of(ask("POST", "/runs", RUN)) == (422, "PROJECT_REQUIRED")
        assert one(db, "SELECT count(*) AS n FROM agent_threads") == {"n": 0}

    def test_a_run_without_a_thread_may_keep_its_own(self, db: Database, cloud: FakeCloud, board: Board) -> None:
        fields = {"metadata": {"project_id": str(board.project_id)}, "on_completion": "keep"}

        run = ask("POST", "/runs", RUN | fields).body

        assert one(db, "SELECT ephemeral FROM agent_threads WHERE thread_id = %s", run["thread_id"]) == {
            "ephemeral": False
        }


class TestProject:
    """A run works on a project of the caller's tenant."""

    @pytest.fixture
    def bare(self, cloud: FakeCloud) -> str:
        """Make a thread that names no project."""
        thread: str = ask("POST", "/threads", {}).body["thread_id"]
        return thread

    def test_a_run_needs_a_project(self, bare: str) -> None:
        assert code_of(ask("POST", f"/threads/{bare}/runs", RUN)) == (422, "PROJECT_REQUIRED")

    @pytest.mark.parametrize("place", ["input", "metadata", "context", "configurable", "config metadata"])
    def test_a_run_may_name_the_project_and_the_thread_keeps_it(self, bare: str, board: Board, place: str) -> None:
        named = {"project_id": str(board.project_id)}
        fields: dict[str, Any] = {
            "input": {"input": RUN["input"] | named},  # type: ignore[operator]
            "metadata": {"metadata": named},
            "context": {"context": named},
            "configurable": {"config": {"configurable": named}},
            "config metadata": {"config": {"metadata": named}},
        }[place]

        answer = ask("POST", f"/threads/{bare}/runs", RUN | fields)

        assert answer.status == 200, answer.text
        assert ask("GET", f"/threads/{bare}").body["metadata"] == named

    def test_another_tenant_s_project_does_not_exist(self, db: Database, bare: str) -> None:
        for project_id in (insert_project(db, tenant="bob"), new_id()):
            answer = ask("POST", f"/threads/{bare}/runs", RUN | {"metadata": {"project_id": str(project_id)}})
            assert code_of(answer) == (404, "PROJECT_NOT_FOUND")

    def test_a_run_does_not_work_on_another_project_than_its_thread_s(self, db: Database, agent: Agent) -> None:
        other = {"project_id": str(insert_project(db))}

        answer = ask("POST", f"/threads/{agent.thread_id}/runs", RUN | {"metadata": other})

        assert fields_of(answer) == ["project_id"]

    def test_a_run_may_name_its_thread_s_project_once_more(self, agent: Agent) -> None:
        create(agent, metadata={"project_id": str(agent.thread.project_id)})


class TestValidation:
    """What a run may ask for."""

    def test_an_assistant_that_is_missing_is_not_found(self, agent: Agent) -> None:
        assert refusal(agent, assistant_id="nobody") == (404, "ASSISTANT_NOT_FOUND")

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"input": {}}, "input.brief"),
            ({"input": {"brief": " "}}, "input.brief"),
            ({"input": {"brief": "A\x00"}}, "input"),
            ({"input": {"brief": "A lamp", "size": 3}}, "input.size"),
            ({"input": {"brief": "A lamp", "project_id": "7"}}, "input.project_id"),
            ({"input": "A lamp"}, "input"),
            ({"assistant_id": ""}, "assistant_id"),
            ({"assistant_id": "review", "input": {"card_id": "7"}}, "input.card_id"),
            ({"metadata": {"a": "\x00"}}, "metadata"),
            ({"config": {"tags": ["\x00"]}}, "config"),
            ({"context": {"a": "\x00"}}, "context"),
            ({"multitask_strategy": "wait"}, "multitask_strategy"),
            ({"after_seconds": -1}, "after_seconds"),
            ({"command": {"resume": {}}}, "command"),
            ({"input": None, "command": {"resume": {"approved": True, "comment": "\x00"}}}, "command.resume"),
        ],
    )
    def test_a_run_that_cannot_be_is_refused_with_its_field(
        self, agent: Agent, wrong: dict[str, Any], field: str
    ) -> None:
        answer = ask("POST", f"/threads/{agent.thread_id}/runs", RUN | wrong)

        assert fields_of(answer) == [field]

    @pytest.mark.parametrize(
        ("wish", "field"),
        [
            ({"multitask_strategy": "rollback"}, "multitask_strategy"),
            ({"webhook": "https://example.test/"}, "webhook"),
            ({"stream_mode": "messages"}, "stream_mode"),
            ({"stream_mode": ["values", "events"]}, "stream_mode"),
            ({"checkpoint": {"checkpoint_id": str(uuid4())}}, "checkpoint"),
            ({"checkpoint_id": str(uuid4())}, "checkpoint_id"),
            ({"interrupt_before": ["act"]}, "interrupt_before"),
            ({"interrupt_after": "*"}, "interrupt_after"),
            ({"input": None, "command": {"update": {"turn": 1}}}, "command.update"),
            ({"input": None, "command": {"goto": "act"}}, "command.goto"),
        ],
    )
    @pytest.mark.parametrize("path", ["runs", "runs/wait", "runs/stream"])
    def test_what_is_not_offered_is_refused_and_nothing_is_begun(
        self, agent: Agent, wish: dict[str, Any], field: str, path: str
    ) -> None:
        answer = ask("POST", f"/threads/{agent.thread_id}/{path}", RUN | wish)

        assert code_of(answer) == (422, "NOT_OFFERED")
        assert fields_of(answer) == [field]
        assert ask("GET", f"/threads/{agent.thread_id}/runs").body == []


class TestDoubleTexting:
    """A second run while the first is at work."""

    def test_the_second_is_refused_if_it_says_so(self, agent: Agent) -> None:
        create(agent)

        assert refusal(agent, multitask_strategy="reject") == (409, "THREAD_BUSY")

    def test_a_run_that_is_to_be_alone_is_taken_by_an_idle_thread(self, agent: Agent) -> None:
        create(agent, multitask_strategy="reject")

        assert agent.steps() == ["success"]

    def test_runs_wait_for_those_before_them_and_keep_their_order(self, agent: Agent) -> None:
        runs = [create(agent, input={"brief": f"Brief {n}"}) for n in range(3)]

        assert agent.steps() == ["success"] * 3
        assert [status_of(agent, run) for run in runs] == ["success"] * 3
        assert [f"Brief {n}" in str(asked[1].content) for n, asked in enumerate(agent.model.asked)] == [True] * 3

    def test_a_run_takes_the_place_of_those_before_it(self, agent: Agent) -> None:
        agent.model.answers = [calls(("request_approval", {"question": "Good?"})), says("Done.")]
        first, second = create(agent), create(agent)

        third = create(agent, multitask_strategy="interrupt", input={"brief": "Better"})

        assert [status_of(agent, run) for run in (first, second, third)] == ["interrupted", "interrupted", "pending"]
        agent.steps()
        assert "Better" in str(agent.model.asked[0][1].content)

    def test_a_thread_takes_so_many_runs_and_no_more(self, agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(service, "MAX_WAITING_RUNS", 2)
        create(agent)
        create(agent)

        assert refusal(agent) == (409, "THREAD_BUSY")

    def test_of_two_at_once_that_are_to_be_alone_exactly_one_wins(self, agent: Agent, database_url: str) -> None:
        gate = threading.Barrier(2)
        outcomes: list[str] = []

        def begin() -> None:
            request = NewRun.model_validate(RUN | {"multitask_strategy": "reject"})
            with connect(database_url) as db:
                gate.wait()
                try:
                    service.create_run(db, ALICE, agent.thread_id, request)
                except ThreadBusyError:
                    outcomes.append("refused")
                else:
                    outcomes.append("created")

        workers = [threading.Thread(target=begin) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

        assert sorted(outcomes) == ["created", "refused"]
        assert len(ask("GET", f"/threads/{agent.thread_id}/runs").body) == 1


class TestResuming:
    """Answering what a person was asked."""

    @pytest.fixture
    def asking(self, agent: Agent, db: Database, board: Board) -> str:
        """Let the agent ask alice to choose one job; return its id."""
        job = str(insert_job(db, board.card_id, status="completed"))
        question = {"question": "Which?", "card_id": str(board.card_id), "choices": [job]}
        agent.model.answers = [calls(("request_approval", question)), says("Done.")]
        agent.start()
        assert agent.steps() == ["asking"]
        return job

    def test_an_answer_that_fits_lets_the_agent_go_on(self, agent: Agent, asking: str) -> None:
        answer = {"approved": True, "choice": asking, "comment": "Warm."}

        run = create(agent, input=None, command={"resume": answer})

        assert agent.steps() == ["success"]
        assert status_of(agent, run) == "success"
        assert asking in str(agent.model.asked[-1][-1].content)

    def test_an_answer_may_name_its_question(self, agent: Agent, asking: str) -> None:
        [[asked]] = ask("GET", f"/threads/{agent.thread_id}").body["interrupts"].values()

        create(agent, input=None, command={"resume": {asked["id"]: {"approved": False}}})

        assert agent.steps() == ["success"]

    @pytest.mark.parametrize(
        "wrong",
        [
            True,
            None,
            "yes",
            {},
            {"approved": "perhaps"},
            {"approved": True, "choice": "first"},
            {"approved": True, "choice": str(uuid4())},
            {"approved": True, "because": "I say so"},
        ],
    )
    def test_an_answer_that_does_not_fit_is_refused_and_the_question_stays(
        self, agent: Agent, asking: str, wrong: Any
    ) -> None:
        assert refusal(agent, input=None, command={"resume": wrong}) == (422, "INVALID_RESUME")
        assert ask("GET", f"/threads/{agent.thread_id}").body["status"] == "interrupted"

    def test_a_question_is_answered_once(self, agent: Agent, asking: str) -> None:
        create(agent, input=None, command={"resume": {"approved": True}})

        assert refusal(agent, input=None, command={"resume": {"approved": True}}) == (409, "THREAD_NOT_INTERRUPTED")

    def test_nothing_is_resumed_where_nobody_was_asked(self, agent: Agent) -> None:
        assert refusal(agent, input=None, command={"resume": {"approved": True}}) == (409, "THREAD_NOT_INTERRUPTED")

    def test_a_new_brief_instead_of_an_answer_begins_anew(self, agent: Agent, asking: str) -> None:
        create(agent, input={"brief": "Something else"})

        assert agent.steps() == ["success"]
        assert ask("GET", f"/threads/{agent.thread_id}").body["interrupts"] == {}


class TestBatches:
    """Several runs in one request."""

    def test_a_batch_starts_each_run_in_a_thread_of_its_own(self, cloud: FakeCloud, board: Board) -> None:
        one_run = RUN | {"metadata": {"project_id": str(board.project_id)}}

        runs = ask("POST", "/runs/batch", [one_run, one_run]).body

        assert len({run["thread_id"] for run in runs}) == 2
        assert len(steps_asked_for(cloud)) == 2

    def test_a_batch_may_name_threads(self, cloud: FakeCloud, board: Board, agent: Agent) -> None:
        stateless = RUN | {"metadata": {"project_id": str(board.project_id)}, "thread_id": None}

        first, second = ask("POST", "/runs/batch", [RUN | {"thread_id": str(agent.thread_id)}, stateless]).body

        assert first["thread_id"] == str(agent.thread_id) != second["thread_id"]

    def test_a_batch_is_taken_whole_or_not_at_all(self, db: Database, cloud: FakeCloud, board: Board) -> None:
        good = RUN | {"metadata": {"project_id": str(board.project_id)}}

        answer = ask("POST", "/runs/batch", [good, RUN])

        assert code_of(answer) == (422, "PROJECT_REQUIRED")
        assert one(db, "SELECT count(*) AS n FROM agent_runs") == {"n": 0}
        assert steps_asked_for(cloud) == []

    @pytest.mark.parametrize("count", [0, 21])
    def test_a_batch_has_one_to_twenty_runs(self, cloud: FakeCloud, count: int) -> None:
        assert code_of(ask("POST", "/runs/batch", [RUN] * count)) == (422, "VALIDATION_ERROR")


class TestReading:
    """Reading and listing runs."""

    def test_runs_are_listed_newest_first_in_pages(self, agent: Agent) -> None:
        runs = [create(agent)["run_id"] for _ in range(3)]

        def listed(**query: str) -> list[str]:
            answer = ask("GET", f"/threads/{agent.thread_id}/runs", query=query)
            return [run["run_id"] for run in answer.body]

        assert listed() == runs[::-1]
        assert listed(limit="2") == runs[:0:-1]
        assert listed(limit="2", offset="2") == runs[:1]

    def test_runs_are_listed_by_status(self, agent: Agent) -> None:
        done = create(agent)["run_id"]
        agent.steps()
        waiting = create(agent)["run_id"]

        for status, expected in {"success": [done], "pending": [waiting], "error": []}.items():
            answer = ask("GET", f"/threads/{agent.thread_id}/runs", query={"status": status})
            assert [run["run_id"] for run in answer.body] == expected

    @pytest.mark.parametrize(("name", "value"), [("status", "lost"), ("limit", "0"), ("offset", "x")])
    def test_a_list_that_cannot_be_is_refused_with_its_field(self, agent: Agent, name: str, value: str) -> None:
        answer = ask("GET", f"/threads/{agent.thread_id}/runs", query={name: value})

        assert fields_of(answer) == [name]

    def test_a_run_tells_what_it_cost_and_what_went_wrong(self, agent: Agent) -> None:
        agent.model.answers = [calls(("paint", {})), calls(("paint", {})), calls(("paint", {}))]
        run = create(agent)
        agent.steps()

        read = ask("GET", f"/threads/{agent.thread_id}/runs/{run['run_id']}").body

        assert (read["status"], read["error"]["code"]) == ("error", "MODEL_MISBEHAVED")
        assert read["usage"]["calls"] == 3


class TestCancelling:
    """Ending runs early."""

    def test_a_cancelled_run_takes_no_step_and_frees_its_thread(self, agent: Agent) -> None:
        run = create(agent)

        answer = ask("POST", f"/threads/{agent.thread_id}/runs/{run['run_id']}/cancel", query={"wait": "1"})

        assert (answer.status, answer.text) == (204, "")
        assert agent.step() == "nothing"
        assert status_of(agent, run) == "interrupted"
        assert ask("GET", f"/threads/{agent.thread_id}").body["status"] == "idle"

    def test_an_ended_run_stays_as_it_is(self, cloud: FakeCloud, agent: Agent) -> None:
        run = create(agent)
        agent.steps()
        cloud.published()

        answer = ask("POST", f"/threads/{agent.thread_id}/runs/{run['run_id']}/cancel")

        assert answer.status == 204
        assert status_of(agent, run) == "success"
        assert cloud.published() == []

    def test_the_next_run_of_the_thread_follows(self, cloud: FakeCloud, agent: Agent) -> None:
        first, second = create(agent), create(agent)
        steps_asked_for(cloud)

        ask("POST", f"/threads/{agent.thread_id}/runs/{first['run_id']}/cancel")

        assert steps_asked_for(cloud) == [str(agent.thread.id)]
        assert agent.steps() == ["success"]
        assert status_of(agent, second) == "success"

    def test_what_a_run_did_is_not_undone(self, agent: Agent) -> None:
        path = f"/threads/{agent.thread_id}/runs/{create(agent)['run_id']}/cancel"

        assert code_of(ask("POST", path, query={"action": "rollback"})) == (422, "NOT_OFFERED")
        assert fields_of(ask("POST", path, query={"action": "explode"})) == ["action"]

    def test_these_runs_of_a_thread_are_cancelled(self, agent: Agent) -> None:
        runs = [create(agent) for _ in range(3)]
        wanted = {"thread_id": str(agent.thread_id), "run_ids": [run["run_id"] for run in runs[:2]]}

        answer = ask("POST", "/runs/cancel", wanted)

        assert (answer.status, answer.text) == (204, "")
        assert [status_of(agent, run) for run in runs] == ["interrupted", "interrupted", "pending"]

    @pytest.mark.parametrize("status", ["pending", "all"])
    def test_all_runs_of_a_status_are_cancelled(self, agent: Agent, status: str) -> None:
        runs = [create(agent) for _ in range(2)]

        ask("POST", "/runs/cancel", {"status": status})

        assert [status_of(agent, run) for run in runs] == ["interrupted"] * 2

    def test_a_cancellation_of_running_runs_leaves_those_that_wait(self, agent: Agent) -> None:
        run = create(agent)

        ask("POST", "/runs/cancel", {"status": "running"})

        assert status_of(agent, run) == "pending"

    def test_whoever_cancels_names_what(self, agent: Agent) -> None:
        assert code_of(ask("POST", "/runs/cancel", {})) == (422, "VALIDATION_ERROR")
        assert code_of(ask("POST", "/runs/cancel", {"status": "all"}, query={"action": "rollback"})) == (
            422,
            "NOT_OFFERED",
        )


class TestDeleting:
    """Forgetting runs."""

    def test_an_ended_run_is_deleted(self, agent: Agent) -> None:
        run = create(agent)
        agent.steps()
        path = f"/threads/{agent.thread_id}/runs/{run['run_id']}"

        answer = ask("DELETE", path)

        assert (answer.status, answer.text) == (204, "")
        assert code_of(ask("GET", path)) == (404, "RUN_NOT_FOUND")

    def test_a_run_at_work_is_not_deleted(self, agent: Agent) -> None:
        run = create(agent)

        answer = ask("DELETE", f"/threads/{agent.thread_id}/runs/{run['run_id']}")

        assert code_of(answer) == (409, "RUN_ACTIVE")


class TestStatusOfTheThread:
    """What a thread is once its runs are gone: as the last one left it that did anything."""

    @pytest.fixture
    def failed(self, agent: Agent) -> Agent:
        """Return an agent whose first run has failed."""
        agent.model.answers = [says("")]
        agent.start()
        assert agent.steps() == ["error"]
        return agent

    def status(self, agent: Agent) -> str:
        return service.find_thread(agent.db, ALICE, agent.thread_id).view.status

    def cancel(self, agent: Agent, run_id: UUID) -> None:
        service.cancel_run(agent.db, ALICE, agent.thread_id, run_id, "interrupt")

    def test_runs_that_are_cancelled_before_they_begin_leave_an_error_as_it_is(self, failed: Agent) -> None:
        for _ in range(2):
            self.cancel(failed, failed.start().run_id)
            assert self.status(failed) == "error"

    def test_a_run_that_is_cancelled_before_it_stores_anything_leaves_an_error_as_it_is(
        self, failed: Agent, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = failed.start()

        def cancelled(point: str, correlation_id: str | None = None) -> None:
            if point == "run_agent_step.after_claim":
                self.cancel(failed, run.run_id)

        monkeypatch.setattr(steps, "crash_point", cancelled)
        assert failed.step() == "superseded"

        assert self.status(failed) == "error"

    def test_the_last_run_to_end_counts_and_not_the_last_to_be_created(self, db: Database, agent: Agent) -> None:
        agent.model.answers = [says("Done."), says("")]
        agent.start("Later", after_seconds=3600)
        agent.start()
        assert agent.step() == "success"
        db.execute("UPDATE agent_runs SET not_before = now() WHERE not_before IS NOT NULL")
        assert agent.step() == "error"

        self.cancel(agent, agent.start().run_id)

        assert self.status(agent) == "error"

    def test_a_thread_whose_state_was_changed_is_in_error_no_more(self, failed: Agent) -> None:
        change = {"values": {"brief": "A lamp"}, "as_node": "__start__"}
        assert ask("POST", f"/threads/{failed.thread_id}/state", change).status == 200

        self.cancel(failed, failed.start().run_id)

        assert self.status(failed) == "idle"

    def test_a_run_that_is_cancelled_at_work_leaves_the_thread_idle(self, failed: Agent) -> None:
        run = failed.start()

        def cancelled(asked: Any) -> Any:
            self.cancel(failed, run.run_id)
            return says("Late words.")

        failed.model.answers = [cancelled]
        assert failed.step() == "superseded"

        assert self.status(failed) == "idle"
