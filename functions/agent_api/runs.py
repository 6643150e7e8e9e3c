"""Routes of runs."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import UUID

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Query
from pydantic import Field

from agent_api import answers
from agent_api.answers import TAGS
from callboard.agents import service, waking
from callboard.agents.models import (
    MAX_BATCH,
    BatchedRun,
    Cancelled,
    Limit,
    NewRun,
    Run,
    RunStatus,
    RunsToCancel,
    Skip,
    StoredThread,
)
from callboard.crash import crash_point
from callboard.database import Database, session
from callboard.events.models import Changed, EventRow
from callboard.events.service import publish
from callboard.http import Routes, json_response, no_content
from callboard.observability import correlation_id

routes = Routes()

type Action = Literal["interrupt", "rollback"]
type Flag = Literal["0", "1", "true", "false"]


def _begin(db: Database, thread_id: UUID | None, request: NewRun) -> tuple[StoredThread, Run]:
    """Create a run, ask for its first step, and publish its events."""
    if thread_id is None:
        created = service.create_stateless_run(db, routes.caller, request)
    else:
        created = service.create_run(db, routes.caller, thread_id, request)
    _after_creation(db, [created.result], [request], created.events)
    return created.result


def _after_creation(
    db: Database,
    created: Sequence[tuple[StoredThread, Run]],
    requests: Sequence[NewRun],
    events: Sequence[EventRow],
) -> None:
    crash_point("agent_api.after_commit")
    # What is to begin later, sweep_jobs asks for.
    now = [thread.id for (thread, _), request in zip(created, requests, strict=True) if not request.after_seconds]
    if now:
        waking.send_steps([(thread, correlation_id()) for thread in dict.fromkeys(now)])
    crash_point("agent_api.after_send")
    publish(db, events, origin="agent_api.run")


def _created(thread_id: UUID | None, request: NewRun) -> Response[Run]:
    with session() as db:
        _, run = _begin(db, thread_id, request)
    return json_response(HTTPStatus.OK, run, answers.run_headers(run.thread_id, run.run_id))


def _waited(thread_id: UUID | None, request: NewRun) -> Response[Any]:
    with session() as db:
        thread, run = _begin(db, thread_id, request)
        return _final(db, thread, run.run_id)


def _streamed(thread_id: UUID | None, request: NewRun) -> Response[Any]:
    from callboard.agents import streams  # noqa: PLC0415  # LangGraph takes as long to load as all else together

    with session() as db:
        thread, run = _begin(db, thread_id, request)
        modes = service.modes_of(request.stream_mode)
        text = streams.segment(db, routes.caller, thread, run.run_id, modes, None)
    return answers.events(text, answers.run_headers(run.thread_id, run.run_id, "stream"))


def _final(db: Database, thread: StoredThread, run_id: UUID) -> Response[Any]:
    """Answer with the values that a run ended with, once it has."""
    from callboard.agents import snapshots  # noqa: PLC0415  # as above

    run = service.wait_for_end(db, routes.caller, thread.view.thread_id, run_id)
    values = snapshots.final_values(db, thread, run)
    return json_response(HTTPStatus.OK, values, answers.run_headers(run.thread_id, run_id, "join"))


@routes.post("/agents/runs", summary="Run once, without a thread", tags=TAGS, responses=answers.CREATE)
def create_stateless_run(request: Annotated[NewRun, Body()]) -> Response[Run]:
    return _created(None, request)


@routes.post("/agents/runs/wait", summary="Run once and wait for the end", tags=TAGS, responses=answers.WAIT)
def wait_for_stateless_run(request: Annotated[NewRun, Body()]) -> Response[Any]:
    return _waited(None, request)


@routes.post("/agents/runs/stream", summary="Run once and follow it", tags=TAGS, responses=answers.BEGIN_STREAM)
def stream_stateless_run(request: Annotated[NewRun, Body()]) -> Response[Any]:
    return _streamed(None, request)


@routes.post("/agents/runs/batch", summary="Start several runs, all or none", tags=TAGS, responses=answers.CREATE)
def create_runs(request: Annotated[list[BatchedRun], Body(min_length=1, max_length=MAX_BATCH)]) -> list[Run]:
    with session() as db:
        created = service.create_runs(db, routes.caller, request)
        _after_creation(db, created.result, request, created.events)
    return [run for _, run in created.result]


@routes.post("/agents/runs/cancel", summary="Cancel several runs", tags=TAGS, responses=answers.CHANGE_OR_GONE)
def cancel_runs(
    request: Annotated[RunsToCancel, Body()], action: Annotated[Action, Query()] = "interrupt"
) -> Response[Any]:
    with session() as db:
        _after_cancel(db, service.cancel_runs(db, routes.caller, request, action))
    return no_content()


@routes.post("/agents/threads/<thread_id>/runs", summary="Start a run", tags=TAGS, responses=answers.CREATE)
def create_run(thread_id: UUID, request: Annotated[NewRun, Body()]) -> Response[Run]:
    return _created(thread_id, request)


@routes.post(
    "/agents/threads/<thread_id>/runs/wait", summary="Run and wait for the end", tags=TAGS, responses=answers.WAIT
)
def wait_for_run(thread_id: UUID, request: Annotated[NewRun, Body()]) -> Response[Any]:
    return _waited(thread_id, request)


@routes.post(
    "/agents/threads/<thread_id>/runs/stream", summary="Run and follow it", tags=TAGS, responses=answers.BEGIN_STREAM
)
def stream_run(thread_id: UUID, request: Annotated[NewRun, Body()]) -> Response[Any]:
    return _streamed(thread_id, request)


@routes.get("/agents/threads/<thread_id>/runs", summary="List runs, newest first", tags=TAGS, responses=answers.READ)
def list_runs(
    thread_id: UUID,
    status: Annotated[RunStatus | None, Query()] = None,
    limit: Annotated[Limit, Query()] = 10,
    offset: Annotated[Skip, Query()] = 0,
) -> list[Run]:
    with session() as db:
        return service.list_runs(db, routes.caller, thread_id, status, limit, offset)


@routes.get("/agents/threads/<thread_id>/runs/<run_id>", summary="Read a run", tags=TAGS, responses=answers.READ)
def get_run(thread_id: UUID, run_id: UUID) -> Run:
    with session() as db:
        return service.find_run(db, routes.caller, thread_id, run_id).view


@routes.delete(
    "/agents/threads/<thread_id>/runs/<run_id>",
    summary="Delete an ended run",
    tags=TAGS,
    responses=answers.GONE_UNLESS,
)
def delete_run(thread_id: UUID, run_id: UUID) -> Response[Any]:
    with session() as db:
        service.delete_run(db, routes.caller, thread_id, run_id)
    return no_content()


@routes.get(
    "/agents/threads/<thread_id>/runs/<run_id>/join",
    summary="Wait for a run's end",
    tags=TAGS,
    responses=answers.JOIN,
)
def join_run(thread_id: UUID, run_id: UUID) -> Response[Any]:
    with session() as db:
        thread = service.find_thread(db, routes.caller, thread_id)
        return _final(db, thread, run_id)


@routes.get(
    "/agents/threads/<thread_id>/runs/<run_id>/stream",
    summary="Follow a run",
    tags=TAGS,
    responses=answers.STREAM,
)
def stream_existing_run(
    thread_id: UUID,
    run_id: UUID,
    stream_mode: Annotated[list[str] | None, Query()] = None,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID"), Field(max_length=200)] = None,
) -> Response[Any]:
    from callboard.agents import streams  # noqa: PLC0415  # as above

    with session() as db:
        thread = service.find_thread(db, routes.caller, thread_id)
        # The SDK says nothing as an empty value.
        asked = [mode for mode in stream_mode or () if mode]
        modes = service.modes_of(asked or service.stream_modes(db, routes.caller, thread_id, run_id))
        text = streams.segment(db, routes.caller, thread, run_id, modes, last_event_id)
    return answers.events(text, answers.run_headers(thread_id, run_id, "stream"))


@routes.post(
    "/agents/threads/<thread_id>/runs/<run_id>/cancel", summary="Cancel a run", tags=TAGS, responses=answers.GONE
)
def cancel_run(
    thread_id: UUID,
    run_id: UUID,
    action: Annotated[Action, Query()] = "interrupt",
    wait: Annotated[Flag, Query()] = "0",
) -> Response[Any]:
    # Nothing is left to wait for: from here on, a step of the run has no effect any more.
    with session() as db:
        _after_cancel(db, service.cancel_run(db, routes.caller, thread_id, run_id, action))
    return no_content()


def _after_cancel(db: Database, cancelled: Changed[Cancelled]) -> None:
    to_go_on: Sequence[UUID] = cancelled.result.to_go_on
    if to_go_on:
        waking.send_steps([(thread, correlation_id()) for thread in to_go_on])
    publish(db, cancelled.events, origin="agent_api.cancel")
