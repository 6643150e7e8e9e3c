"""How much a model reads and a state holds, and what is left of what is more."""

import json
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage

# A conversation is sent, and stored, anew at each turn. About seventy thousand tokens.
MAX_CONVERSATION = 300_000
# What its oldest turns make room for, so that it is not cut at each turn from then on.
KEPT_CONVERSATION = MAX_CONVERSATION // 2
# What a model reads of one call at most, and of all calls of one turn.
MAX_CONTENT = 24_000
MAX_TURN = 100_000
MIN_CONTENT = 390
LEFT_OUT = "\n\n(The oldest turns of this work are left out here. What they did is on the board.)"


def text_of(value: Any) -> str:
    """Return a value as a model reads it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def size_of(value: Any) -> int:
    """Return how many characters a model reads of a value."""
    return len(text_of(value))


def room_of_call(calls: int) -> int:
    """Return how much a model reads of each call, of so many in a turn."""
    return max(MIN_CONTENT, min(MAX_CONTENT, MAX_TURN // max(calls, 1)))


def bounded(content: dict[str, Any], limit: int) -> dict[str, Any]:
    """Return a content that is no longer than that; of a longer one, how it begins, or that it is too long."""
    text = text_of(content)
    if len(text) <= limit:
        return content
    note = f"The answer has {len(text)} characters; this is how it begins. Ask for less, such as one card or job."
    cut = {"truncated": note, "beginning": text[: max(limit, 0)]}
    # As a text within a text it is longer than it was, by the quotes in it.
    while cut["beginning"] and (more := size_of(cut) - limit) > 0:
        cut["beginning"] = cut["beginning"][: -max(more // 2, 1)]
    return cut


def shortened(messages: Sequence[AnyMessage]) -> Sequence[AnyMessage]:
    """Return a conversation that a model can read: without its oldest turns, if it has become too long.

    The request stays, and so does the last turn. A turn is what the model said with all that came of it: no answer of
    a tool stands without its call.
    """
    sizes = [_size_of_message(message) for message in messages]
    if sum(sizes) <= MAX_CONVERSATION:
        return messages
    room = KEPT_CONVERSATION - sizes[0]
    begins = len(messages)
    for place in reversed(range(1, len(messages))):
        room -= sizes[place]
        if room < 0 and begins < len(messages):
            break
        if isinstance(messages[place], AIMessage):
            begins = place
    if begins in {1, len(messages)}:
        return messages
    request = messages[0].text.removesuffix(LEFT_OUT) + LEFT_OUT
    return [HumanMessage(request, id=messages[0].id), *messages[begins:]]


def _size_of_message(message: AnyMessage) -> int:
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    return size_of(message.content) + size_of(calls)
