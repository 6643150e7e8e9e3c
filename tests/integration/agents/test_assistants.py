"""Assistants through their routes: which there are, what they take, how they go about it."""

from typing import Any

import pytest

from callboard.agents.assistants import PRODUCTION, REVIEW_OF_CARD
from support.agent_api import ask, code_of, fields_of

pytestmark = pytest.mark.usefixtures("cloud")


def names(**wanted: Any) -> list[str]:
    answer = ask("POST", "/assistants/search", wanted)
    assert answer.status == 200, answer.text
    return [assistant["graph_id"] for assistant in answer.body]


def test_the_production_assistant_comes_first() -> None:
    assert names() == ["production", "review"]


def test_assistants_are_found_by_graph_name_and_metadata() -> None:
    assert names(graph_id="review") == ["review"]
    assert names(name="PROD") == ["production"]
    assert names(metadata={"created_by": "system"}) == ["production", "review"]
    assert names(metadata={"created_by": "alice"}) == []
    assert names(limit=1, offset=1) == ["review"]


def test_assistants_are_counted() -> None:
    assert ask("POST", "/assistants/count", {}).body == 2
    assert ask("POST", "/assistants/count", {"graph_id": "review"}).body == 1


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"offset": -1}])
def test_a_page_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    assert fields_of(ask("POST", "/assistants/search", wrong)) == list(wrong)


@pytest.mark.parametrize("name", ["production", PRODUCTION.assistant_id])
def test_an_assistant_is_read_by_its_id_or_its_name(name: str) -> None:
    assistant = ask("GET", f"/assistants/{name}").body

    assert (assistant["assistant_id"], assistant["graph_id"]) == (PRODUCTION.assistant_id, "production")
    assert {"config", "context", "metadata", "version", "created_at", "updated_at", "description"} <= set(assistant)


@pytest.mark.parametrize("path", ["", "/schemas", "/graph"])
def test_an_assistant_that_is_missing_is_not_found(path: str) -> None:
    assert code_of(ask("GET", f"/assistants/nobody{path}")) == (404, "ASSISTANT_NOT_FOUND")


@pytest.mark.parametrize(("assistant", "required"), [(PRODUCTION.name, ["brief"]), (REVIEW_OF_CARD.name, ["card_id"])])
def test_the_schemas_say_what_an_assistant_takes(assistant: str, required: list[str]) -> None:
    schemas = ask("GET", f"/assistants/{assistant}/schemas").body

    assert schemas["input_schema"]["required"] == required
    assert {"messages", "answer"} <= set(schemas["output_schema"]["properties"])
    assert {"graph_id", "state_schema", "config_schema", "context_schema"} <= set(schemas)


def test_the_graph_shows_its_nodes_and_ways() -> None:
    graph = ask("GET", "/assistants/production/graph", query={"xray": "false"}).body

    assert {"recall", "think", "act", "wait", "approve", "finish"} <= {node["id"] for node in graph["nodes"]}
    ways = {(edge["source"], edge["target"]) for edge in graph["edges"]}
    assert {("recall", "think"), ("think", "act"), ("act", "wait"), ("think", "finish")} <= ways


def test_the_probes_say_what_is_offered() -> None:
    assert ask("GET", "/ok").body == {"ok": True}
    assert ask("GET", "/info").body["multitask_strategies"] == ["reject", "enqueue", "interrupt"]
