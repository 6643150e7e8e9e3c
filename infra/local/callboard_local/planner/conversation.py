"""The current work as the messages tell it: how it was opened, and what has been called since."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from callboard_local.planner.chat import Call, Message

OPENING = re.compile(r"<(?:brief|candidates)>")
EARLIER = re.compile(r"<earlier>.*?</earlier>", re.DOTALL)
BRIEF = re.compile(r"<brief>(.*?)</brief>", re.DOTALL)
WORTH_REPEATING = re.compile(r"retry|again|temporar|unavailable|time[d ]*out|busy|throttl|too many", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Failure:
    """What a tool answered instead of a result."""

    message: str
    worth_repeating: bool


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was made, and what came of it: a result or a failure."""

    call: Call
    result: dict[str, Any]
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class Conversation:
    """The message that opened the work, and the turns of the assistant since."""

    opening: str
    turns: tuple[tuple[Made, ...], ...]

    @property
    def brief(self) -> str:
        """The text of the brief; empty if there is none."""
        found = BRIEF.search(EARLIER.sub("", self.opening))
        # The database takes no U+0000, so no title may hold one.
        return found[1].replace("\x00", "").strip() if found else ""

    def json_block(self, name: str) -> Any:
        """Return the JSON in the block of this name; None where there is none."""
        _, opened, rest = self.opening.rpartition(f"<{name}>\n")
        if not opened:
            return None
        try:
            # Its strings may hold anything, the closing tag too: the JSON itself says where it ends.
            return json.JSONDecoder().raw_decode(rest.lstrip())[0]
        except ValueError:
            return None


def read(messages: Sequence[Message]) -> Conversation:
    """Find the current work in a conversation."""
    users = [number for number, message in enumerate(messages) if message.role == "user"]
    openings = [number for number in users if OPENING.search(messages[number].text)] or users[-1:]
    start = openings[-1] if openings else -1
    opening = messages[start].text if openings else ""
    # By id and from everywhere: the emulator puts a user's text before the tool results of the same message.
    answers = {message.tool_call_id: message.text for message in messages if message.role == "tool"}
    turns = tuple(
        tuple(
            _made(call.function.name, call.function.arguments, answers.get(call.id))
            for call in message.tool_calls or ()
        )
        for message in messages[start + 1 :]
        if message.role == "assistant"
    )
    return Conversation(opening, turns)


def _made(name: str, arguments: str, answer: str | None) -> Made:
    call = Call(name, _object(arguments) or {})
    if answer is None:
        return Made(call, {}, Failure("It was not run.", worth_repeating=False))
    result = _object(answer)
    if result is None:
        return Made(call, {}, Failure(answer[:200] or "It answered nothing.", worth_repeating=False))
    error = result.get("error")
    if not error:
        return Made(call, result, None)
    return Made(call, {}, _failure(error))


def _failure(error: Any) -> Failure:
    if not isinstance(error, dict):
        return Failure(str(error)[:200], worth_repeating=False)
    message = str(error.get("message") or error.get("code") or "It failed.")
    details = error.get("details")
    told = isinstance(details, dict) and bool(details.get("retryable") or details.get("retry_after"))
    return Failure(message[:200], told or bool(WORTH_REPEATING.search(f"{error.get('code')} {message}")))


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
