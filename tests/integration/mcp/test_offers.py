"""What the MCP server offers: tools, resources and prompts, of the caller's tenant."""

import json
import re
from typing import Any

import jsonschema
import pytest

from callboard import bus
from callboard.database import Database
from callboard.mcp import registry
from support.aws import FakeCloud
from support.board import Board, one
from support.mcp import Client
from support.rows import insert_job, insert_project
from support.tools import OUTPUT_SCHEMA, Functions, register

UNKNOWN = "0198f2a0-0000-7000-8000-000000000009"


def refusal(result: dict[str, Any]) -> dict[str, Any]:
    """Return what a tool's result says is wrong."""
    assert result["isError"]
    assert "structuredContent" not in result
    error: dict[str, Any] = json.loads(result["content"][0]["text"])
    return error


def uri_of(board: Board) -> str:
    return f"callboard://projects/{board.project_id}/memory"


class TestTools:
    def test_are_the_whole_registry_in_its_order(self, alice: Client) -> None:
        tools = alice.ask("tools/list")["tools"]

        assert [tool["name"] for tool in tools] == [tool.name for tool in registry.all_tools()]
        for tool, known in zip(tools, registry.all_tools(), strict=True):
            assert tool["description"] == known.description
            assert tool["annotations"]["readOnlyHint"] is known.read_only
            assert tool["annotations"]["idempotentHint"] is known.idempotent
            for schema in (tool["inputSchema"], tool["outputSchema"]):
                assert schema["type"] == "object"
                jsonschema.Draft202012Validator.check_schema(schema)

    def test_answer_alike_each_time(self, alice: Client) -> None:
        assert alice.send("tools/list").text == alice.send("tools/list").text

    def test_have_one_page(self, alice: Client) -> None:
        assert alice.refused("tools/list", {"cursor": "next"})["data"]["code"] == "INVALID_CURSOR"

    def test_answer_what_their_schema_says_as_structure_and_as_text(self, alice: Client, board: Board) -> None:
        schemas = {tool["name"]: tool["outputSchema"] for tool in alice.ask("tools/list")["tools"]}

        calls: dict[str, dict[str, Any]] = {
            "get_project_memory": {"project_id": str(board.project_id)},
            "create_activity_with_cards": {
                "project_id": str(board.project_id),
                "title": "Night",
                "cards": [{"title": "Storm", "params": {"prompt": "A storm"}, "candidates": 1}],
            },
            "update_card": {"card_id": str(board.card_id), "title": "Dawn"},
            "create_job": {"card_id": str(board.card_id), "params": {"prompt": "A dawn"}},
            "list_candidates": {"card_id": str(board.card_id)},
        }

        for name, arguments in calls.items():
            result = alice.call(name, **arguments)
            assert not result["isError"], result
            assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
            assert list(jsonschema.Draft202012Validator(schemas[name]).iter_errors(result["structuredContent"])) == []

    def test_change_the_board_publish_it_and_wake_their_jobs(
        self, alice: Client, board: Board, db: Database, cloud: FakeCloud
    ) -> None:
        made = alice.call("create_job", card_id=str(board.card_id), params={"prompt": "A storm"})["structuredContent"]
        alice.call("update_card", card_id=str(board.card_id), title="Dawn")

        job = one(db, "SELECT id, tenant, created_by, thread_id FROM generation_jobs")
        assert (str(job["id"]), job["tenant"], job["created_by"]) == (made["job_id"], "alice", "user-alice")
        assert job["thread_id"] is None
        assert [message["job_id"] for message in cloud.messages(cloud.jobs_queue_url)] == [made["job_id"]]
        assert "card.updated" in [event["topic"] for event in cloud.published()]

    def test_cancel_and_retry_a_job(self, alice: Client, board: Board) -> None:
        job = alice.call("create_job", card_id=str(board.card_id), params={})["structuredContent"]["job_id"]

        cancelled = alice.call("cancel_job", job_id=job)["structuredContent"]
        again = alice.call("retry_job", job_id=job)["structuredContent"]

        assert (cancelled["status"], again["status"]) == ("cancelled", "queued")
        assert alice.call("get_job", job_id=again["job_id"])["structuredContent"]["retry_of"] == job

    def test_of_no_such_name_are_an_error_of_the_protocol(self, alice: Client) -> None:
        for name in ("no_such_tool", "get_job ", "GET_JOB", ""):
            error = alice.refused("tools/call", {"name": name, "arguments": {}})
            assert error["code"] in {-32602, -32020}
        assert alice.refused("tools/call", {"name": "no_such_tool"})["data"] == {
            "tool": "no_such_tool",
            "code": "UNKNOWN_TOOL",
        }

    @pytest.mark.parametrize(
        ("arguments", "field"),
        [
            ({}, "job_id"),
            ({"job_id": 7}, "job_id"),
            ({"job_id": None}, "job_id"),
            ({"job_id": "not-a-uuid"}, "job_id"),
            ({"job_id": ["a"]}, "job_id"),
            ({"job_id": UNKNOWN, "more": 1}, "more"),
        ],
        ids=str,
    )
    def test_given_wrong_arguments_say_what_is_wrong(
        self, alice: Client, arguments: dict[str, Any], field: str
    ) -> None:
        error = refusal(alice.call("get_job", **arguments))

        assert (error["code"], error["retryable"]) == ("INVALID_TOOL_ARGUMENTS", False)
        assert [fault["field"] for fault in error["details"]["fields"]] == [field]

    @pytest.mark.parametrize("arguments", [7, "text", ["a"], True])
    def test_given_no_object_are_an_error_of_the_protocol(self, alice: Client, arguments: Any) -> None:
        error = alice.refused("tools/call", {"name": "get_job", "arguments": arguments})

        assert error["code"] == -32602

    def test_without_arguments_are_called_with_none(self, alice: Client) -> None:
        assert refusal(alice.ask("tools/call", {"name": "get_job"}))["code"] == "INVALID_TOOL_ARGUMENTS"

    def test_refused_by_the_board_say_why_in_its_codes(self, alice: Client, board: Board, db: Database) -> None:
        job_id = insert_job(db, board.card_id, status="processing")

        missing = refusal(alice.call("get_job", job_id=UNKNOWN))
        early = refusal(alice.call("approve_asset", card_id=str(board.card_id), job_id=str(job_id)))

        assert (missing["code"], early["code"]) == ("JOB_NOT_FOUND", "JOB_NOT_COMPLETED")
        assert missing["message"]

    def test_that_fail_tell_nothing_of_the_inside(
        self, alice: Client, board: Board, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise RuntimeError("secret of the inside")

        monkeypatch.setattr(bus, "publish", fail)

        answer = alice.send(
            "tools/call", {"name": "update_card", "arguments": {"card_id": str(board.card_id), "title": "x"}}
        )

        assert refusal(answer.body["result"])["code"] == "INTERNAL_ERROR"
        assert "secret" not in answer.text

    def test_that_would_answer_too_much_say_so(self, alice: Client, board: Board, db: Database) -> None:
        for _ in range(40):
            insert_job(db, board.card_id, params={"prompt": "long " * 10_000})

        error = refusal(alice.call("get_project_memory", project_id=str(board.project_id)))

        assert error["code"] == "ANSWER_TOO_LARGE"


class TestRegisteredTools:
    def test_follow_those_built_in_for_their_own_tenant(self, alice: Client, bob: Client, db: Database) -> None:
        register(db)

        tools = alice.ask("tools/list")["tools"]

        assert [tool["name"] for tool in tools[-2:]] == ["approve_asset", "shine_lamp"]
        assert tools[-1]["inputSchema"]["required"] == ["colour"]
        assert "outputSchema" not in tools[-1]
        assert tools[-1]["annotations"]["readOnlyHint"] is False
        assert "shine_lamp" not in [tool["name"] for tool in bob.ask("tools/list")["tools"]]

    def test_are_carried_out_by_their_function(self, alice: Client, db: Database, functions: Functions) -> None:
        register(db, output_schema=OUTPUT_SCHEMA)

        result = alice.call("shine_lamp", colour="red")

        assert result["structuredContent"] == {"lumens": 800}
        (call,) = [invocation["Payload"] for invocation in functions.invocations]
        assert (call["arguments"], call["tenant"]) == ({"colour": "red"}, "alice")

    def test_of_another_tenant_are_unknown(self, bob: Client, db: Database, functions: Functions) -> None:
        register(db)

        error = bob.refused("tools/call", {"name": "shine_lamp", "arguments": {"colour": "red"}})

        assert (error["code"], error["data"]["code"]) == (-32602, "UNKNOWN_TOOL")
        assert functions.invocations == []

    def test_never_see_wrong_arguments(self, alice: Client, db: Database, functions: Functions) -> None:
        register(db)

        error = refusal(alice.call("shine_lamp", colour="far too long"))

        assert error["code"] == "INVALID_TOOL_ARGUMENTS"
        assert [fault["field"] for fault in error["details"]["fields"]] == ["colour"]
        assert functions.invocations == []

    def test_may_ask_for_arguments_in_headers(self, alice: Client, db: Database, functions: Functions) -> None:
        zone = {"type": "string", "x-mcp-header": "Zone"}
        register(db, schema={"type": "object", "properties": {"zone": zone}})
        params = {"name": "shine_lamp", "arguments": {"zone": "north"}}

        repeated = alice.send("tools/call", params, headers={"mcp-param-zone": "north"})
        another = alice.send("tools/call", params, headers={"mcp-param-zone": "south"})

        assert repeated.status == 200
        assert (another.status, another.body["error"]["code"]) == (400, -32020)
        assert len(functions.invocations) == 1


class TestResources:
    def test_are_the_memories_of_the_tenant_s_projects_page_by_page(
        self, alice: Client, bob: Client, db: Database
    ) -> None:
        made = [insert_project(db, name=f"Project {number}") for number in range(60)]
        insert_project(db, tenant="bob", name="Another's")

        first = alice.ask("resources/list")
        second = alice.ask("resources/list", {"cursor": first["nextCursor"]})

        assert "nextCursor" not in second
        listed = first["resources"] + second["resources"]
        assert [resource["uri"] for resource in listed] == [
            f"callboard://projects/{project_id}/memory" for project_id in reversed(made)
        ]
        assert (listed[0]["title"], listed[0]["mimeType"]) == ("Project 59", "application/json")
        assert [resource["title"] for resource in bob.ask("resources/list")["resources"]] == ["Another's"]

    def test_of_a_wrong_page_are_an_error(self, alice: Client) -> None:
        assert alice.refused("resources/list", {"cursor": "nonsense"})["data"]["code"] == "INVALID_CURSOR"

    def test_have_one_form(self, alice: Client) -> None:
        (template,) = alice.ask("resources/templates/list")["resourceTemplates"]

        assert template["uriTemplate"] == "callboard://projects/{project_id}/memory"

    def test_hold_what_the_tool_answers(self, alice: Client, board: Board) -> None:
        result = alice.ask("resources/read", {"uri": uri_of(board)})

        (content,) = result["contents"]
        assert (content["uri"], content["mimeType"]) == (uri_of(board), "application/json")
        called = alice.call("get_project_memory", project_id=str(board.project_id))
        assert json.loads(content["text"]) == called["structuredContent"]

    @pytest.mark.parametrize(
        "uri",
        [
            "callboard://projects/nothing/memory",
            "callboard://projects//memory",
            "callboard://projects/0198f2a0-0000-7000-8000-000000000009/memory",
            "callboard://projects/0198f2a0-0000-7000-8000-000000000009/memory/",
            "callboard://cards/0198f2a0-0000-7000-8000-000000000009",
            "file:///etc/passwd",
            "nonsense",
        ],
    )
    def test_that_are_not_there_are_named_in_the_error(self, alice: Client, uri: str) -> None:
        error = alice.refused("resources/read", {"uri": uri})

        assert (error["code"], error["data"]) == (-32602, {"uri": uri, "code": "RESOURCE_NOT_FOUND"})

    def test_have_a_version_that_changes_when_they_do(self, alice: Client, board: Board, db: Database) -> None:
        def version() -> str:
            result = alice.ask("resources/read", {"uri": uri_of(board)})
            (content,) = result["contents"]
            assert result["_meta"]["callboard/version"] == content["_meta"]["callboard/version"]
            found: str = content["_meta"]["callboard/version"]
            return found

        insert_job(db, board.card_id, status="completed")
        seen = [version()]
        assert re.fullmatch("[0-9a-f]{32}", seen[0])
        assert version() == seen[0]
        for change in (
            lambda: alice.call("update_card", card_id=str(board.card_id), params={"url": "https://a.example"}),
            lambda: alice.call("update_card", card_id=str(board.card_id), params={"url": "https://b.example"}),
            lambda: alice.call("create_job", card_id=str(board.card_id), params={}),
            lambda: db.execute("UPDATE generation_jobs SET progress = 0.5 WHERE status = 'queued'"),
        ):
            change()
            seen.append(version())

        assert len(set(seen)) == len(seen)

    def test_are_fresh_for_longer_when_nothing_runs(self, alice: Client, board: Board) -> None:
        quiet = alice.ask("resources/read", {"uri": uri_of(board)})["ttlMs"]
        alice.call("create_job", card_id=str(board.card_id), params={})
        live = alice.ask("resources/read", {"uri": uri_of(board)})["ttlMs"]

        assert 0 < live < quiet


class TestPrompts:
    def test_are_planning_and_reviewing(self, alice: Client) -> None:
        prompts = {prompt["name"]: prompt for prompt in alice.ask("prompts/list")["prompts"]}

        assert list(prompts) == ["plan_project", "review_card"]
        required = {
            name: [argument["name"] for argument in prompt["arguments"] if argument["required"]]
            for name, prompt in prompts.items()
        }
        assert required == {"plan_project": ["project_id", "brief"], "review_card": ["card_id"]}

    def test_to_plan_holds_the_brief_and_the_memory(self, alice: Client, board: Board) -> None:
        brief = "A teaser {with braces} in three shots"
        arguments = {"project_id": str(board.project_id), "brief": brief}

        result = alice.ask("prompts/get", {"name": "plan_project", "arguments": arguments})

        told, attached = result["messages"]
        assert (told["role"], told["content"]["type"]) == ("user", "text")
        assert told["content"]["text"].endswith(brief)
        assert '{"prompt": "..."}' in told["content"]["text"]
        assert attached["content"]["type"] == "text"
        assert json.loads(attached["content"]["text"])["project"]["id"] == str(board.project_id)

    def test_to_review_holds_the_card_and_its_candidates(self, alice: Client, board: Board, db: Database) -> None:
        job_id = insert_job(db, board.card_id, status="completed")
        arguments = {"card_id": str(board.card_id), "question": "Is it night?"}

        result = alice.ask("prompts/get", {"name": "review_card", "arguments": arguments})

        told, attached = (message["content"]["text"] for message in result["messages"])
        assert "Is it night?" in told
        shown = json.loads(attached)
        assert shown["card"]["id"] == str(board.card_id)
        assert [candidate["job_id"] for candidate in shown["candidates"]] == [str(job_id)]

    @pytest.mark.parametrize(
        ("name", "arguments", "code"),
        [
            ("no_such_prompt", {}, "UNKNOWN_PROMPT"),
            ("plan_project", {}, "INVALID_PROMPT_ARGUMENTS"),
            ("plan_project", {"project_id": "x", "brief": "y"}, "INVALID_PROMPT_ARGUMENTS"),
            ("plan_project", {"project_id": UNKNOWN, "brief": ""}, "INVALID_PROMPT_ARGUMENTS"),
            ("plan_project", {"project_id": UNKNOWN, "brief": "y"}, "PROJECT_NOT_FOUND"),
            ("review_card", {"card_id": UNKNOWN}, "CARD_NOT_FOUND"),
            ("review_card", {"card_id": UNKNOWN, "more": "x"}, "INVALID_PROMPT_ARGUMENTS"),
        ],
    )
    def test_that_cannot_be_filled_in_say_why(
        self, alice: Client, name: str, arguments: dict[str, str], code: str
    ) -> None:
        error = alice.refused("prompts/get", {"name": name, "arguments": arguments})

        assert (error["code"], error["data"]["code"]) == (-32602, code)


class TestCompletions:
    def complete(self, client: Client, name: str, value: str) -> list[str]:
        reference = {"type": "ref/prompt", "name": "plan_project"}
        params = {"ref": reference, "argument": {"name": name, "value": value}}
        values: list[str] = client.ask("completion/complete", params)["completion"]["values"]
        return values

    def test_are_the_tenant_s_newest_projects_by_id_or_name(self, alice: Client, db: Database) -> None:
        lamp, storm = (str(insert_project(db, name=name)) for name in ("Lamp", "Storm"))
        insert_project(db, tenant="bob", name="Lamp")

        assert self.complete(alice, "project_id", "") == [storm, lamp]
        assert self.complete(alice, "project_id", "la") == [lamp]
        assert self.complete(alice, "project_id", storm[:-1]) == [storm]
        assert self.complete(alice, "project_id", "nothing") == []

    def test_of_anything_else_are_none(self, alice: Client, board: Board) -> None:
        assert self.complete(alice, "brief", "") == []
