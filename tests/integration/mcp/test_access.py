"""Who may use the MCP server: the token first, then the origin, the method and the size."""

import json
import logging
from typing import Any

import pytest

from callboard import access_tokens
from callboard.settings import get_settings
from mcp_server.handler import lambda_handler
from support.board import Board
from support.issuer import FakeIssuer
from support.lambdas import call_http
from support.mcp import Client

METADATA = "https://api.example.test/.well-known/oauth-protected-resource"


def test_anonymous_is_told_where_tokens_come_from(issuer: FakeIssuer) -> None:
    answer = Client(lambda_handler, None).send("tools/list")

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == f'Bearer resource_metadata="{METADATA}"'
    assert answer.body["error"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    "claims",
    [
        {"key": "forged", "headers": {"kid": "key-1"}},
        {"key": "unknown"},
        {"iss": "https://other.example.test"},
        {"exp": 1},
        {"client_id": "another-client"},
        {"token_use": "id"},
    ],
    ids=["bad signature", "unknown key", "wrong issuer", "expired", "wrong audience", "id token"],
)
def test_a_token_that_is_not_good_is_told_so(issuer: FakeIssuer, claims: dict[str, Any]) -> None:
    answer = Client(lambda_handler, issuer.token("alice", **claims)).send("tools/list")

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == f'Bearer error="invalid_token", resource_metadata="{METADATA}"'
    assert answer.body["error"]["code"] in {"INVALID_TOKEN", "WRONG_TOKEN"}


def test_the_claims_of_a_gateway_count_for_nothing(issuer: FakeIssuer) -> None:
    answer = Client(lambda_handler, None).send("tools/list", claims={"sub": "user-alice", "token_use": "access"})

    assert answer.status == 401


def test_a_user_of_two_tenants_is_refused(issuer: FakeIssuer) -> None:
    token = issuer.token(groups=["tenant:a", "tenant:b"])

    answer = Client(lambda_handler, token).send("tools/list")

    assert (answer.status, answer.body["error"]["code"]) == (403, "TENANT_AMBIGUOUS")


def test_another_tenant_s_project_is_not_found_like_an_unknown_one(bob: Client, board: Board) -> None:
    unknown = "0198f2a0-0000-7000-8000-000000000009"
    found = []
    for project_id in (str(board.project_id), unknown):
        called = bob.call("get_project_memory", project_id=project_id)
        assert called["isError"]
        uri = f"callboard://projects/{project_id}/memory"
        read = bob.refused("resources/read", {"uri": uri})
        plan = bob.refused(
            "prompts/get", {"name": "plan_project", "arguments": {"project_id": project_id, "brief": "x"}}
        )
        found.append((called["content"][0]["text"], read | {"data": read["data"] | {"uri": ""}}, plan))

    assert found[0] == found[1]
    assert json.loads(found[0][0])["code"] == "PROJECT_NOT_FOUND"
    assert bob.ask("resources/list")["resources"] == []


def test_a_good_token_is_let_in(alice: Client) -> None:
    assert alice.ask("tools/list")["tools"]


def test_an_issuer_that_does_not_answer_is_not_the_caller_s_fault(
    issuer: FakeIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer.is_down = True
    access_tokens.forget_keys()
    try:
        answer = Client(lambda_handler, issuer.token()).send("tools/list")
    finally:
        issuer.is_down = False

    assert (answer.status, answer.body["error"]["code"]) == (503, "ISSUER_UNAVAILABLE")
    assert "WWW-Authenticate" not in answer.headers


def test_an_issuer_says_itself_where_its_keys_are(issuer: FakeIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDC_ISSUER", issuer.url)
    monkeypatch.setenv("OIDC_KEYS_URL", "")
    get_settings.cache_clear()
    access_tokens.forget_keys()

    assert Client(lambda_handler, issuer.token(iss=issuer.url)).ask("tools/list")["tools"]


class TestOrigins:
    @pytest.mark.parametrize(
        "origin",
        ["https://evil.example", "null", "http://app.example.test", "https://app.example.test.evil.example", "*", ""],
    )
    @pytest.mark.parametrize("method", ["POST", "GET"])
    def test_a_forged_one_is_refused_before_anything_else(self, alice: Client, origin: str, method: str) -> None:
        headers = {"origin": origin, "authorization": f"Bearer {alice.token}"}

        answer = call_http(lambda_handler, method, "/mcp", headers=headers, body={})

        assert (answer.status, answer.body["error"]["code"]) == (403, "ORIGIN_REFUSED")

    @pytest.mark.parametrize("origin", ["https://app.example.test", " https://other.example.test ", None])
    def test_an_allowed_one_and_none_are_let_in(self, alice: Client, origin: str | None) -> None:
        assert alice.ask("tools/list", headers={"origin": origin})["tools"]

    def test_without_the_setting_none_is_allowed(self, alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MCP_ALLOWED_ORIGINS", "")
        get_settings.cache_clear()

        assert alice.send("tools/list", headers={"origin": "https://app.example.test"}).status == 403
        assert alice.send("tools/list").status == 200


class TestMethods:
    @pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "PATCH", "OPTIONS"])
    def test_only_post_is_allowed(self, alice: Client, method: str) -> None:
        headers = {"authorization": f"Bearer {alice.token}", "accept": "text/event-stream"}

        answer = call_http(lambda_handler, method, "/mcp", headers=headers)

        assert (answer.status, answer.headers["Allow"]) == (405, "POST")
        assert answer.body["error"]["code"] == "METHOD_NOT_ALLOWED"

    def test_parameters_of_5_mb_are_too_large(self, alice: Client) -> None:
        answer = alice.send("tools/call", {"name": "get_job", "arguments": {"job_id": "x" * 5_000_000}})

        assert (answer.status, answer.body["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")

    def test_what_is_not_json_by_its_own_word_is_refused(self, alice: Client) -> None:
        answer = alice.send("tools/list", headers={"content-type": "text/plain"})

        assert (answer.status, answer.body["error"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


class TestMetadata:
    @pytest.mark.parametrize("path", ["", "/mcp"])
    def test_says_who_gives_tokens(self, issuer: FakeIssuer, path: str) -> None:
        answer = call_http(lambda_handler, "GET", f"/.well-known/oauth-protected-resource{path}")

        assert answer.status == 200
        assert answer.body == {
            "resource": "https://api.example.test/mcp",
            "authorization_servers": [issuer.name],
            "bearer_methods_supported": ["header"],
            "resource_name": "Callboard",
        }

    def test_names_the_api_as_the_setting_says(self, issuer: FakeIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("API_URL_FORM", "http://127.0.0.1:4566/apis/{api}")
        get_settings.cache_clear()

        answer = call_http(lambda_handler, "GET", "/.well-known/oauth-protected-resource")

        assert answer.body["resource"] == "http://127.0.0.1:4566/apis/api/mcp"


def test_logs_hold_no_token(issuer: FakeIssuer, caplog: pytest.LogCaptureFixture, capsys: Any) -> None:
    token = issuer.token(exp=1)
    with caplog.at_level(logging.DEBUG):
        Client(lambda_handler, token).send("tools/list")

    written = capsys.readouterr()
    assert token not in caplog.text + written.out + written.err
    assert token.split(".")[2] not in caplog.text + written.out + written.err
