"""Routes of the states of threads."""

from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler.openapi.params import Body

from agent_api import answers
from agent_api.answers import TAGS
from callboard.agents import service
from callboard.agents.models import CheckpointRequest, HistoryRequest, StateUpdate, StateUpdated, ThreadState
from callboard.database import session, transaction
from callboard.http import Routes

routes = Routes()


@routes.get("/agents/threads/<thread_id>/state", summary="Read a thread's state", tags=TAGS, responses=answers.READ)
def get_state(thread_id: UUID) -> ThreadState:
    return _state(thread_id, None)


@routes.get(
    "/agents/threads/<thread_id>/state/<checkpoint_id>",
    summary="Read a thread's state at a checkpoint",
    tags=TAGS,
    responses=answers.READ,
)
def get_state_at(thread_id: UUID, checkpoint_id: UUID) -> ThreadState:
    return _state(thread_id, str(checkpoint_id))


@routes.post(
    "/agents/threads/<thread_id>/state/checkpoint",
    summary="Read a thread's state at a checkpoint",
    tags=TAGS,
    responses=answers.CHANGE,
)
def get_state_of_checkpoint(thread_id: UUID, request: Annotated[CheckpointRequest, Body()]) -> ThreadState:
    from callboard.agents import snapshots  # noqa: PLC0415  # LangGraph takes as long to load as all else together

    return _state(thread_id, snapshots.checkpoint_id_of(request.checkpoint))


@routes.post(
    "/agents/threads/<thread_id>/state", summary="Change a thread's state", tags=TAGS, responses=answers.CREATE
)
def update_state(thread_id: UUID, request: Annotated[StateUpdate, Body()]) -> StateUpdated:
    from callboard.agents import snapshots  # noqa: PLC0415  # as above

    with transaction() as db:
        thread = service.hold_idle_thread(db, routes.caller, thread_id)
        return StateUpdated(checkpoint=snapshots.update(db, thread, request))


@routes.post(
    "/agents/threads/<thread_id>/history",
    summary="Read a thread's states, newest first",
    tags=TAGS,
    responses=answers.CHANGE,
)
def get_history(thread_id: UUID, request: Annotated[HistoryRequest, Body()]) -> list[ThreadState]:
    from callboard.agents import snapshots  # noqa: PLC0415  # as above

    with session() as db:
        return snapshots.history(db, service.find_thread(db, routes.caller, thread_id), request)


def _state(thread_id: UUID, checkpoint_id: str | None) -> ThreadState:
    from callboard.agents import snapshots  # noqa: PLC0415  # as above

    with session() as db:
        return snapshots.read(db, service.find_thread(db, routes.caller, thread_id), checkpoint_id)
