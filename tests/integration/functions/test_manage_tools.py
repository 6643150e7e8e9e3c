"""manage_tools as a function: who may register what, against a real PostgreSQL."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from callboard import database
from callboard.database import Database, connect
from callboard.mcp import registry
from callboard.mcp.errors import ToolNameTakenError, TooManyToolsError
from callboard.mcp.models import MAX_TOOLS
from manage_tools.handler import lambda_handler
from support.board import one
from support.lambdas import ADMIN, ALICE, BOB, Answer, Context, call_http
from support.tools import FUNCTION, OUTPUT_SCHEMA, SCHEMA, definition, register

pytestmark = pytest.mark.usefixtures("cloud")
SAMPLE = Path(__file__).parents[3] / "infra" / "events" / "manage_tools.json"
LAMP = "/api/tools/shine_lamp"
BOBS_ADMIN = BOB | {"cognito:groups": "[tenant:bob admins]"}
REQUESTS = [
    ("GET", "/api/tools", None),
    ("POST", "/api/tools", definition(name="blow_horn")),
    ("GET", LAMP, None),
    ("PUT", LAMP, definition(description="Glows.")),
    ("DELETE", LAMP, None),
]
CHANGES = [request for request in REQUESTS if request[0] != "GET"]


def call(method: str, path: str, body: Any = None, claims: dict[str, str] | None = ADMIN, **parts: Any) -> Answer:
    return call_http(lambda_handler, method, path, body=body, claims=claims, **parts)


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body["error"]["code"]


def stored(db: Database) -> dict[str, Any]:
    return one(db, "SELECT count(*) AS n, min(description) AS description FROM registered_tools")


class TestAccess:
    @pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
    def test_nobody_without_a_token(self, db: Database, method: str, path: str, body: Any) -> None:
        register(db)

        assert code(call(method, path, body, claims=None)) == (401, "UNAUTHENTICATED")
        assert stored(db) == {"n": 1, "description": "Shines."}

    @pytest.mark.parametrize(("method", "path", "body"), CHANGES)
    def test_members_change_nothing(self, db: Database, method: str, path: str, body: Any) -> None:
        register(db)

        assert code(call(method, path, body, claims=ALICE)) == (403, "ADMINS_ONLY")
        assert stored(db) == {"n": 1, "description": "Shines."}

    def test_members_read(self, db: Database) -> None:
        register(db)

        assert [item["name"] for item in call("GET", "/api/tools", claims=ALICE).body["items"]] == ["shine_lamp"]
        assert call("GET", LAMP, claims=ALICE).body["description"] == "Shines."

    def test_another_tenants_tools_are_not_there(self, db: Database) -> None:
        register(db)

        assert call("GET", "/api/tools", claims=BOB).body == {"items": [], "next_cursor": None}
        for method, path, body in REQUESTS[2:]:
            assert code(call(method, path, body, claims=BOBS_ADMIN)) == (404, "TOOL_NOT_FOUND")
        assert stored(db) == {"n": 1, "description": "Shines."}

    def test_another_tenant_may_use_the_same_name(self, db: Database) -> None:
        register(db)

        assert call("POST", "/api/tools", definition(name="shine_lamp"), claims=BOBS_ADMIN).status == 201


class TestRegister:
    def test_answers_the_tool_as_it_is_read_afterwards(self) -> None:
        body = definition(name="shine_lamp", output_schema=OUTPUT_SCHEMA)

        made = call("POST", "/api/tools", body)

        assert (made.status, made.headers["Location"]) == (201, LAMP)
        assert {name: made.body[name] for name in body} == body
        assert made.body["created_by"] == "admin"
        assert call("GET", LAMP).body == made.body

    def test_keeps_the_order_of_properties(self) -> None:
        call("POST", "/api/tools", definition(name="shine_lamp"))

        assert list(call("GET", LAMP).body["schema"]["properties"]) == list(SCHEMA["properties"])

    @pytest.mark.parametrize("name", ["get_project_memory", "wait_for_jobs", "shine_lamp"])
    def test_refuses_a_name_that_is_taken(self, db: Database, name: str) -> None:
        register(db)

        assert code(call("POST", "/api/tools", definition(name=name))) == (409, "TOOL_NAME_TAKEN")
        assert stored(db)["n"] == 1

    @pytest.mark.parametrize(
        "function",
        [
            "callboard-test-MigrateFunction",
            "other-tool-lamp",
            "callboard-test-tool-",
            "callboard-test-tool-lamp:1",
            "arn:aws:lambda:eu-central-1:123456789012:function:lamp",
            "",
        ],
    )
    def test_refuses_other_functions_than_tools_of_the_stack(self, db: Database, function: str) -> None:
        answer = call("POST", "/api/tools", definition(name="shine_lamp", function=function))

        assert code(answer) == (422, "FUNCTION_NOT_ALLOWED")
        assert answer.body["error"]["details"] == {"function": function, "allowed": "callboard-test-tool-*"}
        assert stored(db)["n"] == 0

    @pytest.mark.parametrize("field", ["schema", "output_schema"])
    def test_refuses_a_schema_that_is_none_and_says_where(self, db: Database, field: str) -> None:
        wrong = {"type": "object", "properties": {"colour": {"type": "colour"}}}

        answer = call("POST", "/api/tools", definition(name="shine_lamp", **{field: wrong}))

        assert code(answer) == (422, "INVALID_TOOL_SCHEMA")
        assert [fault["field"] for fault in answer.body["error"]["details"]["fields"]] == [
            f"{field}.properties.colour.type"
        ]
        assert stored(db)["n"] == 0

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"name": "Shine-Lamp"}, "name"),
            ({"name": "a" * 65}, "name"),
            ({"name": "lamp\n"}, "name"),
            ({"description": " "}, "description"),
            ({"description": "a" * 4001}, "description"),
            ({"description": "a\u0000"}, "description"),
            ({"schema": []}, "schema"),
            ({"schema": None}, "schema"),
            ({"function": "callboard-test-tool-" + "a" * 50}, "function"),
            ({"colour": "red"}, "colour"),
        ],
    )
    def test_refuses_what_no_tool_is(self, db: Database, wrong: dict[str, Any], field: str) -> None:
        answer = call("POST", "/api/tools", definition(name="shine_lamp") | wrong)

        assert code(answer) == (422, "VALIDATION_ERROR")
        assert {fault["field"] for fault in answer.body["error"]["details"]["fields"]} == {field}
        assert stored(db)["n"] == 0

    def test_counts_the_tools_of_a_tenant(self, db: Database) -> None:
        for number in range(MAX_TOOLS):
            register(db, name=f"lamp_{number}")

        answer = call("POST", "/api/tools", definition(name="one_more"))

        assert code(answer) == (409, "TOO_MANY_TOOLS")
        assert answer.body["error"]["details"] == {"limit": MAX_TOOLS}
        assert call("POST", "/api/tools", definition(name="one_more"), claims=BOBS_ADMIN).status == 201

    def test_counts_also_those_that_come_at_once(self, db: Database, database_url: str) -> None:
        for number in range(MAX_TOOLS - 1):
            register(db, name=f"lamp_{number}")
        refused: list[str] = []

        def one_more(name: str) -> None:
            with connect(database_url) as other:
                try:
                    register(other, name=name)
                except (TooManyToolsError, ToolNameTakenError) as error:
                    refused.append(error.code)

        threads = [threading.Thread(target=one_more, args=(name,)) for name in ("a", "b", "c", "c")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(refused) == 3
        assert stored(db)["n"] == MAX_TOOLS


class TestList:
    def test_pages_by_name(self, db: Database) -> None:
        for name in ("b_lamp", "a_lamp", "a1", "c_lamp"):
            register(db, name=name)

        first = call("GET", "/api/tools", query={"limit": "3"}).body
        second = call("GET", "/api/tools", query={"limit": "3", "cursor": first["next_cursor"]}).body

        assert [item["name"] for item in first["items"]] == ["a1", "a_lamp", "b_lamp"]
        assert [item["name"] for item in second["items"]] == ["c_lamp"]
        assert second["next_cursor"] is None

    @pytest.mark.parametrize("cursor", ["nonsense", "WzFd", "WyJcdTAwMDAiXQ"])
    def test_refuses_a_cursor_of_another_list(self, cursor: str) -> None:
        assert code(call("GET", "/api/tools", query={"cursor": cursor})) == (422, "INVALID_CURSOR")

    def test_the_sample_event_lists_alices_tools(self, db: Database) -> None:
        register(db)
        register(db, tenant="bob")

        answer = lambda_handler(json.loads(SAMPLE.read_text()), Context())

        assert answer["statusCode"] == 200
        assert [item["name"] for item in json.loads(answer["body"])["items"]] == ["shine_lamp"]


class TestReplace:
    def test_replaces_all_of_the_definition(self, db: Database) -> None:
        before = register(db, output_schema=OUTPUT_SCHEMA)

        answer = call("PUT", LAMP, definition(description="Glows.", function=f"{FUNCTION}-2"))

        assert answer.status == 200
        assert (answer.body["description"], answer.body["function"]) == ("Glows.", f"{FUNCTION}-2")
        assert answer.body["output_schema"] is None
        assert answer.body["created_at"] == before.model_dump(mode="json")["created_at"]
        assert answer.body["updated_at"] > answer.body["created_at"]
        assert call("GET", LAMP).body == answer.body

    @pytest.mark.parametrize(
        ("wrong", "expected"),
        [
            ({"function": "callboard-test-MigrateFunction"}, "FUNCTION_NOT_ALLOWED"),
            ({"schema": {}}, "INVALID_TOOL_SCHEMA"),
            ({"output_schema": {}}, "INVALID_TOOL_SCHEMA"),
            ({"name": "other"}, "VALIDATION_ERROR"),
        ],
    )
    def test_refuses_what_could_not_be_registered(self, db: Database, wrong: dict[str, Any], expected: str) -> None:
        register(db)

        assert code(call("PUT", LAMP, definition(description="Glows.") | wrong)) == (422, expected)
        assert stored(db)["description"] == "Shines."


class TestRemove:
    def test_removes_a_tool_once(self, db: Database) -> None:
        register(db)

        assert call("DELETE", LAMP).status == 204
        assert code(call("DELETE", LAMP)) == (404, "TOOL_NOT_FOUND")
        assert code(call("GET", LAMP)) == (404, "TOOL_NOT_FOUND")


@pytest.mark.parametrize("name", ["get_project_memory", "no_lamp", "No-Tool", "a%00b", "a" * 100])
@pytest.mark.parametrize(("method", "body"), [("GET", None), ("PUT", definition()), ("DELETE", None)])
def test_a_tool_that_is_not_registered_is_not_found(method: str, body: Any, name: str) -> None:
    assert code(call(method, f"/api/tools/{name}", body)) == (404, "TOOL_NOT_FOUND")


def test_built_in_tools_are_not_in_the_list_of_registered_ones() -> None:
    assert registry.all_tools()
    assert call("GET", "/api/tools").body["items"] == []


def test_a_lost_database_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "secret", lambda name: "postgresql://127.0.0.1:9/none")
    database.close()

    assert code(call("GET", "/api/tools")) == (503, "DATABASE_UNAVAILABLE")
