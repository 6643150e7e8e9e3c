"""What the agent did, read from its thread's state: the messages of the model and the answers of its tools."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from callboard_local.demo.production import Note, PlannedActivity, PlannedCard, Production, Question

MAX_WORDS = 300


class Turns:
    """The turns of the model that have been told already; a state holds all from the beginning."""

    def __init__(self) -> None:
        """Begin with none."""
        self._told = 0

    def tell(self, state: Any, production: Production) -> Iterator[Note]:
        """Say what is new in a state, and keep the plan and the agent's words."""
        messages = _messages(state)
        results = {message.get("tool_call_id"): _json(message) for message in messages if message["type"] == "tool"}
        turns = [message for message in messages if message["type"] == "ai"]
        for message in turns[self._told :]:
            calls = message.get("tool_calls") or []
            words = text_of(message)
            if words:
                production.words.append(words)
            if words and calls:
                yield Note("agent", f"says: {_cut(words)}")
            refused: Counter[tuple[str, str]] = Counter()
            for call in calls:
                result = results.get(call["id"], {})
                if isinstance(error := result.get("error"), dict):
                    refused[call["name"], str(error.get("message"))] += 1
                elif call["name"] == "create_activity_with_cards" and result:
                    production.plan.append(_planned(call["args"]))
                    yield Note("plan", str(production.plan[-1]))
            for (name, reason), count in refused.items():
                times = f" ({count} times)" if count > 1 else ""
                yield Note("agent", f"is refused {name}{times}: {_cut(reason)}")
        self._told = len(turns)


def sleep_of(state: Any) -> tuple[tuple[str, ...], str, int]:
    """Return the jobs that a state waits for, how, and how many of them."""
    waiting = state["values"].get("waiting")
    if waiting:
        return tuple(waiting["job_ids"]), waiting["mode"], waiting["needed"]
    # It was woken before the state was read: then the answer to its last wait is there.
    outcomes = [_json(message) for message in _messages(state) if message.get("name") == "wait_for_jobs"]
    job_ids = tuple(job["job_id"] for job in outcomes[-1].get("jobs", [])) if outcomes else ()
    return job_ids, "all", len(job_ids)


def question_of(state: Any) -> Question | None:
    """Return what a state asks a person; None if it asks nothing."""
    for each in state["interrupts"]:
        value = each["value"]
        if value.get("type") == "approval":
            return Question(value["question"], value.get("card_id"), tuple(value.get("choices") or ()))
    return None


def text_of(message: dict[str, Any]) -> str:
    """Return the words of a message."""
    content = message.get("content")
    if isinstance(content, str):
        return content.strip()
    blocks = [block for block in content or [] if isinstance(block, dict) and block.get("type") == "text"]
    return "".join(str(block.get("text", "")) for block in blocks).strip()


def _messages(state: Any) -> list[dict[str, Any]]:
    return list(state["values"].get("messages") or [])


def _planned(arguments: dict[str, Any]) -> PlannedActivity:
    cards = (PlannedCard(str(card["title"]), int(card.get("candidates", 1))) for card in arguments["cards"])
    return PlannedActivity(str(arguments["title"]), tuple(cards))


def _json(message: dict[str, Any]) -> dict[str, Any]:
    try:
        value = json.loads(text_of(message))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _cut(words: str) -> str:
    return words if len(words) <= MAX_WORDS else f"{words[:MAX_WORDS].rstrip()} ..."
