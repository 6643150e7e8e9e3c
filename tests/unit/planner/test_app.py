"""The HTTP form: OpenAI's, as far as the emulator and its like speak it."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from callboard_local.planner.app import make_app
from support.planner import PRODUCTION, opening, tools


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://planner") as client:
        yield client


def request(brief: str, **more: Any) -> dict[str, Any]:
    return {"model": "some-model", "messages": [opening(brief)], "tools": tools(PRODUCTION), "stream": False, **more}


async def test_tool_calls_are_answered_as_openai_writes_them(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/chat/completions", json=request("A cat.", temperature=0.5, tool_choice="auto"))

    body = answer.json()
    [choice] = body["choices"]
    call = choice["message"]["tool_calls"][0]
    assert (answer.status_code, body["object"], body["model"]) == (200, "chat.completion", "some-model")
    assert (choice["finish_reason"], choice["message"]["role"], call["type"]) == ("tool_calls", "assistant", "function")
    assert call["function"]["name"] == "create_activity_with_cards"
    assert json.loads(call["function"]["arguments"])["title"] == "Cat"


async def test_text_stops(client: httpx.AsyncClient) -> None:
    body = (await client.post("/v1/chat/completions", json=request(""))).json()

    assert body["choices"][0]["finish_reason"] == "stop"
    assert "tool_calls" not in body["choices"][0]["message"]


async def test_usage_is_about_four_characters_a_token(client: httpx.AsyncClient) -> None:
    short, long = [
        (await client.post("/v1/chat/completions", json=request(brief))).json()["usage"]
        for brief in ("A cat.", "A cat." + " " * 4000)
    ]

    assert long["prompt_tokens"] - short["prompt_tokens"] == 1000
    assert short["completion_tokens"] > 20
    assert short["total_tokens"] == short["prompt_tokens"] + short["completion_tokens"]


async def test_the_same_request_gets_the_same_bytes(client: httpx.AsyncClient) -> None:
    answers = [await client.post("/v1/chat/completions", json=request("A cat.")) for _ in range(2)]

    assert answers[0].content == answers[1].content


async def test_content_may_come_in_parts(client: httpx.AsyncClient) -> None:
    parts = [{"type": "text", "text": opening("A cat.")["content"]}, {"type": "image_url"}]
    asked = request("") | {"messages": [{"role": "user", "content": parts}]}

    body = (await client.post("/v1/chat/completions", json=asked)).json()

    assert body["choices"][0]["message"]["tool_calls"]


async def test_error_500_is_an_error(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/chat/completions", json=request("planner: error-500"))

    assert answer.status_code == 500
    assert answer.json()["error"]["type"] == "server_error"


async def test_a_directive_that_makes_no_sense_is_refused_by_its_name(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/chat/completions", json=request("A cat.\nplanner: wait=quorum:x"))

    assert answer.status_code == 400
    assert "The directive wait cannot be" in answer.json()["error"]["message"]


async def test_slow_is_answered_all_the_same(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/chat/completions", json=request("A cat.\nplanner: slow=0.01"))

    assert answer.json()["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"{}", b'{"messages": []}', b'{"messages": [{}]}', b"[" * 100_000, b"\xff"],
)
async def test_what_is_no_request_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/v1/chat/completions", content=body)

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_streams_are_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/chat/completions", json=request("A cat.", stream=True))

    assert answer.status_code == 400


async def test_text_that_cannot_be_sent_back_is_replaced(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/chat/completions", content=json.dumps(request("Cat\ud800s\x00.")).encode())

    call = answer.json()["choices"][0]["message"]["tool_calls"][0]
    assert answer.status_code == 200
    assert json.loads(call["function"]["arguments"])["title"] == "Cat?s"


async def test_models_are_listed(client: httpx.AsyncClient) -> None:
    body = (await client.get("/v1/models")).json()

    assert [model["id"] for model in body["data"]] == ["scripted-planner"]


async def test_other_routes_are_refused_in_the_same_form(client: httpx.AsyncClient) -> None:
    answers = [await client.get("/v2"), await client.get("/v1/chat/completions")]

    assert [answer.status_code for answer in answers] == [404, 405]
    assert all(answer.json()["error"]["message"] for answer in answers)
