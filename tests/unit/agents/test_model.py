"""The model: what is kept of its answers, what they cost, and which of its refusals pass."""

import base64
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from botocore.stub import Stubber
from langchain_aws import ChatBedrockConverse
from langchain_core.messages import AIMessage, HumanMessage

from callboard import aws
from callboard.agents import model
from callboard.agents.errors import ModelFailedError
from callboard.agents.model import ANSWER_SECONDS, NO_ANSWERS, PASSING, ModelUnavailableError, ask
from support.model import ScriptedModel, calls, says


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "PAUSE_SECONDS", 0)


def in_time(seconds: float = 120) -> float:
    """Return when a step ends that has so long to go."""
    return time.monotonic() + seconds


def answer_to(answer: Any) -> AIMessage:
    message, _, _ = ask(ScriptedModel(answers=[answer]), [HumanMessage("?")], in_time())
    return message


def test_an_answer_comes_with_its_cost() -> None:
    _, tokens_in, tokens_out = ask(ScriptedModel(answers=[says("Yes.")]), [HumanMessage("?")], in_time())

    assert (tokens_in, tokens_out) == (10, 5)


def test_an_answer_without_a_count_costs_nothing_that_is_known() -> None:
    _, tokens_in, tokens_out = ask(ScriptedModel(answers=[AIMessage("Yes.")]), [HumanMessage("?")], in_time())

    assert (tokens_in, tokens_out) == (0, 0)


def test_calls_are_kept_once_and_words_as_words() -> None:
    call = {"name": "get_job", "args": {}, "id": "1"}
    blocks: list[Any] = [
        {"type": "text", "text": "Let me see."},
        {"type": "tool_use", "name": "get_job", "input": {}, "id": "1"},
    ]

    kept = answer_to(AIMessage(content=blocks, tool_calls=[call], response_metadata={"big": "x" * 1000}))

    assert kept.content == "Let me see."
    assert [each["name"] for each in kept.tool_calls] == ["get_job"]
    assert kept.response_metadata == {}


def test_what_a_model_thought_is_kept_because_it_wants_it_back() -> None:
    blocks: list[Any] = [
        {"type": "reasoning_content", "reasoning_content": {"text": "Hm.", "signature": "s"}},
        {"type": "text", "text": "Yes."},
    ]

    assert answer_to(AIMessage(content=blocks)).content == blocks


@pytest.mark.parametrize("empty", ["", "  \n", []])
def test_an_answer_without_words_and_calls_is_none(empty: Any) -> None:
    with pytest.raises(ModelFailedError, match="gave no answer"):
        answer_to(AIMessage(content=empty))


def test_calls_alone_are_an_answer() -> None:
    assert answer_to(calls(("get_job", {}))).tool_calls


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "secret"}}, "Converse")


@pytest.mark.parametrize("error", [*map(refusal, sorted(PASSING)), ConnectTimeoutError(endpoint_url="https://x")])
def test_what_may_pass_is_to_be_tried_again(error: Exception) -> None:
    with pytest.raises(ModelUnavailableError) as raised:
        answer_to(error)

    assert raised.value.retryable


@pytest.mark.parametrize("code", ["AccessDeniedException", "ValidationException", "ResourceNotFoundException"])
def test_what_does_not_pass_is_named_and_says_no_more(code: str) -> None:
    with pytest.raises(ModelFailedError) as raised:
        answer_to(refusal(code))

    assert raised.value.message == f"The model refused the request: {code}."
    assert not raised.value.retryable


def test_a_model_that_is_busy_for_a_moment_is_asked_again() -> None:
    message, _, _ = ask(
        ScriptedModel(answers=[refusal("ThrottlingException"), says("Yes.")]), [HumanMessage("?")], in_time()
    )

    assert message.text == "Yes."


def test_an_answer_that_did_not_come_in_time_is_not_asked_for_twice() -> None:
    silent = ScriptedModel(answers=[ConnectTimeoutError(endpoint_url="https://x")])

    with pytest.raises(ModelUnavailableError):
        ask(silent, [HumanMessage("?")], in_time())

    assert len(silent.asked) == 1


@pytest.mark.parametrize("seconds_left", [0.0, ANSWER_SECONDS])
def test_a_model_is_not_asked_again_when_its_answer_could_come_too_late(seconds_left: float) -> None:
    busy = ScriptedModel(answers=[refusal("ThrottlingException"), says("Yes.")])

    with pytest.raises(ModelUnavailableError):
        ask(busy, [HumanMessage("?")], in_time(seconds_left))

    assert len(busy.asked) == 1


def test_a_model_that_took_its_time_in_vain_is_not_asked_again_at_once() -> None:
    late = ScriptedModel(answers=[refusal("ModelTimeoutException"), says("Yes.")])

    with pytest.raises(ModelUnavailableError):
        ask(late, [HumanMessage("?")], in_time())

    assert len(late.asked) == 1


@pytest.mark.parametrize("reason", sorted(NO_ANSWERS))
def test_an_answer_that_was_cut_or_withheld_is_none(reason: str) -> None:
    with pytest.raises(ModelFailedError) as raised:
        answer_to(AIMessage("Half a sen", response_metadata={"stopReason": reason}))

    assert raised.value.details == {"reason": reason}


def test_what_the_database_cannot_hold_is_replaced() -> None:
    call = {"name": "update_card", "args": {"title": "a\x00b", "params": {"\ud800": ["\udfff"]}}, "id": "1"}

    kept = answer_to(AIMessage("a\x00\ud83d\ude00", tool_calls=[call]))

    assert kept.content == "a\ufffd\U0001f600"
    assert kept.tool_calls[0]["args"] == {"title": "a\ufffdb", "params": {"\ufffd": ["\ufffd"]}}


def converse_request(message: HumanMessage, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what would be sent to Bedrock, by the client that steps use."""
    sent: list[dict[str, Any]] = []
    for name, value in {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "eu-central-1"}.items():
        monkeypatch.setenv(name, value)
    client = aws.bedrock_runtime("eu-central-1")
    answer = {
        "output": {"message": {"role": "assistant", "content": [{"text": "Yes."}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 3, "outputTokens": 1, "totalTokens": 4},
        "metrics": {"latencyMs": 1},
    }
    with Stubber(client) as stub:
        stub.add_response("converse", answer)
        client.meta.events.register("provide-client-params.*", lambda params, **_: sent.append(params))
        chat = ChatBedrockConverse(
            model_id="amazon.nova-lite-v1:0", client=client, bedrock_client=client, region_name="eu-central-1"
        )
        reply, tokens_in, tokens_out = ask(chat, [message], in_time())
    assert (reply.text, tokens_in, tokens_out) == ("Yes.", 3, 1)
    return sent[0]


def test_pictures_reach_bedrock_as_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    content = base64.b64encode(b"\x89PNG").decode()
    message = HumanMessage(
        [{"type": "text", "text": "Look:"}, {"type": "image", "mime_type": "image/png", "base64": content}]
    )

    request = converse_request(message, monkeypatch)

    assert request["messages"][0]["content"] == [
        {"text": "Look:"},
        {"image": {"format": "png", "source": {"bytes": b"\x89PNG"}}},
    ]
