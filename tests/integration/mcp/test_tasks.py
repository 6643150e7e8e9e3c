"""Jobs as tasks of the protocol: who may see them, how a call becomes one, and what becomes of it."""

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from callboard import queues
from callboard.database import Database
from callboard.jobs import repository
from callboard.mcp import registry
from support.board import Board, one
from support.mcp import KNOWS_TASKS, NEWEST, OF_OLD, Client
from support.rows import insert_attempt, insert_job

UNKNOWN = "0198f2a0-0000-7000-8000-000000000009"
METHODS = ["tasks/get", "tasks/update", "tasks/cancel"]


def params_of(method: str, task_id: str) -> dict[str, Any]:
    return {"taskId": task_id} | ({"inputResponses": {}} if method == "tasks/update" else {})


def ask(client: Client, method: str, task_id: object) -> dict[str, Any]:
    return client.ask(method, params_of(method, str(task_id)), meta=KNOWS_TASKS)


def refused(client: Client, method: str, task_id: object) -> dict[str, Any]:
    return client.refused(method, params_of(method, str(task_id)), meta=KNOWS_TASKS)


def create_job(client: Client, board: Board, **parts: Any) -> dict[str, Any]:
    arguments = {"card_id": str(board.card_id), "params": {"prompt": "A lighthouse"}}
    return client.ask("tools/call", {"name": "create_job", "arguments": arguments}, **parts)


class TestAccess:
    @pytest.mark.parametrize("method", METHODS)
    def test_anonymous_is_refused(self, alice: Client, method: str) -> None:
        answer = Client(alice.handler, None).send(method, params_of(method, UNKNOWN), meta=KNOWS_TASKS)

        assert answer.status == 401

    @pytest.mark.parametrize("method", METHODS)
    def test_another_tenant_s_task_is_unknown_like_one_that_never_was(
        self, bob: Client, board: Board, db: Database, method: str
    ) -> None:
        job_id = insert_job(db, board.card_id)

        of_alice, missing = refused(bob, method, job_id), refused(bob, method, UNKNOWN)

        assert of_alice == missing
        assert (missing["code"], missing["data"]) == (-32602, {"code": "TASK_NOT_FOUND"})
        job = repository.get(db, "alice", job_id)
        assert job is not None
        assert job.status == "queued"

    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize("task_id", ["", "nonsense", UNKNOWN.upper(), UNKNOWN.replace("-", ""), f"{{{UNKNOWN}}}"])
    def test_what_is_no_id_of_ours_is_unknown(self, alice: Client, method: str, task_id: str) -> None:
        error = refused(alice, method, task_id)

        assert (error["code"], error["data"]) == (-32602, {"code": "TASK_NOT_FOUND"})

    @pytest.mark.parametrize("method", METHODS)
    def test_a_client_that_did_not_say_that_it_knows_tasks_is_told_to(
        self, alice: Client, board: Board, db: Database, method: str
    ) -> None:
        job_id = insert_job(db, board.card_id)

        answer = alice.send(method, params_of(method, str(job_id)))

        error = answer.body["error"]
        assert (answer.status, error["code"]) == (400, -32021)
        assert error["data"] == {"requiredCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}}}

    @pytest.mark.parametrize("name", [None, "another"], ids=str)
    @pytest.mark.parametrize("method", METHODS)
    def test_the_header_names_the_task(self, alice: Client, method: str, name: str | None) -> None:
        answer = alice.send(method, params_of(method, UNKNOWN), meta=KNOWS_TASKS, headers={"mcp-name": name})

        assert (answer.status, answer.body["error"]["code"]) == (400, -32020)

    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize("revision", OF_OLD)
    def test_older_revisions_have_no_tasks(self, client: Callable[..., Client], method: str, revision: str) -> None:
        error = client("alice", revision).refused(method, params_of(method, UNKNOWN))

        assert error["code"] == -32601

    @pytest.mark.parametrize("method", ["tasks/list", "tasks/result"])
    def test_methods_of_an_earlier_design_are_not_found(self, alice: Client, method: str) -> None:
        answer = alice.send(method, {"taskId": UNKNOWN}, meta=KNOWS_TASKS)

        assert (answer.status, answer.body["error"]["code"]) == (404, -32601)

    @pytest.mark.parametrize("params", [{}, {"taskId": 7}, {"taskId": None}], ids=str)
    @pytest.mark.parametrize("method", METHODS)
    def test_a_task_is_named_by_a_string(self, alice: Client, method: str, params: dict[str, Any]) -> None:
        assert alice.refused(method, params, meta=KNOWS_TASKS)["code"] == -32602


class TestCreating:
    def test_a_job_is_a_task_for_a_client_that_knows_tasks(self, alice: Client, board: Board, db: Database) -> None:
        task = create_job(alice, board, meta=KNOWS_TASKS)

        job_id = one(db, "SELECT id FROM generation_jobs")["id"]
        assert task.keys() == {
            *("resultType", "taskId", "status", "statusMessage", "createdAt", "lastUpdatedAt", "ttlMs"),
            *("pollIntervalMs", "_meta"),
        }
        assert (task["resultType"], task["taskId"], task["status"]) == ("task", str(job_id), "working")
        assert task["ttlMs"] is None
        assert ask(alice, "tasks/get", job_id)["status"] == "working"

    def test_it_is_the_job_for_any_other_client(self, alice: Client, board: Board) -> None:
        result = create_job(alice, board)

        assert result["resultType"] == "complete"
        assert result["structuredContent"]["status"] == "queued"

    @pytest.mark.parametrize("revision", OF_OLD)
    def test_it_is_the_job_for_older_revisions(
        self, client: Callable[..., Client], board: Board, revision: str
    ) -> None:
        result = create_job(client("alice", revision), board, meta=KNOWS_TASKS)

        assert "taskId" not in result
        assert json.loads(result["content"][0]["text"])["status"] == "queued"

    def test_a_refusal_is_no_task(self, alice: Client, bob: Client, board: Board) -> None:
        result = create_job(bob, board, meta=KNOWS_TASKS)

        assert result["isError"]
        assert json.loads(result["content"][0]["text"])["code"] == "CARD_NOT_FOUND"

    def test_other_tools_answer_at_once(self, alice: Client, board: Board) -> None:
        arguments = {"project_id": str(board.project_id)}

        result = alice.ask("tools/call", {"name": "get_project_memory", "arguments": arguments}, meta=KNOWS_TASKS)

        assert result["resultType"] == "complete"


class TestReading:
    def test_a_running_job_works_and_says_how_far_it_is(self, alice: Client, board: Board, db: Database) -> None:
        job_id = insert_job(db, board.card_id, status="processing", progress=0.4)

        task = ask(alice, "tasks/get", job_id)

        assert (task["resultType"], task["status"]) == ("complete", "working")
        assert task["statusMessage"] == "processing, 40% done"
        assert task["pollIntervalMs"] > 0
        assert not task.keys() & {"result", "error", "inputRequests"}

    def test_a_completed_job_has_the_result_that_the_call_would_have_had(
        self, alice: Client, board: Board, db: Database
    ) -> None:
        job_id = insert_job(db, board.card_id, status="completed")

        task = ask(alice, "tasks/get", job_id)

        assert task["status"] == "completed"
        assert "pollIntervalMs" not in task
        result = task["result"]
        assert result["isError"] is False
        assert result["structuredContent"] == json.loads(result["content"][0]["text"])
        assert result["structuredContent"]["result_url"].startswith("http")
        schema = registry.find_tool("create_job").output_schema()
        assert jsonschema.Draft202012Validator(schema).is_valid(result["structuredContent"])

    def test_a_failed_job_is_a_result_that_says_why(self, alice: Client, board: Board, db: Database) -> None:
        job_id = insert_job(db, board.card_id, status="failed")

        task = ask(alice, "tasks/get", job_id)

        assert (task["status"], task["statusMessage"]) == ("completed", "failed: The service refused.")
        assert task["result"]["isError"] is True
        assert task["result"]["structuredContent"]["error_code"] == "provider_rejected"

    def test_a_cancelled_job_has_none(self, alice: Client, board: Board, db: Database) -> None:
        job_id = insert_job(db, board.card_id, status="cancelled")

        task = ask(alice, "tasks/get", job_id)

        assert task["status"] == "cancelled"
        assert not task.keys() & {"result", "error"}


class TestUpdating:
    def test_answers_that_nobody_waits_for_are_acknowledged_and_change_nothing(
        self, alice: Client, board: Board, db: Database
    ) -> None:
        job_id = insert_job(db, board.card_id, status="processing")
        before = repository.get(db, "alice", job_id)

        responses = {"never-asked": {"action": "accept", "content": {"yes": True}}}
        params = {"taskId": str(job_id), "inputResponses": responses}
        acknowledged = alice.ask("tasks/update", params, meta=KNOWS_TASKS)

        assert acknowledged.keys() == {"resultType", "_meta"}
        assert acknowledged["resultType"] == "complete"
        assert repository.get(db, "alice", job_id) == before


class TestCancelling:
    def test_a_queued_job_ends_at_once(self, alice: Client, board: Board, db: Database) -> None:
        job_id = insert_job(db, board.card_id)

        acknowledged = ask(alice, "tasks/cancel", job_id)

        assert acknowledged.keys() == {"resultType", "_meta"}
        assert ask(alice, "tasks/get", job_id)["status"] == "cancelled"

    def test_for_a_running_job_its_service_is_asked(
        self, alice: Client, board: Board, db: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job_id = insert_job(db, board.card_id, status="processing")
        insert_attempt(db, job_id)
        sent: list[dict[str, Any]] = []
        monkeypatch.setattr(queues, "send", lambda url, messages: sent.extend(message.body for message in messages))

        ask(alice, "tasks/cancel", job_id)

        assert [message["job_id"] for message in sent] == [str(job_id)]
        task = ask(alice, "tasks/get", job_id)
        assert (task["status"], task["statusMessage"]) == ("working", "processing, to be cancelled")

    @pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
    def test_an_ended_one_stays_as_it_is(self, alice: Client, board: Board, db: Database, status: str) -> None:
        job_id = insert_job(db, board.card_id, status=status)
        before = repository.get(db, "alice", job_id)

        acknowledged = ask(alice, "tasks/cancel", job_id)

        assert acknowledged["resultType"] == "complete"
        assert repository.get(db, "alice", job_id) == before


def test_the_newest_revision_announces_the_extension(alice: Client) -> None:
    assert alice.revision == NEWEST
    assert "io.modelcontextprotocol/tasks" in alice.ask("server/discover")["capabilities"]["extensions"]
