"""Routes of activities."""

from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from callboard.activities import service
from callboard.activities.models import Activity, ActivityChange, NewActivity
from callboard.database import session
from callboard.events.service import carry_out
from callboard.http import Routes, no_content
from callboard.pagination import DEFAULT_LIMIT, Limit, Page
from manage_board import answers

routes = Routes()
TAGS = ["Activities"]


@routes.post(
    "/api/projects/<project_id>/activities",
    summary="Create an activity with its cards",
    tags=TAGS,
    responses=answers.CREATE,
)
def create_activity(project_id: UUID, request: Annotated[NewActivity, Body()]) -> Response[Activity]:
    activity = carry_out(
        lambda db: service.create_activity(db, routes.caller, project_id, request), origin="manage_board"
    )
    return answers.created(activity, f"/api/activities/{activity.id}")


@routes.get(
    "/api/projects/<project_id>/activities",
    summary="List a project's activities with their cards, by position",
    tags=TAGS,
    responses=answers.LIST,
)
def list_activities(
    project_id: UUID,
    limit: Annotated[Limit, Query()] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query()] = None,
) -> Page[Activity]:
    with session() as db:
        return service.list_activities(db, routes.caller, project_id, cursor, limit)


@routes.get("/api/activities/<activity_id>", summary="Read an activity", tags=TAGS, responses=answers.READ)
def get_activity(activity_id: UUID) -> Activity:
    with session() as db:
        return service.get_activity(db, routes.caller, activity_id)


@routes.patch(
    "/api/activities/<activity_id>", summary="Change or move an activity", tags=TAGS, responses=answers.UPDATE
)
def update_activity(activity_id: UUID, request: Annotated[ActivityChange, Body()]) -> Activity:
    return carry_out(lambda db: service.update_activity(db, routes.caller, activity_id, request), origin="manage_board")


@routes.delete(
    "/api/activities/<activity_id>", summary="Delete an activity and its cards", tags=TAGS, responses=answers.DELETE
)
def delete_activity(activity_id: UUID) -> Response[str]:
    carry_out(lambda db: service.delete_activity(db, routes.caller, activity_id), origin="manage_board")
    return no_content()
