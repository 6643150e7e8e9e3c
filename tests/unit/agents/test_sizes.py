"""What is left of what is too long for a model."""

from collections.abc import Sequence

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from callboard.agents import sizes
from callboard.agents.sizes import LEFT_OUT, MAX_CONTENT, MAX_TURN, bounded, room_of_call, shortened, size_of


def turn(number: int, characters: int) -> list[AnyMessage]:
    call = {"name": "get_job", "args": {}, "id": str(number)}
    return [AIMessage("", tool_calls=[call]), ToolMessage("x" * characters, tool_call_id=str(number))]


def conversation(turns: int, characters: int) -> list[AnyMessage]:
    return [HumanMessage("A lamp"), *(message for number in range(turns) for message in turn(number, characters))]


def answered(messages: Sequence[AnyMessage]) -> list[str]:
    return [message.tool_call_id for message in messages if isinstance(message, ToolMessage)]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "MAX_CONVERSATION", 10_000)
    monkeypatch.setattr(sizes, "KEPT_CONVERSATION", 5_000)


def test_a_conversation_that_fits_stays_as_it_is() -> None:
    whole = conversation(3, 1000)

    assert shortened(whole) is whole


def test_the_oldest_turns_of_a_long_conversation_are_left_out_and_it_says_so() -> None:
    kept = shortened(conversation(20, 1000))

    assert kept[0].text == "A lamp" + LEFT_OUT
    assert answered(kept) == ["16", "17", "18", "19"]
    assert isinstance(kept[1], AIMessage)


def test_a_conversation_says_once_that_something_is_left_out() -> None:
    kept = shortened(conversation(20, 1000))

    again = shortened([*kept, *(message for number in range(20, 40) for message in turn(number, 1000))])

    assert again[0].text == "A lamp" + LEFT_OUT


def test_the_last_turn_stays_however_long_it_is() -> None:
    kept = shortened(conversation(2, 50_000))

    assert answered(kept) == ["1"]


def test_what_a_person_said_after_the_last_turn_stays() -> None:
    kept = shortened([*conversation(2, 50_000), HumanMessage("Go on.")])

    assert answered(kept) == ["1"]
    assert kept[-1].text == "Go on."


@pytest.mark.parametrize(
    "whole",
    [[HumanMessage("x" * 20_000)], [HumanMessage("A lamp"), HumanMessage("x" * 20_000)], conversation(1, 20_000)],
    ids=["request", "words", "turn"],
)
def test_what_has_no_turn_to_leave_out_stays_whole(whole: list[AnyMessage]) -> None:
    assert shortened(whole) is whole


@pytest.mark.parametrize("calls", [0, 1, 3, 100, 256])
def test_all_calls_of_a_turn_together_have_their_room(calls: int) -> None:
    assert room_of_call(calls) <= MAX_CONTENT
    assert calls * room_of_call(calls) <= MAX_TURN


def test_a_content_that_fits_stays_as_it_is() -> None:
    assert bounded({"a": "b"}, 100) == {"a": "b"}


def test_a_longer_content_says_how_long_it_is_and_how_it_begins() -> None:
    cut = bounded({"a": "b" * 1000}, 500)

    assert cut["beginning"].startswith('{"a":"bbbb')
    assert "1008 characters" in cut["truncated"]


@pytest.mark.parametrize("text", ["plain", 'say "hi" \\ \n', "日本"])
@pytest.mark.parametrize("limit", [sizes.MIN_CONTENT, 24_000])
def test_a_content_that_was_cut_is_no_longer_than_it_may_be(text: str, limit: int) -> None:
    cut = size_of(bounded({"a": text * 40_000}, limit))

    assert limit / 3 < cut <= limit


@pytest.mark.parametrize("limit", [-100, 0, 10])
def test_where_there_is_no_room_at_all_the_note_is_left(limit: int) -> None:
    assert bounded({"a": "b" * 1000}, limit)["beginning"] == ""


def test_characters_count_as_they_are_read() -> None:
    assert size_of({"a": "日本"}) == len('{"a":"日本"}')
