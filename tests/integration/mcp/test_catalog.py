"""Built-in and registered tools, listed and called in one way, with a real PostgreSQL and a stand-in of Lambda."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from callboard import aws
from callboard.database import Database
from callboard.errors import ServiceError
from callboard.identity import Caller
from callboard.mcp import catalog, invocation, registry
from callboard.mcp.errors import (
    FunctionNotAllowedError,
    InvalidToolArgumentsError,
    ToolAnsweredRubbishError,
    ToolFailedError,
    ToolGoneError,
    ToolRefusedError,
    ToolTimedOutError,
    ToolUnavailableError,
    UnknownToolError,
)
from callboard.mcp.registry import ToolContext
from callboard.observability import correlated
from callboard.projects.errors import ProjectNotFoundError
from support.board import make_board, one
from support.tools import FUNCTION, OUTPUT_SCHEMA, SCHEMA, Functions, register

pytestmark = pytest.mark.usefixtures("cloud")
ALICE = ToolContext(Caller(tenant="alice", user_id="user-alice", user_name="alice"))
BOB = ToolContext(Caller(tenant="bob", user_id="user-bob", user_name="bob"))


def call(db: Database, context: ToolContext = ALICE, name: str = "shine_lamp", **arguments: Any) -> Any:
    return catalog.call(db, context, name, arguments or {"colour": "red"}).content.model_dump(mode="json")


class TestList:
    def test_holds_built_in_tools_in_their_order_and_then_the_tenants_by_name(self, db: Database) -> None:
        register(db, name="shine_lamp")
        register(db, name="blow_horn", output_schema=OUTPUT_SCHEMA)
        register(db, tenant="bob", name="ring_bell")

        tools = catalog.tools_of(db, ALICE.caller)

        built_in = [tool.name for tool in registry.all_tools()]
        assert [tool.name for tool in tools] == [*built_in, "blow_horn", "shine_lamp"]
        assert [tool.is_built_in for tool in tools] == [True] * len(built_in) + [False, False]

    def test_describes_both_kinds_alike(self, db: Database) -> None:
        register(db, output_schema=OUTPUT_SCHEMA)

        tools = {tool.name: tool for tool in catalog.tools_of(db, ALICE.caller)}

        built_in, registered = tools["get_job"], tools["shine_lamp"]
        assert built_in.input_schema == registry.find_tool("get_job").input_schema()
        assert (built_in.read_only, built_in.idempotent) == (True, True)
        assert (registered.input_schema, registered.output_schema) == (SCHEMA, OUTPUT_SCHEMA)
        assert (registered.read_only, registered.idempotent) == (False, False)

    def test_has_no_references_and_no_dialect_in_schemas(self, db: Database) -> None:
        schema = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/a"}},
            "$defs": {"a": {"type": "string"}},
        }
        register(db, schema=schema)

        assert catalog.tools_of(db, ALICE.caller)[-1].input_schema == {
            "type": "object",
            "properties": {"a": {"type": "string"}},
        }

    def test_a_name_that_became_built_in_is_the_built_in_tool(
        self, db: Database, functions: Functions, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        register(db)
        monkeypatch.setitem(registry._tools, "shine_lamp", registry.find_tool("get_project_memory"))

        tools = [tool for tool in catalog.tools_of(db, ALICE.caller) if "shine" in tool.name or not tool.is_built_in]
        with pytest.raises(InvalidToolArgumentsError):
            call(db)

        assert tools == []
        assert functions.invocations == []


class TestAccess:
    @pytest.mark.parametrize("name", ["shine_lamp", "no_lamp", "No Tool", "a\x00b"])
    def test_another_tenants_tool_is_unknown_like_one_that_is_not_there(
        self, db: Database, functions: Functions, name: str
    ) -> None:
        register(db)

        with pytest.raises(UnknownToolError) as caught:
            call(db, BOB, name)

        assert caught.value.details == {"tool": name}
        assert functions.invocations == []

    def test_the_callers_tenant_is_what_the_function_is_told(self, db: Database, functions: Functions) -> None:
        for context in (ALICE, BOB):
            register(db, tenant=context.caller.tenant)
            call(db, context)

        assert [invoked["Payload"]["tenant"] for invoked in functions.invocations] == ["alice", "bob"]


class TestBuiltIn:
    def test_is_carried_out_by_the_registry(self, db: Database) -> None:
        board = make_board(db)

        memory = call(db, name="get_project_memory", project_id=str(board.project_id))

        assert memory["project"]["id"] == str(board.project_id)

    def test_says_its_services_errors(self, db: Database) -> None:
        board = make_board(db)

        with pytest.raises(ProjectNotFoundError):
            call(db, BOB, "get_project_memory", project_id=str(board.project_id))


class TestCall:
    def test_invokes_the_function_and_answers_what_it_answers(self, db: Database, functions: Functions) -> None:
        register(db, output_schema=OUTPUT_SCHEMA)

        result = catalog.call(db, ALICE, "shine_lamp", {"colour": "red"}, request_id="request-1")

        assert result.content.model_dump(mode="json") == {"lumens": 800}
        assert (result.events, result.accepted_jobs, result.checks) == ((), (), ())
        assert functions.invocations == [
            {
                "FunctionName": FUNCTION,
                "InvocationType": "RequestResponse",
                "Payload": {
                    "tool": "shine_lamp",
                    "arguments": {"colour": "red"},
                    "tenant": "alice",
                    "request_id": "request-1",
                },
            }
        ]

    def test_passes_on_the_correlation_id_where_no_request_id_is_given(
        self, db: Database, functions: Functions
    ) -> None:
        register(db)

        with correlated("correlation-1"):
            call(db)
        call(db)

        first, second = (invoked["Payload"]["request_id"] for invoked in functions.invocations)
        assert first == "correlation-1"
        assert len(second) == 36

    def test_follows_the_definition_of_the_moment(self, db: Database, functions: Functions) -> None:
        register(db)
        db.execute("UPDATE registered_tools SET function = %s", (f"{FUNCTION}-2",))

        call(db)

        assert functions.invocations[0]["FunctionName"] == f"{FUNCTION}-2"

    def test_a_function_that_may_be_no_tool_is_not_invoked_whatever_the_row_says(
        self, db: Database, functions: Functions
    ) -> None:
        register(db)
        db.execute("UPDATE registered_tools SET function = 'callboard-test-MigrateFunction'")

        with pytest.raises(FunctionNotAllowedError):
            call(db)

        assert functions.invocations == []


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "field", "kind"),
        [
            ({"zone": "a"}, "colour", "required"),
            ({"colour": 7}, "colour", "type"),
            ({"colour": "purple"}, "colour", "maxLength"),
            ({"colour": "red", "hue": 1}, "hue", "additionalProperties"),
            ({"colour": "a\x00"}, "arguments", "not_storable"),
            ({"colour": "\ud800"}, "arguments", "not_storable"),
            ({"colour": float("nan")}, "arguments", "not_storable"),
            ({"colour": "a" * 70_000}, "arguments", "too_large"),
            ({"colour": json.loads("[" * 200 + "]" * 200)}, "arguments", "too_deep"),
        ],
    )
    def test_that_do_not_fit_are_refused_before_anything_happens(
        self, db: Database, functions: Functions, arguments: dict[str, Any], field: str, kind: str
    ) -> None:
        register(db)

        with pytest.raises(InvalidToolArgumentsError) as caught:
            call(db, **arguments)

        assert caught.value.details["tool"] == "shine_lamp"
        assert [(fault["field"], fault["type"]) for fault in caught.value.details["fields"]] == [(field, kind)]
        assert functions.invocations == []


class TestAnswers:
    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (b"", "no valid JSON"),
            (b"{", "no valid JSON"),
            (b"\xff", "no valid JSON"),
            (b'{"lumens": NaN}', "no valid JSON"),
            (b'{"lumens": 1e999}', "no valid JSON"),
            (b'{"lumens": "\\u0000"}', "no valid JSON"),
            (b"null", "no JSON object, or one nested too deeply"),
            (b"[1]", "no JSON object, or one nested too deeply"),
            (b'{"a": ' + b"[" * 500 + b"]" * 500 + b"}", "no JSON object, or one nested too deeply"),
            (b'{"a": "' + b"a" * invocation.MAX_ANSWER_BYTES + b'"}', f"more than {invocation.MAX_ANSWER_BYTES} bytes"),
            (b'{"lumens": "many"}', "it does not fit the output schema"),
            (b"{}", "it does not fit the output schema"),
        ],
    )
    def test_rubbish_is_told_as_such(self, db: Database, functions: Functions, answer: bytes, reason: str) -> None:
        register(db, output_schema=OUTPUT_SCHEMA)
        functions.answer = answer

        with pytest.raises(ToolAnsweredRubbishError) as caught:
            call(db)

        assert (caught.value.details["tool"], caught.value.details["reason"]) == ("shine_lamp", reason)

    def test_without_an_output_schema_any_object_is_an_answer(self, db: Database, functions: Functions) -> None:
        register(db)
        functions.answer = b'{"lumens": "many"}'

        assert call(db) == {"lumens": "many"}

    def test_a_refusal_says_why_in_the_tools_words(self, db: Database, functions: Functions) -> None:
        register(db, output_schema=OUTPUT_SCHEMA)
        functions.answer = b'{"error": {"code": "NO_BULB", "message": "There is no bulb.", "details": {"a": 1}}}'

        with pytest.raises(ToolRefusedError) as caught:
            call(db)

        assert caught.value.message == "There is no bulb."
        assert caught.value.details == {
            "tool": "shine_lamp",
            "reason": {"code": "NO_BULB", "message": "There is no bulb."},
        }

    @pytest.mark.parametrize("said", [b"null", b'"no"', b"{}", b"[1]"])
    def test_a_refusal_without_reasons_is_one_too(self, db: Database, functions: Functions, said: bytes) -> None:
        register(db)
        functions.answer = b'{"error": ' + said + b"}"

        with pytest.raises(ToolRefusedError) as caught:
            call(db)

        assert (caught.value.message, caught.value.details["reason"]) == ("The tool refused the call.", {})


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "secret 17"}}, "Invoke")


class TestFailures:
    @pytest.mark.parametrize(
        ("raised", "error"),
        [
            (ReadTimeoutError(endpoint_url="https://lambda.example.test"), ToolTimedOutError),
            (EndpointConnectionError(endpoint_url="https://lambda.example.test"), ToolFailedError),
            (refused("ResourceNotFoundException"), ToolGoneError),
            (refused("AccessDeniedException"), ToolFailedError),
            (refused("TooManyRequestsException"), ToolUnavailableError),
        ],
    )
    def test_of_an_invocation_are_clear(
        self, db: Database, functions: Functions, raised: Exception, error: type[ServiceError]
    ) -> None:
        register(db)
        functions.answer = raised

        with pytest.raises(error) as caught:
            call(db)

        assert caught.value.details["tool"] == "shine_lamp"
        assert "17" not in str(caught.value.as_dict())

    @pytest.mark.parametrize(
        ("said", "error"),
        [
            (b'{"errorType": "KeyError", "errorMessage": "secret 17", "stackTrace": ["17"]}', ToolFailedError),
            (b'{"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out"}', ToolTimedOutError),
            (b"[17]", ToolFailedError),
            (b"not JSON 17", ToolFailedError),
        ],
    )
    def test_of_the_function_are_clear_and_its_words_stay_inside(
        self, db: Database, functions: Functions, said: bytes, error: type[ServiceError]
    ) -> None:
        register(db)
        functions.answer, functions.error = said, "Unhandled"

        with pytest.raises(error) as caught:
            call(db)

        assert caught.value.details == {"tool": "shine_lamp"}
        assert "17" not in str(caught.value.as_dict())

    def test_only_what_surely_did_not_happen_may_be_tried_again(self) -> None:
        retryable = {
            error: error.retryable
            for error in (ToolUnavailableError, ToolFailedError, ToolTimedOutError, ToolAnsweredRubbishError)
        }

        assert [error for error, may in retryable.items() if may] == [ToolUnavailableError]

    def test_harm_neither_the_connection_nor_the_next_call(self, db: Database, functions: Functions) -> None:
        register(db)
        functions.answer = refused("ServiceException")
        with pytest.raises(ToolUnavailableError):
            call(db)
        functions.answer = b'{"lumens": 800}'

        assert call(db) == {"lumens": 800}
        assert one(db, "SELECT count(*) AS n FROM registered_tools") == {"n": 1}


class SlowFunctions(BaseHTTPRequestHandler):
    """Answers as Lambda's API does, once it is told to."""

    asked = 0
    go_on = threading.Event()

    def do_POST(self) -> None:
        type(self).asked += 1
        self.rfile.read(int(self.headers["content-length"]))
        self.go_on.wait(10)
        body = b'{"lumens": 800}'
        try:
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def slow_lambda() -> Iterator[str]:
    SlowFunctions.asked = 0
    SlowFunctions.go_on.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), SlowFunctions) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            SlowFunctions.go_on.set()
            server.shutdown()
            thread.join()


def test_a_tool_that_takes_too_long_is_asked_once_and_given_up(
    db: Database, slow_lambda: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invocation, "TIME_LIMIT_SECONDS", 0.3)
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", slow_lambda)
    register(db)

    with closing(aws.functions(0.3)), pytest.raises(ToolTimedOutError) as caught:
        call(db)

    assert caught.value.details == {"tool": "shine_lamp", "limit_seconds": 0.3}
    assert SlowFunctions.asked == 1


def test_a_tool_that_answers_in_time_is_heard(db: Database, slow_lambda: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", slow_lambda)
    SlowFunctions.go_on.set()
    register(db)

    with closing(aws.functions(invocation.TIME_LIMIT_SECONDS)):
        assert call(db) == {"lumens": 800}
