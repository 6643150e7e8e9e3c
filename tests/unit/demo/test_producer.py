"""Following the agent when it does not go as usual; that it does is shown by the end-to-end test."""

import functools
import json
from typing import Any, Self

import httpx
import pytest
from langgraph_sdk.errors import ConflictError

from callboard.connections.client import Ended, Item, Update
from callboard_local.demo import producer as producers
from callboard_local.demo.brief import Brief
from callboard_local.demo.deciding import choose_second
from callboard_local.demo.producer import Producer
from callboard_local.demo.production import Note, Production
from callboard_local.errors import StackError

BRIEF = Brief.model_validate(
    {"title": "T", "activities": [{"title": "A", "cards": [{"title": "One", "prompt": "a lamp"}]}]}
)
MOMENT = "2026-01-01T00:00:00+00:00"
ASKING = {"type": "approval", "question": "Which?", "card_id": "c", "choices": []}


class Service:
    """The service as the producer meets it: HTTP, the SDK's client and the live stream in one."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.status = "running"
        self.interrupts: list[Any] = []
        self.conflict = False
        self.started: list[dict[str, Any]] = []
        self.threads = self.runs = self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def follow(self, _: str) -> None:
        pass

    async def __anext__(self) -> Item:
        if not self.items:
            raise TimeoutError
        return self.items.pop(0)

    async def create(self, *_: str, **request: Any) -> dict[str, Any]:
        if "metadata" in request:
            return {"thread_id": "t"}
        if "command" in request and self.conflict:
            refused = httpx.Response(409, request=httpx.Request("POST", "http://agents"))
            raise ConflictError("Nobody was asked.", response=refused, body=None)
        self.started.append(request)
        return {"run_id": f"r{len(self.started)}"}

    async def get_state(self, _: str) -> dict[str, Any]:
        return {"values": {"messages": [], "answer": "Done."}, "interrupts": self.interrupts}

    async def get(self, *_: str) -> dict[str, Any]:
        error = {"code": "TURN_LIMIT", "message": "Too long."}
        return {"status": self.status, "created_at": MOMENT, "usage": {"calls": 1}, "error": error}

    def answer(self, request: httpx.Request) -> httpx.Response:
        card = {"id": "c", "title": "One", "activity_id": "a", "position": 0, "created_at": MOMENT}
        items: dict[str, Any] = {
            "activities": [{"id": "a", "title": "A", "position": 0, "cards": [card]}],
            "jobs": [],
            "assets": [{"card_id": "c", "job_id": "j"}],
        }
        if request.method == "POST":
            return httpx.Response(201, json={"id": "p"})
        return httpx.Response(200, json={"items": items[request.url.path.rpartition("/")[2]], "next_cursor": None})

    def moves(self, run: str, status: str, waiting_for: str | None = None, thread: str = "t") -> None:
        data = {"thread_id": thread, "run_id": run, "status": status, "waiting_for": waiting_for}
        message = {"timestamp": MOMENT}
        self.items.append(Update("p", 1, "agent_update", "agent.run.updated", data, message))


class Audience:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, note: Note) -> None:
        self.lines.append(f"{note.actor} {note.text}")

    def show(self, production: Production) -> None:
        pass


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    service = Service()
    client = functools.partial(httpx.AsyncClient, transport=httpx.MockTransport(service.answer))
    monkeypatch.setattr(httpx, "AsyncClient", client)
    monkeypatch.setattr(producers, "get_client", lambda **_: service)
    monkeypatch.setattr(producers, "LiveStream", lambda *_, **__: service)
    return service


@pytest.fixture
def audience() -> Audience:
    return Audience()


async def produce(audience: Audience, patience: float = 60.0) -> Production:
    return await Producer("http://api", "http://agents", "token", audience, choose_second, patience).produce(BRIEF)


async def test_agent_is_given_the_brief_as_markdown(service: Service, audience: Audience) -> None:
    service.moves("r1", "success")

    production = await produce(audience)

    assert json.dumps(service.started) == json.dumps([{"input": {"brief": "# T\n\n## A\n\n- One: a lamp\n"}}])
    assert audience.lines == ["agent done: Done."]
    assert production.usage == {"calls": 1}


async def test_no_news_for_long_ends_the_demo_with_what_it_waits_for(service: Service, audience: Audience) -> None:
    with pytest.raises(StackError, match="No news for 0 seconds; still waiting for: the plan"):
        await produce(audience, patience=0.0)


async def test_end_of_a_run_is_found_without_a_message(service: Service, audience: Audience) -> None:
    service.status = "success"

    assert (await produce(audience)).run_ids == ["r1"]


async def test_failed_run_ends_the_demo_with_its_code_and_message(service: Service, audience: Audience) -> None:
    service.moves("r1", "error")

    with pytest.raises(StackError, match="ended with error: TURN_LIMIT: Too long"):
        await produce(audience)


async def test_cancelled_run_ends_the_demo(service: Service, audience: Audience) -> None:
    service.moves("r1", "interrupted")

    with pytest.raises(StackError, match="was cancelled"):
        await produce(audience)


async def test_deleted_project_ends_the_demo(service: Service, audience: Audience) -> None:
    service.items.append(Ended("p", "PROJECT_NOT_FOUND"))

    with pytest.raises(StackError, match="was deleted"):
        await produce(audience)


async def test_run_goes_on_where_somebody_else_has_answered(service: Service, audience: Audience) -> None:
    service.interrupts, service.conflict = [{"value": ASKING}], True
    service.moves("r1", "interrupted", "approval")
    service.moves("theirs", "pending")
    service.moves("theirs", "running")
    service.moves("theirs", "success")

    production = await produce(audience)

    assert production.run_ids == ["r1", "theirs"]
    assert audience.lines[1:] == ["demo somebody else has answered already", "agent goes on", "agent done: Done."]


async def test_runs_of_other_threads_are_not_followed(service: Service, audience: Audience) -> None:
    service.moves("other", "error", thread="u")
    service.moves("r1", "success")

    assert (await produce(audience)).run_ids == ["r1"]


async def test_card_without_an_asset_fails_a_run_that_succeeded(service: Service, audience: Audience) -> None:
    service.moves("r1", "success")
    brief = BRIEF.model_copy(deep=True)
    brief.activities[0].cards.append(brief.cards[0].model_copy(update={"title": "Two"}))

    with pytest.raises(StackError, match=r"1 of 2 cards got no picture\. Two: the agent did not plan it"):
        await Producer("http://api", "http://agents", "token", audience, choose_second).produce(brief)
