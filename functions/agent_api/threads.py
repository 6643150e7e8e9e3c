"""Routes of threads."""

from typing import Annotated, Any
from uuid import UUID

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body

from agent_api import answers
from agent_api.answers import TAGS
from callboard.agents import service
from callboard.agents.models import NewThread, Thread, ThreadChange, ThreadSearch
from callboard.database import session
from callboard.events.service import publish
from callboard.http import Routes, no_content

routes = Routes()


@routes.post("/agents/threads", summary="Create a thread", tags=TAGS, responses=answers.CREATE)
def create_thread(request: Annotated[NewThread, Body()]) -> Thread:
    with session() as db:
        return service.create_thread(db, routes.caller, request).view


@routes.post("/agents/threads/search", summary="Find threads", tags=TAGS, responses=answers.SEARCH)
def search_threads(request: Annotated[ThreadSearch, Body()]) -> list[Thread]:
    with session() as db:
        return service.search_threads(db, routes.caller, request)


@routes.post("/agents/threads/count", summary="Count threads", tags=TAGS, responses=answers.SEARCH)
def count_threads(request: Annotated[ThreadSearch, Body()]) -> int:
    with session() as db:
        return service.count_threads(db, routes.caller, request)


@routes.get("/agents/threads/<thread_id>", summary="Read a thread", tags=TAGS, responses=answers.READ)
def get_thread(thread_id: UUID) -> Thread:
    with session() as db:
        return service.find_thread(db, routes.caller, thread_id).view


@routes.patch("/agents/threads/<thread_id>", summary="Change a thread", tags=TAGS, responses=answers.CHANGE)
def update_thread(thread_id: UUID, request: Annotated[ThreadChange, Body()]) -> Thread:
    with session() as db:
        return service.update_thread(db, routes.caller, thread_id, request)


@routes.delete("/agents/threads/<thread_id>", summary="Delete a thread and its runs", tags=TAGS, responses=answers.GONE)
def delete_thread(thread_id: UUID) -> Response[Any]:
    from callboard.agents import checkpoints  # noqa: PLC0415  # LangGraph takes as long to load as all else together

    with session() as db:
        with db.transaction():
            deleted = service.delete_thread(db, routes.caller, thread_id)
            checkpoints.saver(db).delete_thread(str(deleted.result))
        publish(db, deleted.events, origin="agent_api")
    return no_content()
