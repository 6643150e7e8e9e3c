"""Routes of task cards."""

from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from callboard.cards import service
from callboard.cards.models import Candidate, Card, CardChange, NewCard
from callboard.database import session
from callboard.events.models import Updates
from callboard.events.service import card_updates, carry_out
from callboard.http import Routes, no_content
from callboard.pagination import DEFAULT_LIMIT, Limit, Page
from manage_board import answers
from manage_board.answers import Offset

routes = Routes()
TAGS = ["Cards"]


@routes.post("/api/activities/<activity_id>/cards", summary="Create a card", tags=TAGS, responses=answers.CREATE)
def create_card(activity_id: UUID, request: Annotated[NewCard, Body()]) -> Response[Card]:
    card = carry_out(lambda db: service.create_card(db, routes.caller, activity_id, request), origin="manage_board")
    return answers.created(card, f"/api/cards/{card.id}")


@routes.get(
    "/api/activities/<activity_id>/cards",
    summary="List an activity's cards by position",
    tags=TAGS,
    responses=answers.LIST,
)
def list_cards(
    activity_id: UUID,
    limit: Annotated[Limit, Query()] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query()] = None,
) -> Page[Card]:
    with session() as db:
        return service.list_cards(db, routes.caller, activity_id, cursor, limit)


@routes.get("/api/cards/<card_id>", summary="Read a card", tags=TAGS, responses=answers.READ)
def get_card(card_id: UUID) -> Card:
    with session() as db:
        return service.get_card(db, routes.caller, card_id)


@routes.patch("/api/cards/<card_id>", summary="Change or move a card", tags=TAGS, responses=answers.UPDATE)
def update_card(card_id: UUID, request: Annotated[CardChange, Body()]) -> Card:
    return carry_out(lambda db: service.update_card(db, routes.caller, card_id, request), origin="manage_board")


@routes.delete("/api/cards/<card_id>", summary="Delete a card and its jobs", tags=TAGS, responses=answers.DELETE)
def delete_card(card_id: UUID) -> Response[str]:
    carry_out(lambda db: service.delete_card(db, routes.caller, card_id), origin="manage_board")
    return no_content()


@routes.get(
    "/api/cards/<card_id>/candidates",
    summary="List a card's completed jobs, newest first",
    tags=TAGS,
    responses=answers.LIST,
)
def list_candidates(
    card_id: UUID,
    limit: Annotated[Limit, Query()] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query()] = None,
) -> Page[Candidate]:
    with session() as db:
        return service.list_candidates(db, routes.caller, card_id, cursor, limit)


@routes.get("/api/cards/<card_id>/updates", summary="Read what happened to a card", tags=TAGS, responses=answers.LIST)
def list_card_updates(
    card_id: UUID,
    after: Annotated[Offset, Query()] = 0,
    limit: Annotated[Limit, Query()] = DEFAULT_LIMIT,
) -> Updates:
    with session() as db:
        return card_updates(db, routes.caller, card_id, after, limit)
