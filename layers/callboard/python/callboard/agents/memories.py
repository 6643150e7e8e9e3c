"""What an agent begins with: the project's memory, or a card and its candidates."""

import base64
from typing import Any
from uuid import UUID

from langchain_core.messages import AnyMessage, HumanMessage

from callboard import storage
from callboard.agents.nodes import Look, Recall, StepContext
from callboard.agents.prompts import production_request, review_request
from callboard.agents.sizes import bounded, size_of
from callboard.agents.state import State
from callboard.cards import repository as card_rows
from callboard.cards import service as cards
from callboard.projects.models import ProjectMemory
from callboard.projects.service import get_project_memory
from callboard.settings import get_settings

MAX_CANDIDATES = 20
# As many pictures as are compared well, each as large as a model looks at it: it would make larger ones smaller itself.
# https://docs.claude.com/en/docs/build-with-claude/vision
MAX_PICTURES = 8
PICTURE_SIDE = 1568
MAX_PICTURE_BYTES = 20 * 1024 * 1024
# https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-call.html
MAX_SHOWN_BYTES = 3_750_000
# Bedrock takes 20 MB in a request, in which pictures are a third larger.
# https://docs.claude.com/en/docs/build-with-claude/vision
MAX_BYTES_IN_ALL = 12_000_000
# About fifteen thousand tokens.
MAX_CHARACTERS = 60_000


def of_project(context: StepContext, state: State) -> AnyMessage:
    """Read the project's memory, and make the message that starts a production from it."""
    with context.lock:
        memory = get_project_memory(context.db, context.caller, context.project_id)
    return HumanMessage(production_request(state["brief"], fitting(digest(memory)), state.get("earlier", [])))


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
    return HumanMessage(review_request(state.get("brief", ""), *fitting_card(shown, candidates)))


def pictures_of_card(context: StepContext, state: State) -> list[dict[str, Any]]:
    """Fetch the pictures among a card's candidates, the newest few of them, each under its job's id.

    One that is gone, that cannot be drawn or that would be too much is named instead.

    Raises:
        ServiceUnavailableError: The bucket does not answer.
    """
    from callboard.pictures import shown  # noqa: PLC0415  # only reviews pay for Pillow

    if not get_settings().model_sees_pictures:
        return []
    card_id = UUID(state["card_id"] or "")
    with context.lock:
        candidates = card_rows.candidates(context.db, context.tenant, card_id, None, MAX_PICTURES)
    blocks: list[dict[str, Any]] = []
    left = MAX_BYTES_IN_ALL
    for candidate in candidates or []:
        if not (candidate.media_type or "").startswith("image/"):
            continue
        content = storage.read(candidate.result_url, MAX_PICTURE_BYTES)
        picture = None if content is None else shown(content, PICTURE_SIDE, MAX_SHOWN_BYTES)
        if picture is None or len(picture[0]) > left:
            blocks.append({"type": "text", "text": f"The picture of candidate {candidate.id} cannot be shown."})
            continue
        small, media_type = picture
        left -= len(small)
        blocks += [
            {"type": "text", "text": f"The picture of candidate {candidate.id}:"},
            {"type": "image", "mime_type": media_type, "base64": base64.b64encode(small).decode()},
        ]
    return blocks


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


def fitting(whole: dict[str, Any]) -> dict[str, Any]:
    """Return as much of a digest as a model can read: without params if need be, else its first cards only."""
    if size_of(whole) <= MAX_CHARACTERS:
        return whole
    bare = whole | {
        "note": "The project is too large to be shown whole.",
        "activities": [
            activity | {"cards": [_bare(card) for card in activity["cards"]]} for activity in whole["activities"]
        ],
    }
    while size_of(bare) > MAX_CHARACTERS and (activities := _first_half(bare["activities"])):
        kept = {card["id"] for activity in activities for card in activity["cards"]}
        bare["activities"] = activities
        for part in ("approved_assets", "recent_jobs"):
            bare[part] = [one for one in bare[part] if one["card_id"] in kept]
    return bare


def fitting_card(card: dict[str, Any], candidates: list[dict[str, Any]]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a card and its candidates as a model can read them: with the beginnings of their params if need be."""
    if size_of(card) + size_of(candidates) <= MAX_CHARACTERS:
        return card, candidates
    room = MAX_CHARACTERS // (len(candidates) + 1)
    return _with_short_params(card, room), [_with_short_params(candidate, room) for candidate in candidates]


def _first_half(activities: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the first half of activities; of one alone, with the first half of its cards. Nothing of a single card."""
    if len(activities) > 1:
        return activities[: len(activities) // 2]
    return [one | {"cards": one["cards"][: len(one["cards"]) // 2]} for one in activities if len(one["cards"]) > 1]


def _bare(card: dict[str, Any]) -> dict[str, Any]:
    return {name: card[name] for name in ("id", "title", "status")}


def _with_short_params(one: dict[str, Any], room: int) -> dict[str, Any]:
    return one | {"params": bounded(one["params"], room - size_of(one | {"params": {}}))}


# Of each assistant.
MEMORIES: dict[str, Recall] = {"production": of_project, "review": of_card}
# Of those who look at pictures.
LOOKS: dict[str, Look] = {"review": pictures_of_card}
