"""Routes of approved assets."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from callboard.assets import service
from callboard.assets.models import Approval, ApprovedAsset, Asset
from callboard.database import session
from callboard.events.service import carry_out
from callboard.http import Routes, json_response
from callboard.pagination import DEFAULT_LIMIT, Limit, Page
from manage_board import answers

routes = Routes()
TAGS = ["Assets"]


@routes.post(
    "/api/cards/<card_id>/approve",
    summary="Approve a completed job as the card's asset",
    tags=TAGS,
    responses=answers.APPROVE,
)
def approve_job(card_id: UUID, request: Annotated[Approval, Body()]) -> Response[ApprovedAsset]:
    asset, is_new = carry_out(
        lambda db: service.approve_job(db, routes.caller, card_id, request.job_id), origin="manage_board"
    )
    headers = {"Location": f"/api/assets/{asset.id}"}
    return json_response(HTTPStatus.CREATED if is_new else HTTPStatus.OK, asset, headers)


@routes.get(
    "/api/projects/<project_id>/assets",
    summary="List a project's approved assets, newest first",
    tags=TAGS,
    responses=answers.LIST,
)
def list_assets(
    project_id: UUID,
    limit: Annotated[Limit, Query()] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query()] = None,
) -> Page[Asset]:
    with session() as db:
        return service.list_assets(db, routes.caller, project_id, cursor, limit)


@routes.get("/api/assets/<asset_id>", summary="Read an approved asset", tags=TAGS, responses=answers.READ)
def get_asset(asset_id: UUID) -> Asset:
    with session() as db:
        return service.get_asset(db, routes.caller, asset_id)
