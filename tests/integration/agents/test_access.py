"""Who reaches the agents' routes: nobody without a token, and no tenant what is another's."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from callboard.agents import assistants
from support.agent_api import ask, code_of
from support.agents import Agent
from support.lambdas import ALICE, BOB

RUN = {"assistant_id": "production", "input": {"brief": "A lamp"}}
ASSISTANT = assistants.PRODUCTION.assistant_id


@dataclass(frozen=True)
class Request:
    """A request that is valid for whoever owns the thread {t} and its ended run {r}."""

    method: str
    path: str
    body: Any = None
    status: int = 200

    def __str__(self) -> str:
        """Name the test."""
        return f"{self.method} {self.path}"


OPEN = [
    Request("GET", "/ok"),
    Request("GET", "/info"),
    Request("POST", "/assistants/search", {}),
    Request("POST", "/assistants/count", {}),
    Request("GET", f"/assistants/{ASSISTANT}"),
    Request("GET", f"/assistants/{ASSISTANT}/schemas"),
    Request("GET", f"/assistants/{ASSISTANT}/graph"),
    Request("POST", "/threads", {}),
    Request("POST", "/threads/search", {}),
    Request("POST", "/threads/count", {}),
    Request("POST", "/runs", RUN | {"metadata": {"project_id": "{p}"}}),
    Request("POST", "/runs/wait", RUN | {"metadata": {"project_id": "{p}"}}, 504),
    Request("POST", "/runs/stream", RUN | {"metadata": {"project_id": "{p}"}}),
    Request("POST", "/runs/batch", [RUN | {"metadata": {"project_id": "{p}"}}]),
    Request("POST", "/runs/cancel", {"status": "all"}, 204),
    Request("PUT", "/store/items", {"namespace": ["a"], "key": "k", "value": {}}, 204),
    Request("GET", "/store/items", None, 404),
    Request("DELETE", "/store/items", {"namespace": ["a"], "key": "k"}, 204),
    Request("POST", "/store/items/search", {}),
    Request("POST", "/store/namespaces", {}),
]
OF_THREADS = [
    Request("GET", "/threads/{t}"),
    Request("PATCH", "/threads/{t}", {"metadata": {"a": 1}}),
    Request("DELETE", "/threads/{t}", None, 204),
    Request("POST", "/threads/{t}/runs", RUN),
    Request("POST", "/threads/{t}/runs/wait", RUN, 504),
    Request("POST", "/threads/{t}/runs/stream", RUN),
    Request("GET", "/threads/{t}/runs"),
    Request("GET", "/threads/{t}/state"),
    Request("GET", "/threads/{t}/state/{c}"),
    Request("POST", "/threads/{t}/state/checkpoint", {"checkpoint": {"checkpoint_id": "{c}"}}),
    Request("POST", "/threads/{t}/state", {"values": {"answer": "Yes."}, "as_node": "finish"}),
    Request("POST", "/threads/{t}/history", {}),
]
OF_RUNS = [
    Request("GET", "/threads/{t}/runs/{r}"),
    Request("GET", "/threads/{t}/runs/{r}/join"),
    Request("GET", "/threads/{t}/runs/{r}/stream"),
    Request("POST", "/threads/{t}/runs/{r}/cancel", None, 204),
    Request("DELETE", "/threads/{t}/runs/{r}", None, 204),
]


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callboard.agents.service.MAX_WAIT_SECONDS", 0.0)
    monkeypatch.setattr("callboard.agents.streams.SEGMENT_SECONDS", 0.0)


@pytest.fixture
def ids(agent: Agent) -> dict[str, str]:
    """Name alice's project, thread, ended run and last checkpoint."""
    run = agent.start()
    agent.steps()
    state = ask("GET", f"/threads/{agent.thread_id}/state").body
    return {
        "p": str(agent.thread.project_id),
        "t": str(agent.thread_id),
        "r": str(run.run_id),
        "c": state["checkpoint"]["checkpoint_id"],
    }


def send(request: Request, ids: dict[str, str], claims: dict[str, str] | None) -> Any:
    query = {"namespace": "a", "key": "k"} if request.path == "/store/items" and request.body is None else None
    return ask(request.method, _filled(request.path, ids), _filled(request.body, ids), claims=claims, query=query)


def _filled(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(one, ids) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, ids) for one in value]
    if isinstance(value, str) and "{" in value:
        return value.format_map(ids)
    return value


@pytest.mark.parametrize("request_", [*OPEN, *OF_THREADS, *OF_RUNS], ids=str)
def test_nobody_is_served_without_a_token(request_: Request, ids: dict[str, str]) -> None:
    assert code_of(send(request_, ids, None)) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize("request_", OF_THREADS, ids=str)
def test_another_tenant_s_thread_does_not_exist(request_: Request, ids: dict[str, str]) -> None:
    assert code_of(send(request_, ids, BOB)) == (404, "THREAD_NOT_FOUND")


@pytest.mark.parametrize("request_", OF_RUNS, ids=str)
def test_another_tenant_s_run_does_not_exist(request_: Request, ids: dict[str, str]) -> None:
    status, code = code_of(send(request_, ids, BOB))

    assert (status, code in {"RUN_NOT_FOUND", "THREAD_NOT_FOUND"}) == (404, True)


@pytest.mark.parametrize("request_", OF_THREADS, ids=str)
def test_a_thread_that_is_missing_is_not_found(request_: Request, ids: dict[str, str]) -> None:
    assert code_of(send(request_, ids | {"t": str(uuid4())}, ALICE)) == (404, "THREAD_NOT_FOUND")


@pytest.mark.parametrize("request_", OF_RUNS, ids=str)
def test_a_run_that_is_missing_is_not_found(request_: Request, ids: dict[str, str]) -> None:
    assert code_of(send(request_, ids | {"r": str(uuid4())}, ALICE)) == (404, "RUN_NOT_FOUND")


@pytest.mark.parametrize("request_", OF_RUNS, ids=str)
def test_a_run_of_another_thread_is_not_found(request_: Request, ids: dict[str, str]) -> None:
    other = ask("POST", "/threads", {}).body["thread_id"]

    assert code_of(send(request_, ids | {"t": other}, ALICE)) == (404, "RUN_NOT_FOUND")


@pytest.mark.parametrize("request_", [*OF_THREADS, *OF_RUNS], ids=str)
def test_a_thread_id_that_cannot_be_does_not_exist(request_: Request, ids: dict[str, str]) -> None:
    assert code_of(send(request_, ids | {"t": "7"}, ALICE)) == (404, "THREAD_NOT_FOUND")


@pytest.mark.parametrize("request_", OF_RUNS, ids=str)
def test_a_run_id_that_cannot_be_does_not_exist(request_: Request, ids: dict[str, str]) -> None:
    assert code_of(send(request_, ids | {"r": "7"}, ALICE)) == (404, "RUN_NOT_FOUND")


@pytest.mark.parametrize("request_", [*OPEN, *OF_THREADS, *OF_RUNS], ids=str)
def test_whoever_may_is_served(request_: Request, ids: dict[str, str]) -> None:
    answer = send(request_, ids, ALICE)

    assert answer.status == request_.status, answer.text


@pytest.mark.parametrize("request_", [one for one in [*OPEN, *OF_THREADS, *OF_RUNS] if one.body is not None], ids=str)
def test_a_body_that_is_not_json_is_malformed(request_: Request, ids: dict[str, str]) -> None:
    answer = ask(request_.method, _filled(request_.path, ids), raw_body="{", claims=ALICE)

    assert code_of(answer) == (400, "MALFORMED_JSON")


def test_a_route_that_is_not_there_is_not_found(agent: Agent) -> None:
    assert code_of(ask("POST", "/runs/crons", {})) == (404, "ROUTE_NOT_FOUND")


def test_another_tenant_counts_and_finds_none_of_alice_s_threads(ids: dict[str, str]) -> None:
    assert ask("POST", "/threads/search", {}, claims=BOB).body == []
    assert ask("POST", "/threads/search", {"ids": [ids["t"]]}, claims=BOB).body == []
    assert ask("POST", "/threads/count", {}, claims=BOB).body == 0


def test_two_tenants_may_choose_the_same_thread_id(ids: dict[str, str]) -> None:
    answer = ask("POST", "/threads", {"thread_id": ids["t"]}, claims=BOB)

    assert answer.status == 200
    assert ask("GET", f"/threads/{ids['t']}/state", claims=BOB).body["values"] == {}


def test_another_tenant_s_cancellation_of_all_leaves_alice_s_runs_alone(agent: Agent) -> None:
    run = agent.start()

    answer = ask("POST", "/runs/cancel", {"run_ids": [str(run.run_id)]}, claims=BOB)

    assert answer.status == 204
    assert agent.run(run.run_id).status == "pending"
