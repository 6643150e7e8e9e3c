"""Routes of projects."""

from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query

from callboard.database import session
from callboard.events.models import ProjectOffsets, Updates
from callboard.events.service import carry_out, project_offsets, project_updates
from callboard.http import Routes, no_content
from callboard.pagination import DEFAULT_LIMIT, Limit, Page
from callboard.projects import service
from callboard.projects.models import NewProject, Project, ProjectChange, ProjectMemory
from manage_board import answers
from manage_board.answers import Offset

routes = Routes()
TAGS = ["Projects"]


@routes.post("/api/projects", summary="Create a project", tags=TAGS, responses=answers.CREATE_FIRST)
def create_project(request: Annotated[NewProject, Body()]) -> Response[Project]:
    project = carry_out(lambda db: service.create_project(db, routes.caller, request), origin="manage_board")
    return answers.created(project, f"/api/projects/{project.id}")


@routes.get("/api/projects", summary="List projects, newest first", tags=TAGS, responses=answers.LIST_OF_ALL)
def list_projects(
    limit: Annotated[Limit, Query()] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query()] = None,
) -> Page[Project]:
    with session() as db:
        return service.list_projects(db, routes.caller, cursor, limit)


@routes.get("/api/projects/<project_id>", summary="Read a project", tags=TAGS, responses=answers.READ)
def get_project(project_id: UUID) -> Project:
    with session() as db:
        return service.get_project(db, routes.caller, project_id)


@routes.patch("/api/projects/<project_id>", summary="Change a project", tags=TAGS, responses=answers.UPDATE)
def update_project(project_id: UUID, request: Annotated[ProjectChange, Body()]) -> Project:
    return carry_out(lambda db: service.update_project(db, routes.caller, project_id, request), origin="manage_board")


@routes.delete(
    "/api/projects/<project_id>", summary="Delete a project and all in it", tags=TAGS, responses=answers.DELETE
)
def delete_project(project_id: UUID) -> Response[str]:
    carry_out(lambda db: service.delete_project(db, routes.caller, project_id), origin="manage_board")
    return no_content()


@routes.get(
    "/api/projects/<project_id>/memory",
    summary="Read all that is known of a project",
    tags=TAGS,
    responses=answers.LIST,
)
def get_project_memory(project_id: UUID) -> ProjectMemory:
    with session() as db:
        return service.get_project_memory(db, routes.caller, project_id)


@routes.get(
    "/api/projects/<project_id>/updates",
    summary="Read what happened to a project and its activities",
    tags=TAGS,
    responses=answers.LIST,
)
def list_project_updates(
    project_id: UUID,
    after: Annotated[Offset, Query()] = 0,
    limit: Annotated[Limit, Query()] = DEFAULT_LIMIT,
) -> Updates:
    with session() as db:
        return project_updates(db, routes.caller, project_id, after, limit)


@routes.get(
    "/api/projects/<project_id>/offsets",
    summary="Read where a project's streams are",
    tags=TAGS,
    responses=answers.READ,
)
def get_project_offsets(project_id: UUID) -> ProjectOffsets:
    with session() as db:
        return project_offsets(db, routes.caller, project_id)
