"""What each revision of the protocol asks of the wire: headers, statuses, envelopes, streams."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from mcp_server.handler import lambda_handler
from support.board import Board
from support.issuer import FakeIssuer
from support.lambdas import Context, call_http
from support.mcp import ACCEPT, ENVELOPE, NEWEST, OF_OLD, Client, events

SERVER_INFO = "io.modelcontextprotocol/serverInfo"


class TestNewest:
    def test_discovery_tells_what_is_offered(self, alice: Client) -> None:
        result = alice.ask("server/discover")

        assert result["supportedVersions"] == [NEWEST]
        assert result["capabilities"] == {
            "completions": {},
            "extensions": {"io.modelcontextprotocol/tasks": {}},
            "logging": {},
            "prompts": {"listChanged": False},
            "resources": {"listChanged": False, "subscribe": False},
            "tools": {"listChanged": False},
        }
        assert "get_project_memory" in result["instructions"]

    @pytest.mark.parametrize(
        ("method", "params"),
        [
            ("server/discover", {}),
            ("tools/list", {}),
            ("resources/list", {}),
            ("resources/templates/list", {}),
            ("prompts/list", {}),
        ],
    )
    def test_every_list_says_how_long_and_for_whom_it_is_fresh(
        self, alice: Client, method: str, params: dict[str, Any]
    ) -> None:
        result = alice.ask(method, params)

        assert result["ttlMs"] >= 0
        assert result["cacheScope"] in {"public", "private"}
        assert result["resultType"] == "complete"
        assert result["_meta"][SERVER_INFO]["name"] == "callboard"

    def test_what_a_tenant_has_is_never_shared(self, alice: Client, board: Board) -> None:
        uri = f"callboard://projects/{board.project_id}/memory"

        shown = [alice.ask("resources/list"), alice.ask("resources/read", {"uri": uri}), alice.ask("tools/list")]

        assert {result["cacheScope"] for result in shown} == {"private"}

    @pytest.mark.parametrize("method", ["subscriptions/listen", "initialize", "ping", "logging/setLevel", "tools/nope"])
    def test_a_method_that_is_not_offered_is_not_found(self, alice: Client, method: str) -> None:
        params: dict[str, Any] = {"notifications": {"toolsListChanged": True}} if "listen" in method else {}

        answer = alice.send(method, params)

        assert (answer.status, answer.body["error"]["code"], answer.body["id"]) == (404, -32601, 7)

    @pytest.mark.parametrize(
        "headers",
        [
            {"mcp-method": None},
            {"mcp-method": "tools/list"},
            {"mcp-method": "TOOLS/CALL"},
            {"mcp-name": None},
            {"mcp-name": "another_tool"},
            {"mcp-name": "get_job, get_job"},
            {"mcp-name": "=?base64?!?="},
        ],
        ids=str,
    )
    def test_headers_that_do_not_say_what_the_body_does_are_refused(
        self, alice: Client, headers: dict[str, str | None]
    ) -> None:
        params = {"name": "get_job", "arguments": {"job_id": "0198f2a0-0000-7000-8000-000000000009"}}

        answer = alice.send("tools/call", params, headers=headers)

        assert (answer.status, answer.body["error"]["code"]) == (400, -32020)

    def test_white_space_around_headers_says_nothing(self, alice: Client) -> None:
        headers = {"mcp-protocol-version": f" {NEWEST} ", "mcp-method": "\ttools/list  ", "accept": f" {ACCEPT} "}

        assert alice.ask("tools/list", headers=headers)["tools"]

    def test_an_unknown_revision_is_told_which_are_known(self, alice: Client) -> None:
        revision = {"io.modelcontextprotocol/protocolVersion": "2031-01-01"}

        answer = alice.send("tools/list", headers={"mcp-protocol-version": "2031-01-01"}, meta=revision)

        assert answer.status == 400
        assert answer.body["error"]["code"] == -32022
        assert answer.body["error"]["data"] == {"supported": [NEWEST], "requested": "2031-01-01"}

    @pytest.mark.parametrize("missing", ["protocolVersion", "clientCapabilities"])
    def test_an_envelope_without_what_it_must_say_is_refused(self, alice: Client, missing: str) -> None:
        meta = {name: value for name, value in ENVELOPE.items() if not name.endswith(missing)}
        body = {"jsonrpc": "2.0", "id": 7, "method": "tools/list", "params": {"_meta": meta}}

        answer = alice.send("tools/list", body=body)

        assert (answer.status, answer.body["error"]["code"]) == (400, -32602)

    @pytest.mark.parametrize("accept", ["application/json", "text/event-stream", "text/html", None])
    def test_a_client_that_does_not_take_both_forms_is_refused(self, alice: Client, accept: str | None) -> None:
        assert alice.send("tools/list", headers={"accept": accept}).status == 406

    def test_a_request_whose_id_is_none_is_not_taken_for_a_notification(self, alice: Client) -> None:
        answer = alice.send("tools/list", body={"jsonrpc": "2.0", "id": {}, "method": "tools/list"})

        assert (answer.status, answer.body["error"]["code"]) == (400, -32600)

    def test_progress_is_a_whole_stream_in_one_answer(self, alice: Client, board: Board) -> None:
        params = {"name": "get_project_memory", "arguments": {"project_id": str(board.project_id)}}

        answer = alice.send("tools/call", params, meta={"progressToken": "token-1"})

        assert answer.status == 200
        *told, last = events(answer)
        assert [(message["method"], message["params"]) for message in told] == [
            ("notifications/progress", {"progressToken": "token-1", "progress": done, "total": 1}) for done in (0, 1)
        ]
        assert last["id"] == 7
        assert last["result"]["structuredContent"]["project"]["id"] == str(board.project_id)

    def test_without_a_token_progress_is_not_told(self, alice: Client, board: Board) -> None:
        params = {"name": "get_project_memory", "arguments": {"project_id": str(board.project_id)}}

        assert alice.send("tools/call", params).headers["Content-Type"] == "application/json"


class TestOfOld:
    @pytest.mark.parametrize("revision", OF_OLD)
    def test_a_handshake_is_answered_in_the_client_s_revision(
        self, client: Callable[..., Client], revision: str
    ) -> None:
        greeting = {"protocolVersion": revision, "capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}
        old = client("alice", revision)

        result = old.ask("initialize", greeting, headers={"mcp-protocol-version": None})

        assert result["protocolVersion"] == revision
        assert result["serverInfo"]["name"] == "callboard"
        assert "tools" in result["capabilities"]

    @pytest.mark.parametrize("revision", OF_OLD)
    def test_requests_need_no_handshake_before_them(
        self, client: Callable[..., Client], board: Board, revision: str
    ) -> None:
        old = client("alice", revision)

        tools = old.ask("tools/list")["tools"]
        result = old.call("get_project_memory", project_id=str(board.project_id))

        assert tools[0]["name"] == "get_project_memory"
        assert json.loads(result["content"][0]["text"])["project"]["id"] == str(board.project_id)
        assert "ttlMs" not in old.ask("resources/list")

    def test_a_client_that_names_no_revision_is_served(self, client: Callable[..., Client]) -> None:
        assert client("alice", OF_OLD[0]).ask("tools/list", headers={"mcp-protocol-version": None})["tools"]

    def test_a_ping_is_answered(self, client: Callable[..., Client]) -> None:
        assert client("alice", OF_OLD[-1]).ask("ping") == {}

    def test_progress_is_a_whole_stream_in_one_answer_each_time(
        self, client: Callable[..., Client], board: Board
    ) -> None:
        params = {"name": "get_project_memory", "arguments": {"project_id": str(board.project_id)}}

        for _ in range(2):
            answer = client("alice", OF_OLD[-1]).send("tools/call", params, meta={"progressToken": 0})

            *told, last = events(answer)
            assert [message["params"]["progress"] for message in told] == [0, 1]
            assert last["result"]["structuredContent"]["project"]["id"] == str(board.project_id)

    def test_without_a_token_an_answer_is_json(self, client: Callable[..., Client], board: Board) -> None:
        params = {"name": "get_project_memory", "arguments": {"project_id": str(board.project_id)}}

        answer = client("alice", OF_OLD[-1]).send("tools/call", params)

        assert answer.headers["Content-Type"] == "application/json"

    @pytest.mark.parametrize("accept", ["application/json", "application/json; q=1, text/plain"])
    def test_a_client_that_takes_json_alone_gets_it(self, client: Callable[..., Client], accept: str) -> None:
        answer = client("alice", OF_OLD[-1]).send("tools/list", headers={"accept": accept}, meta={"progressToken": 1})

        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")

    def test_separators_of_lines_in_a_text_do_not_tear_an_answer(
        self, alice: Client, client: Callable[..., Client], board: Board
    ) -> None:
        title = "a\u2028b\u2029c\x85d\u000be"
        alice.call("update_card", card_id=str(board.card_id), title=title)

        memory = client("alice", OF_OLD[-1]).call("get_project_memory", project_id=str(board.project_id))

        assert memory["structuredContent"]["activities"][0]["cards"][0]["title"] == title

    @pytest.mark.parametrize("revision", OF_OLD)
    def test_a_level_of_logging_is_acknowledged(self, client: Callable[..., Client], revision: str) -> None:
        assert client("alice", revision).ask("logging/setLevel", {"level": "debug"}) == {}

    def test_an_unknown_resource_has_a_code_of_its_own(self, client: Callable[..., Client]) -> None:
        error = client("alice", OF_OLD[-1]).refused("resources/read", {"uri": "callboard://nothing"})

        assert (error["code"], error["data"]["uri"]) == (-32002, "callboard://nothing")


@pytest.mark.parametrize("revision", [OF_OLD[-1], NEWEST])
class TestEither:
    def test_a_notification_is_taken_without_a_word(self, client: Callable[..., Client], revision: str) -> None:
        body = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}

        answer = client("alice", revision).send("notifications/cancelled", body=body)

        assert (answer.status, answer.text) == (202, "")

    @pytest.mark.parametrize(
        "raw",
        [
            "",
            "{",
            "null",
            "7",
            '"text"',
            "[]",
            '[{"jsonrpc":"2.0","id":1,"method":"tools/list"}]',
            "{}",
            "[" * 100_000,
            '{"jsonrpc":"1.0","id":1,"method":"tools/list"}',
            '{"jsonrpc":"2.0","id":1,"method":7}',
            '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}',
        ],
        ids=lambda raw: raw[:40],
    )
    def test_what_is_no_message_is_refused(self, client: Callable[..., Client], revision: str, raw: str) -> None:
        answer = client("alice", revision).send("tools/list", raw_body=raw)

        assert answer.status == 400
        assert answer.body["error"]["code"] in {-32700, -32600, -32602}

    def test_a_session_id_is_ignored(self, client: Callable[..., Client], revision: str) -> None:
        answer = client("alice", revision).send("tools/list", headers={"mcp-session-id": "anything"})

        assert answer.status == 200
        assert "mcp-session-id" not in {name.lower() for name in answer.headers}

    def test_a_body_in_base64_is_read(self, client: Callable[..., Client], revision: str) -> None:
        sent: list[dict[str, Any]] = []

        def noting(event: dict[str, Any], context: Any) -> dict[str, Any]:
            sent.append(event)
            return lambda_handler(event, context)

        old = client("alice", revision)
        Client(noting, old.token, revision).send("tools/list")
        event = sent[0] | {"body": base64.b64encode(sent[0]["body"].encode()).decode(), "isBase64Encoded": True}
        assert json.loads(lambda_handler(event, Context())["body"])["result"]["tools"]


def test_a_wrong_revision_in_the_header_alone_is_refused(issuer: FakeIssuer) -> None:
    answer = call_http(
        lambda_handler,
        "POST",
        "/mcp",
        headers={"authorization": f"Bearer {issuer.token()}", "accept": ACCEPT, "mcp-protocol-version": "nonsense"},
        body={"jsonrpc": "2.0", "id": 7, "method": "tools/list"},
    )

    assert answer.status == 400
