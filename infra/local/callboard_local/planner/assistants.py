"""Who is asked, and whether it behaves: the answer to a request."""

from typing import Any

from callboard_local.planner.chat import Answer, Call, ChatRequest
from callboard_local.planner.conversation import Conversation, read
from callboard_local.planner.directives import Directives, read_directives
from callboard_local.planner.plans import cut
from callboard_local.planner.production import Production
from callboard_local.planner.review import review

MAX_ECHO = 120


class BreakdownError(Exception):
    """The brief asked for an answer that is none."""


def answer(request: ChatRequest) -> tuple[Answer, float]:
    """Return the answer to a request, and after how many seconds it is to be given.

    Raises:
        BreakdownError: The brief asked for that.
        DirectiveError: The brief asks for what cannot be.
    """
    conversation = read(request.messages)
    directives, brief = read_directives(conversation.brief)
    if directives.misbehaviour == "error-500":
        raise BreakdownError
    return _answer(request, conversation, directives, brief), 0.0 if conversation.turns else directives.slow


def _answer(request: ChatRequest, conversation: Conversation, directives: Directives, brief: str) -> Answer:
    if directives.misbehaviour == "silent":
        return Answer("")
    reviews = "recommend_candidate" in request.tool_names
    if not reviews and "create_activity_with_cards" not in request.tool_names:
        words = cut(" ".join((brief or conversation.opening).split()), MAX_ECHO)
        return Answer(f"Understood: {words}" if words else "Understood.")
    if directives.misbehaviour == "unknown-tool" and not conversation.turns:
        return Answer("", (Call("paint_directly", {"prompt": cut(brief, MAX_ECHO)}),))
    if reviews:
        return review(conversation)
    production = Production(brief, conversation, directives)
    if not production.board.cards:
        return production.answer()
    match directives.misbehaviour:
        case "endless":
            return Answer("", (_look_around(request, production),))
        case "invalid-arguments":
            return Answer("", _half_valid(production))
        case "plan-then-loop" if production.board.waited:
            jobs = [job.id for _, job in production.board.jobs()]
            again = Call("get_job", {"job_id": jobs[0]}) if jobs else _look_around(request, production)
            return Answer("", (again,))
    return production.answer()


def _look_around(request: ChatRequest, production: Production) -> Call:
    offered = [tool.function.parameters for tool in request.tools or () if tool.function.name == "get_project_memory"]
    properties: Any = offered[0].get("properties", {}) if offered else {}
    arguments = {"project_id": production.board.project_id} if "project_id" in properties else {}
    return Call("get_project_memory", arguments)


def _half_valid(production: Production) -> tuple[Call, ...]:
    """Return a call that could be made, and one after it that cannot: its card has no title."""
    card = production.board.cards[0]
    described = {"params": card.params, "candidates": card.candidates}
    valid = {
        "project_id": production.board.project_id,
        "title": card.activity,
        "cards": [{"title": card.title, **described}],
    }
    invalid = {**valid, "cards": [described]}
    return Call("create_activity_with_cards", valid), Call("create_activity_with_cards", invalid)
