"""What goes wrong is told clearly, alike in every revision, and harms nothing."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from callboard.database import Database
from callboard.mcp import invocation
from support.board import Board
from support.lambdas import Answer
from support.mcp import NEWEST, OF_OLD, Client
from support.tools import OUTPUT_SCHEMA, Functions, register

UNKNOWN = "0198f2a0-0000-7000-8000-000000000009"
# What Lambda lets a function answer.
MAX_ANSWER_BYTES = 6 * 1024 * 1024
TIMED_OUT = ReadTimeoutError(endpoint_url="https://lambda.example.test")


@pytest.fixture(params=[*OF_OLD, NEWEST])
def caller(request: pytest.FixtureRequest, client: Callable[..., Client]) -> Client:
    """A client of alice's, of each revision."""
    return client("alice", request.param)


def refusal(result: dict[str, Any]) -> dict[str, Any]:
    """Return what a tool's result says is wrong."""
    assert result["isError"]
    error: dict[str, Any] = json.loads(result["content"][0]["text"])
    return error


def sent_size(answer: Answer) -> int:
    """Return how large an answer is as Lambda has it, a JSON text in JSON."""
    return len(json.dumps({"body": answer.text, "headers": dict(answer.headers)}).encode())


@pytest.mark.parametrize(
    ("arguments", "field"),
    [({"job_id": 7}, "job_id"), ({}, "job_id"), ({"job_id": UNKNOWN, "more": 1}, "more")],
    ids=["wrong type", "missing", "extra"],
)
def test_wrong_arguments_are_named(caller: Client, arguments: dict[str, Any], field: str) -> None:
    error = refusal(caller.call("get_job", **arguments))

    assert error["code"] == "INVALID_TOOL_ARGUMENTS"
    assert [fault["field"] for fault in error["details"]["fields"]] == [field]


def test_an_unknown_tool_is_an_error_of_the_protocol(caller: Client) -> None:
    error = caller.refused("tools/call", {"name": "no_such_tool", "arguments": {}})

    assert (error["code"], error["data"]["code"]) == (-32602, "UNKNOWN_TOOL")


@pytest.mark.parametrize(
    ("answer", "failure", "code"),
    [
        (b'{"errorType": "KeyError", "errorMessage": "secret 17"}', "Unhandled", "TOOL_FAILED"),
        (TIMED_OUT, None, "TOOL_TIMED_OUT"),
        (b'{"errorType": "Sandbox.Timedout", "errorMessage": "secret 17"}', "Unhandled", "TOOL_TIMED_OUT"),
        (b"{", None, "TOOL_ANSWERED_RUBBISH"),
        (b'{"lumens": "many"}', None, "TOOL_ANSWERED_RUBBISH"),
    ],
    ids=["raises", "times out", "is stopped", "no JSON", "another form"],
)
def test_a_broken_tool_is_told_apart_and_harms_nobody_else(
    caller: Client, db: Database, functions: Functions, answer: bytes | Exception, failure: str | None, code: str
) -> None:
    register(db, output_schema=OUTPUT_SCHEMA)
    register(db, name="well", output_schema=OUTPUT_SCHEMA)
    functions.answer, functions.error = answer, failure

    broken = caller.send("tools/call", {"name": "shine_lamp", "arguments": {"colour": "red"}})

    assert refusal(broken.body["result"])["code"] == code
    assert "17" not in broken.text
    functions.answer, functions.error = b'{"lumens": 800}', None
    assert not caller.call("well", colour="red").get("isError")


@pytest.mark.parametrize("tool", ["get_job", "shine_lamp", "no_such_tool"])
def test_parameters_of_5_mb_are_too_large_for_any_tool(
    caller: Client, db: Database, functions: Functions, tool: str
) -> None:
    register(db)

    answer = caller.send("tools/call", {"name": tool, "arguments": {"colour": "x" * 5_000_000}})

    assert (answer.status, answer.body["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert functions.invocations == []


def test_another_tenant_s_project_is_not_found(
    caller: Client, client: Callable[..., Client], db: Database, board: Board
) -> None:
    bob = client("bob", caller.revision)

    error = refusal(bob.call("get_project_memory", project_id=str(board.project_id)))

    assert error == refusal(bob.call("get_project_memory", project_id=UNKNOWN))
    assert error["code"] == "PROJECT_NOT_FOUND"
    assert caller.call("get_project_memory", project_id=str(board.project_id))["content"]


def test_a_forged_origin_is_refused(caller: Client) -> None:
    answer = caller.send("tools/list", headers={"origin": "https://evil.example"})

    assert (answer.status, answer.body["error"]["code"]) == (403, "ORIGIN_REFUSED")


@pytest.mark.parametrize("letter", ["a", '"', "\\", "\n", "\u00e9", "\u2028", "\U0001f3a8"], ids=ascii)
def test_the_largest_answer_of_a_tool_fits_into_one_of_lambda(
    caller: Client, db: Database, functions: Functions, letter: str
) -> None:
    register(db)
    form = '{"text": "%s"}'
    # However its text is escaped, a tool's function may send no more than so many bytes.
    escaped = json.dumps(letter, ensure_ascii=False)[1:-1]
    most = (invocation.MAX_ANSWER_BYTES - len(form)) // len(escaped.encode())
    functions.answer = (form % (escaped * most)).encode()

    answer = caller.send("tools/call", {"name": "shine_lamp", "arguments": {"colour": "red"}})

    assert json.loads(answer.body["result"]["content"][0]["text"]) == {"text": letter * most}
    assert sent_size(answer) < MAX_ANSWER_BYTES
