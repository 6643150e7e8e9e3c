"""What an agent begins with: the project's memory, or a card and its candidates."""

from typing import Any
from uuid import UUID

from langchain_core.messages import AnyMessage, HumanMessage

from callboard.agents.nodes import Recall, StepContext
from callboard.agents.prompts import production_request, review_request
from callboard.agents.state import State
from callboard.cards import service as cards
from callboard.projects.models import ProjectMemory
from callboard.projects.service import get_project_memory

MAX_CANDIDATES = 20


def of_project(context: StepContext, state: State) -> AnyMessage:
    """Read the project's memory, and make the message that starts a production from it."""
    with context.lock:
        memory = get_project_memory(context.db, context.caller, context.project_id)
    return HumanMessage(production_request(state["brief"], digest(memory), state.get("earlier", [])))


def of_card(context: StepContext, state: State) -> AnyMessage:
    """Read a card with its candidates, and make the message that starts a review from them."""
    card_id = UUID(state["card_id"] or "")
    with context.lock:
        card = cards.get_card(context.db, context.caller, card_id)
        page = cards.list_candidates(context.db, context.caller, card_id, None, MAX_CANDIDATES)
    shown = card.model_dump(mode="json", include={"id", "title", "params", "status"})
    # URLs end after a quarter of an hour, and a state is kept for longer.
    candidates = [
        candidate.model_dump(mode="json", exclude={"result_url", "result_url_expires_at", "card_id"})
        for candidate in page.items
    ]
    return HumanMessage(review_request(state.get("brief", ""), shown, candidates))


def digest(memory: ProjectMemory) -> dict[str, Any]:
    """Return what a plan needs of a project's memory: names, states, params; no times and no URLs."""
    return {
        "project": memory.project.model_dump(mode="json", include={"id", "name", "description"}),
        "activities": [
            {
                "id": str(activity.id),
                "title": activity.title,
                "position": activity.position,
                "cards": [
                    card.model_dump(mode="json", include={"id", "title", "status", "params"}) for card in activity.cards
                ],
            }
            for activity in memory.activities
        ],
        "approved_assets": [
            asset.model_dump(mode="json", include={"card_id", "job_id", "media_type"})
            for asset in memory.approved_assets
        ],
        "recent_jobs": [
            job.model_dump(mode="json", include={"job_id", "card_id", "status", "error_code", "retry_of"})
            for job in memory.recent_jobs
        ],
    }


# Of each assistant.
MEMORIES: dict[str, Recall] = {"production": of_project, "review": of_card}
