"""Conversations with the scripted planner, and a small board that answers its tool calls."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from callboard_local.planner.assistants import answer
from callboard_local.planner.chat import ChatRequest, completion

PRODUCTION = (
    "create_activity_with_cards",
    "create_job",
    "retry_job",
    "list_candidates",
    "approve_asset",
    "get_project_memory",
    "update_card",
    "get_job",
    "cancel_job",
    "wait_for_jobs",
    "request_approval",
)
REVIEW = ("recommend_candidate",)

type Arguments = dict[str, Any]
type Conversation = list[dict[str, Any]]


def failed(code: str, message: str, **details: Any) -> dict[str, Any]:
    """Return what a tool that failed answers."""
    return {"error": {"code": code, "message": message, "details": details}}


def tools(names: Sequence[str]) -> list[dict[str, Any]]:
    """Return tools as a request offers them."""
    schema = {"type": "object", "properties": {"project_id": {"type": "string"}}}
    return [{"type": "function", "function": {"name": name, "parameters": schema}} for name in names]


def asked(messages: Conversation, names: Sequence[str] = PRODUCTION) -> dict[str, Any]:
    """Return the planner's message for a conversation."""
    offered = tools(names) or None
    request = ChatRequest.model_validate({"model": "m", "messages": messages, "tools": offered})
    written = completion(request, answer(request)[0])
    message: dict[str, Any] = written["choices"][0]["message"]
    return message


def calls_of(message: Mapping[str, Any]) -> list[tuple[str, Arguments]]:
    """Return the names and arguments of a message's tool calls."""
    return [
        (call["function"]["name"], json.loads(call["function"]["arguments"])) for call in message.get("tool_calls", [])
    ]


@dataclass
class FakeBoard:
    """A board whose jobs complete when they are waited for, unless `outcomes` says otherwise for their prompt."""

    # A part of a prompt -> how one job after another ends: completed, an error code, "cancelled", or "late".
    outcomes: dict[str, list[str]] = field(default_factory=dict)
    words: list[dict[str, Any]] = field(default_factory=list)
    # A tool's name -> what its next calls answer instead.
    refusals: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    activities: list[dict[str, Any]] = field(default_factory=list)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    approved: dict[str, str] = field(default_factory=dict)
    made: list[tuple[str, Arguments]] = field(default_factory=list)

    def memory(self) -> dict[str, Any]:
        """Return the project memory."""
        return {
            "project": {"id": "p-1", "name": "P", "description": ""},
            "activities": [
                {**each, "cards": [{**card, "status": self.status(card["id"])} for card in each["cards"]]}
                for each in self.activities
            ],
            "approved_assets": [{"card_id": card, "job_id": job} for card, job in self.approved.items()],
            "recent_jobs": [{**job, "error_code": job["error_code"]} for job in self.jobs.values()],
        }

    def status(self, card_id: str) -> str:
        """Return a card's status as its jobs make it."""
        states = [job["status"] for job in self.jobs.values() if job["card_id"] == card_id]
        if card_id in self.approved:
            return "approved"
        if "queued" in states:
            return "generating"
        if "completed" in states:
            return "review"
        return "failed" if states else "planned"

    def cards(self) -> Iterator[dict[str, Any]]:
        """Go through all cards."""
        for activity in self.activities:
            yield from activity["cards"]

    def card(self, title: str) -> dict[str, Any]:
        """Return the card of this title."""
        return next(card for card in self.cards() if card["title"] == title)

    def calls(self, name: str) -> list[Arguments]:
        """Return the arguments of all calls of a tool."""
        return [arguments for each, arguments in self.made if each == name]

    def run(self, name: str, arguments: Arguments) -> dict[str, Any]:
        """Answer a tool call."""
        self.made.append((name, arguments))
        if self.refusals.get(name):
            return self.refusals[name].pop(0)
        tool: Callable[[Arguments], dict[str, Any]] | None = getattr(self, f"_{name}", None)
        return tool(arguments) if tool else failed("UNKNOWN_TOOL", f"There is no tool {name}.")

    def _create_activity_with_cards(self, arguments: Arguments) -> dict[str, Any]:
        cards = [
            {"id": f"c-{len(list(self.cards())) + number}", "title": card["title"], "params": card["params"]}
            for number, card in enumerate(arguments["cards"], start=1)
        ]
        activity = {"id": f"a-{len(self.activities) + 1}", "title": arguments["title"], "position": 0, "cards": cards}
        self.activities.append(activity)
        jobs = [
            self._start(card["id"], card["params"])
            for card, wanted in zip(cards, arguments["cards"], strict=True)
            for _ in range(wanted["candidates"])
        ]
        return {"activity": activity, "jobs": [{"job_id": job["job_id"], "card_id": job["card_id"]} for job in jobs]}

    def _create_job(self, arguments: Arguments) -> dict[str, Any]:
        return self._start(arguments["card_id"], arguments["params"])

    def _retry_job(self, arguments: Arguments) -> dict[str, Any]:
        job = self.jobs[arguments["job_id"]]
        return {**self._start(job["card_id"], job["params"]), "retry_of": job["job_id"]}

    def _wait_for_jobs(self, arguments: Arguments) -> dict[str, Any]:
        chosen = arguments.get("job_ids") or [job["job_id"] for job in self.jobs.values() if job["status"] == "queued"]
        awaited = [self.jobs[each] for each in chosen]
        many = {"all": len(awaited), "any": 1, "quorum": arguments.get("quorum", 1)}[arguments["mode"]]
        late = False
        for job in awaited[:many]:
            ends = next((ends for part, ends in self.outcomes.items() if part in job["params"]["prompt"]), [])
            end = ends.pop(0) if ends else "completed"
            late = late or end == "late"
            if end in {"completed", "cancelled"}:
                job["status"] = end
            elif end != "late":
                job.update(status="failed", error_code=end)
        return {"woken_by": "deadline" if late else "jobs", "jobs": [{**job, "error_message": None} for job in awaited]}

    def _list_candidates(self, arguments: Arguments) -> dict[str, Any]:
        return {
            "items": [
                {"job_id": job["job_id"], "approved": False}
                for job in self.jobs.values()
                if job["card_id"] == arguments["card_id"] and job["status"] == "completed"
            ]
        }

    def _approve_asset(self, arguments: Arguments) -> dict[str, Any]:
        self.approved[arguments["card_id"]] = arguments["job_id"]
        return {"asset_id": "x"}

    def _request_approval(self, _: Arguments) -> dict[str, Any]:
        return self.words.pop(0) if self.words else {"approved": True, "choice": None, "comment": None}

    def _get_project_memory(self, _: Arguments) -> dict[str, Any]:
        return self.memory()

    def _start(self, card_id: str, params: Arguments) -> dict[str, Any]:
        job_id = f"j-{len(self.jobs) + 1:02}"
        self.jobs[job_id] = {
            "job_id": job_id,
            "card_id": card_id,
            "status": "queued",
            "error_code": None,
            "params": params,
        }
        return self.jobs[job_id]


def opening(brief: str, memory: Any = None) -> dict[str, Any]:
    """Return the user message that starts a production."""
    text = (
        f"<brief>\n{brief}\n</brief>\n<project_memory>\n{json.dumps(memory or FakeBoard().memory())}\n</project_memory>"
    )
    return {"role": "user", "content": text}


def take_turn(messages: Conversation, board: FakeBoard) -> dict[str, Any]:
    """Let the planner answer and the board run its calls; both are added to the conversation."""
    message = asked(messages)
    messages.append(message)
    for call in message.get("tool_calls", []):
        result = board.run(call["function"]["name"], json.loads(call["function"]["arguments"]))
        messages.append({"role": "tool", "tool_call_id": call["id"], "content": json.dumps(result)})
    return message


def produce(brief: str, board: FakeBoard, *, most: int = 40) -> str:
    """Go on until the planner ends; return its text."""
    messages = [{"role": "system", "content": "You produce."}, opening(brief, board.memory())]
    for _ in range(most):
        message = take_turn(messages, board)
        if not message.get("tool_calls"):
            text: str = message["content"]
            return text
    raise AssertionError("The planner did not come to an end.")
