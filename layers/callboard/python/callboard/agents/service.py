"""What callers do with assistants, threads and runs, in the terms of the LangGraph SDK."""

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from callboard.agents import assistants, repository, waking
from callboard.agents.control import ApprovalAnswer
from callboard.agents.errors import (
    InvalidResumeError,
    NotOfferedError,
    ProjectRequiredError,
    RunActiveError,
    RunNotFinishedError,
    RunNotFoundError,
    ThreadBusyError,
    ThreadExistsError,
    ThreadNotFoundError,
    ThreadNotInterruptedError,
)
from callboard.agents.models import (
    ACTIVE,
    Assistant,
    AssistantSearch,
    BatchedRun,
    Cancelled,
    NewRun,
    NewThread,
    Run,
    RunStatus,
    RunsToCancel,
    StoredRun,
    StoredThread,
    StreamMode,
    Thread,
    ThreadChange,
    ThreadSearch,
)
from callboard.agents.repository import RunSpec
from callboard.database import Database
from callboard.errors import InvalidInputError
from callboard.events.models import Changed, EventRow
from callboard.fields import described, wrong
from callboard.identity import Caller
from callboard.ids import new_id
from callboard.observability import correlation_id
from callboard.projects.errors import ProjectNotFoundError

# API Gateway cuts an answer off after 30 seconds.
MAX_WAIT_SECONDS = 25.0
WAIT_STEP_SECONDS = 0.3
MAX_WAITING_RUNS = 50
CANCEL_BATCH = 100
PROJECT_KEY = "project_id"


def search_assistants(search: AssistantSearch) -> list[Assistant]:
    """List the assistants, the one for productions first."""
    found = [
        assistant.view()
        for assistant in assistants.ASSISTANTS
        if search.graph_id in {None, assistant.name}
        and (search.name is None or search.name.lower() in assistant.title.lower())
    ]
    wanted = search.metadata.items()
    return [view for view in found if wanted <= view.metadata.items()][search.offset : search.offset + search.limit]


def create_thread(db: Database, caller: Caller, request: NewThread, *, ephemeral: bool = False) -> StoredThread:
    """Create a thread, or return the one of this id if the request says so.

    Raises:
        ThreadExistsError: There is one of this id.
        ProjectNotFoundError: Its project does not exist for the caller's tenant.
        NotOfferedError: The request wants what is not offered.
    """
    _refuse({"ttl": request.ttl, "supersteps": request.supersteps})
    thread_id = request.thread_id or new_id()
    project_id = _project_in(request.metadata)
    _check_project(db, caller, project_id)
    created = repository.create_thread(
        db,
        caller.tenant,
        thread_id,
        project_id=project_id,
        metadata=request.metadata,
        created_by=caller.user_id,
        ephemeral=ephemeral,
    )
    if created is not None:
        return created
    if request.if_exists == "raise":
        raise ThreadExistsError(details={"thread_id": str(thread_id)})
    return find_thread(db, caller, thread_id)


def find_thread(db: Database, caller: Caller, thread_id: UUID) -> StoredThread:
    """Read a thread.

    Raises:
        ThreadNotFoundError: It does not exist for the caller's tenant.
    """
    thread = repository.get_thread(db, caller.tenant, thread_id)
    if thread is None:
        raise ThreadNotFoundError
    return thread


def update_thread(db: Database, caller: Caller, thread_id: UUID, request: ThreadChange) -> Thread:
    """Set keys of a thread's metadata; another project counts for its next run.

    Raises:
        ThreadNotFoundError: It does not exist for the caller's tenant.
        ProjectNotFoundError: The project does not.
        NotOfferedError: The thread is to be forgotten after a time.
    """
    _refuse({"ttl": request.ttl})
    project_id = _project_in(request.metadata)
    _check_project(db, caller, project_id)
    thread = repository.update_thread(db, caller.tenant, thread_id, request.metadata, project_id)
    if thread is None:
        raise ThreadNotFoundError
    return thread.view


def delete_thread(db: Database, caller: Caller, thread_id: UUID) -> Changed[UUID]:
    """Delete a thread with its runs, active ones too; return the id that its checkpoints have.

    Raises:
        ThreadNotFoundError: It does not exist for the caller's tenant.
    """
    with db.transaction():
        thread = repository.lock_thread(db, caller.tenant, thread_id)
        if thread is None:
            raise ThreadNotFoundError
        active = repository.active_runs(db, thread.id)
        cancelled = repository.cancel_runs(db, caller.tenant, active) if active else None
        repository.delete_thread(db, thread.id)
    return Changed(thread.id, cancelled.events if cancelled else [])


def search_threads(db: Database, caller: Caller, search: ThreadSearch) -> list[Thread]:
    """Read threads of the caller's tenant.

    Raises:
        NotOfferedError: Threads are to be found by the values of their states.
    """
    if search.values:
        raise NotOfferedError("Threads are not found by the values of their states; use metadata.")
    return [thread.view for thread in repository.search_threads(db, caller.tenant, search)]


def count_threads(db: Database, caller: Caller, search: ThreadSearch) -> int:
    """Count threads of the caller's tenant.

    Raises:
        NotOfferedError: As for `search_threads`.
    """
    if search.values:
        raise NotOfferedError("Threads are not found by the values of their states; use metadata.")
    return repository.count_threads(db, caller.tenant, search)


def create_run(db: Database, caller: Caller, thread_id: UUID, request: NewRun) -> Changed[tuple[StoredThread, Run]]:
    """Create a run in a thread: at once, after the active ones, or instead of them, as the request says.

    Whoever commits sends the thread's next step (`waking.send_steps`) and publishes the events.

    Raises:
        AssistantNotFoundError: There is no such assistant.
        ThreadNotFoundError: The thread does not exist for the caller's tenant.
        ThreadBusyError: It has an active run, and the request is not to wait for that.
        ThreadNotInterruptedError: The run is to resume what nobody has been asked.
        InvalidResumeError: The answer does not fit what was asked.
        InvalidInputError: The input is not what the assistant takes.
        ProjectRequiredError: Nothing names a project.
        ProjectNotFoundError: It does not exist for the caller's tenant.
        NotOfferedError: The request wants what is not offered.
    """
    _check_offered(request)
    assistant = assistants.find(request.assistant_id)
    graph_input = assistant.read_input(request.input) if request.input is not None else None
    with db.transaction():
        if request.if_not_exists == "create":
            new = NewThread(thread_id=thread_id, metadata=_thread_metadata(request), if_exists="do_nothing")
            create_thread(db, caller, new)
        thread = repository.lock_thread(db, caller.tenant, thread_id)
        if thread is None:
            raise ThreadNotFoundError
        active = repository.active_runs(db, thread.id)
        command = None
        if request.command is not None and graph_input is None:
            command = {"resume": resume_of(thread.view, request.command.resume)}
        if active and request.multitask_strategy == "reject":
            raise ThreadBusyError(details={"run_ids": [str(run_id) for run_id in active]})
        if len(active) >= MAX_WAITING_RUNS:
            raise ThreadBusyError("Too many runs of the thread wait already.", details={"limit": MAX_WAITING_RUNS})
        events: list[EventRow] = []
        if active and request.multitask_strategy == "interrupt":
            events += repository.cancel_runs(db, caller.tenant, active).events
        spec = RunSpec(
            thread=thread.id,
            project_id=_project_of(db, caller, thread, request),
            assistant_id=assistant.assistant_id,
            input=graph_input,
            command=command,
            kwargs=_kwargs(request),
            metadata=request.metadata,
            multitask_strategy=request.multitask_strategy,
            after_seconds=request.after_seconds or None,
        )
        run, created = repository.create_run(
            db,
            caller.tenant,
            spec,
            created_by=caller.user_id,
            user_name=caller.user_name,
            correlation_id=correlation_id(),
            overdue_seconds=waking.OVERDUE_SECONDS,
        )
    return Changed((thread, run), events + created)


def create_stateless_run(db: Database, caller: Caller, request: NewRun) -> Changed[tuple[StoredThread, Run]]:
    """Create a run in a thread of its own, which is deleted some time after the run unless the request keeps it.

    Raises:
        As `create_run`.
    """
    _check_offered(request)
    new = NewThread(metadata=_thread_metadata(request))
    with db.transaction():
        thread = create_thread(db, caller, new, ephemeral=request.on_completion != "keep")
        return create_run(db, caller, thread.view.thread_id, request)


def create_runs(
    db: Database, caller: Caller, requests: Sequence[BatchedRun]
) -> Changed[list[tuple[StoredThread, Run]]]:
    """Create several runs, all of them or none; return them in the order of the requests.

    Raises:
        As `create_run`.
    """
    with db.transaction():
        # All at once, in the order of everyone who holds threads, before anything that comes after them in it.
        repository.hold_threads(db, caller.tenant, [one.thread_id for one in requests if one.thread_id is not None])
        created = [
            create_stateless_run(db, caller, request)
            if request.thread_id is None
            else create_run(db, caller, request.thread_id, request)
            for request in requests
        ]
    return Changed([one.result for one in created], [event for one in created for event in one.events])


def hold_idle_thread(db: Database, caller: Caller, thread_id: UUID) -> StoredThread:
    """Read a thread and hold it against new runs. Needs a transaction.

    Raises:
        ThreadNotFoundError: It does not exist for the caller's tenant.
        ThreadBusyError: It has an active run.
    """
    thread = repository.lock_thread(db, caller.tenant, thread_id)
    if thread is None:
        raise ThreadNotFoundError
    if thread.view.status == "busy":
        raise ThreadBusyError
    return thread


def find_run(db: Database, caller: Caller, thread_id: UUID, run_id: UUID) -> StoredRun:
    """Read a run with what it was asked.

    Raises:
        RunNotFoundError: The thread has no such run, or does not exist for the caller's tenant.
    """
    run = repository.get_run(db, caller.tenant, thread_id, run_id)
    if run is None:
        raise RunNotFoundError
    return run


def modes_of(asked: str | Sequence[str]) -> list[StreamMode]:
    """Return the modes of a stream.

    Raises:
        NotOfferedError: One is not offered: a run is followed by its checkpoints, which hold values and updates.
    """
    modes: list[StreamMode] = []
    for mode in [asked] if isinstance(asked, str) else asked:
        if mode not in {"values", "updates"}:
            raise NotOfferedError(
                "A run is followed by its values and its updates.",
                details=wrong("There are values and updates.", "stream_mode"),
            )
        modes.append("values" if mode == "values" else "updates")
    return modes or ["values"]


def resume_of(thread: Thread, given: Any) -> dict[str, Any]:
    """Return the answer to what was asked in a thread, by the interrupt's id.

    Raises:
        ThreadNotInterruptedError: Nobody was asked anything.
        InvalidResumeError: The answer does not fit what was asked.
    """
    asked = [one for interrupts in thread.interrupts.values() for one in interrupts]
    if thread.status != "interrupted" or not asked:
        raise ThreadNotInterruptedError(details={"status": thread.status})
    interrupt = asked[0]
    # The SDK lets an answer name its interrupt.
    answer = given[interrupt["id"]] if isinstance(given, dict) and set(given) == {interrupt["id"]} else given
    try:
        parsed = ApprovalAnswer.model_validate(answer)
    except ValidationError as error:
        fields = described(error, "command", "resume")
        raise InvalidResumeError(details={"fields": fields, "interrupt": interrupt}) from error
    choices = interrupt["value"]["choices"]
    if parsed.choice is not None and str(parsed.choice) not in choices:
        raise InvalidResumeError("The choice is none of those that were offered.", details={"choices": choices})
    return {interrupt["id"]: parsed.model_dump(mode="json")}


def stream_modes(db: Database, caller: Caller, thread_id: UUID, run_id: UUID) -> str | list[str]:
    """Return the modes that a run was made to be followed in.

    Raises:
        RunNotFoundError: The thread has no such run.
    """
    modes: str | list[str] = find_run(db, caller, thread_id, run_id).view.kwargs.get("stream_mode", "values")
    return modes


def list_runs(
    db: Database, caller: Caller, thread_id: UUID, status: RunStatus | None, limit: int, offset: int
) -> list[Run]:
    """Read runs of a thread, newest first.

    Raises:
        ThreadNotFoundError: The thread does not exist for the caller's tenant.
    """
    find_thread(db, caller, thread_id)
    return repository.list_runs(db, caller.tenant, thread_id, status, limit, offset)


def cancel_run(db: Database, caller: Caller, thread_id: UUID, run_id: UUID, action: str) -> Changed[Cancelled]:
    """Cancel a run; one that has ended stays as it is. Jobs that it started go on: they belong to the board.

    Raises:
        RunNotFoundError: The thread has no such run.
        NotOfferedError: Its effects are to be undone.
    """
    _check_action(action)
    find_run(db, caller, thread_id, run_id)
    return _cancel(db, caller, [run_id])


def cancel_runs(db: Database, caller: Caller, request: RunsToCancel, action: str) -> Changed[Cancelled]:
    """Cancel the active runs that the request names, a hundred at most.

    Raises:
        InvalidInputError: It names none.
        NotOfferedError: Their effects are to be undone.
    """
    _check_action(action)
    if request.thread_id is None and request.run_ids is None and request.status is None:
        raise InvalidInputError("Name the runs to cancel: by thread_id and run_ids, or by status.")
    statuses: Sequence[RunStatus] = (
        ("pending", "running") if request.status in {None, "all"} else (_status(request.status),)
    )
    run_ids = repository.runs_to_cancel(
        db,
        caller.tenant,
        thread_id=request.thread_id,
        run_ids=request.run_ids,
        statuses=statuses,
        limit=CANCEL_BATCH,
    )
    return _cancel(db, caller, run_ids)


def delete_run(db: Database, caller: Caller, thread_id: UUID, run_id: UUID) -> None:
    """Delete a run that has ended.

    Raises:
        RunNotFoundError: The thread has no such run.
        RunActiveError: It has not ended.
    """
    run = find_run(db, caller, thread_id, run_id)
    if run.view.status in ACTIVE or not repository.delete_run(db, caller.tenant, run_id):
        raise RunActiveError


def wait_for_end(db: Database, caller: Caller, thread_id: UUID, run_id: UUID, seconds: float = MAX_WAIT_SECONDS) -> Run:
    """Return a run once it has ended.

    Raises:
        RunNotFoundError: The thread has no such run.
        RunNotFinishedError: It has not ended within these seconds.
    """
    give_up_at = time.monotonic() + min(seconds, MAX_WAIT_SECONDS)
    while True:
        run = find_run(db, caller, thread_id, run_id).view
        if run.status not in ACTIVE:
            return run
        left = give_up_at - time.monotonic()
        if left <= 0:
            raise RunNotFinishedError(details={"run_id": str(run_id), "status": run.status})
        time.sleep(min(WAIT_STEP_SECONDS, left))


def _cancel(db: Database, caller: Caller, run_ids: Sequence[UUID]) -> Changed[Cancelled]:
    if not run_ids:
        return Changed(Cancelled([], []), [])
    with db.transaction():
        repository.hold_threads_of_runs(db, caller.tenant, run_ids)
        return repository.cancel_runs(db, caller.tenant, run_ids)


def _status(status: str | None) -> RunStatus:
    return "pending" if status == "pending" else "running"


def _check_action(action: str) -> None:
    if action != "interrupt":
        raise NotOfferedError("What a run has done is not undone; cancel it with action=interrupt.")


def _refuse(wishes: dict[str, Any]) -> None:
    """Refuse what would be accepted in vain."""
    asked = sorted(name for name, value in wishes.items() if value)
    if asked:
        raise NotOfferedError(f"Not offered: {', '.join(asked)}.", details=wrong("Not offered.", *asked))


def _check_offered(request: NewRun) -> None:
    """Refuse a run that wants what is not offered."""
    _refuse(
        {
            "webhook": request.webhook,
            "checkpoint": request.checkpoint,
            "checkpoint_id": request.checkpoint_id,
            "interrupt_before": request.interrupt_before,
            "interrupt_after": request.interrupt_after,
            "command.update": request.command and request.command.update,
            "command.goto": request.command and request.command.goto,
        }
    )
    if request.multitask_strategy == "rollback":
        raise NotOfferedError(
            "A run's effects on the board are not undone: use reject, enqueue or interrupt.",
            details=wrong("Not offered.", "multitask_strategy"),
        )
    if request.command is not None and request.after_seconds:
        raise NotOfferedError(
            "An answer is given at once: by then, something else may have been asked.",
            details=wrong("Not beside a command.", "after_seconds"),
        )
    modes_of(request.stream_mode)
    if request.command is not None and request.input is not None:
        raise InvalidInputError(
            "A run takes an input or a command, not both.", details=wrong("Not beside an input.", "command")
        )


def _kwargs(request: NewRun) -> dict[str, Any]:
    return request.model_dump(
        mode="json", include={"input", "command", "config", "context", "stream_mode"}, exclude_none=True
    )


def _project_in(metadata: dict[str, Any]) -> UUID | None:
    value = metadata.get(PROJECT_KEY)
    if value is None:
        return None
    try:
        return UUID(str(value))
    except ValueError as error:
        raise InvalidInputError(
            "metadata.project_id is not the id of a project.",
            details=wrong("Not a UUID.", "metadata.project_id"),
        ) from error


def _named_projects(request: NewRun) -> list[dict[str, Any]]:
    """Return the places where a request may name the project, the most particular first."""
    config = request.config
    places: list[Any] = [
        request.input,
        request.metadata,
        request.context,
        config.get("configurable"),
        config.get("metadata"),
    ]
    return [place for place in places if isinstance(place, dict)]


def _thread_metadata(request: NewRun) -> dict[str, Any]:
    named = next((place[PROJECT_KEY] for place in _named_projects(request) if place.get(PROJECT_KEY)), None)
    return dict(request.metadata) | ({PROJECT_KEY: named} if named else {})


def _project_of(db: Database, caller: Caller, thread: StoredThread, request: NewRun) -> UUID:
    """Return the project that a run works on: the thread's, else the one that the request names."""
    named = _project_in(_thread_metadata(request))
    project_id = thread.project_id or named
    if project_id is None:
        raise ProjectRequiredError
    if named is None or named == thread.project_id:
        return project_id
    _check_project(db, caller, named)
    if thread.project_id is not None:
        raise InvalidInputError(
            "The thread is about another project; it can be changed in the thread's metadata.",
            details=wrong("Not the thread's project.", PROJECT_KEY),
        )
    repository.update_thread(db, caller.tenant, thread.view.thread_id, {PROJECT_KEY: str(named)}, named)
    return named


def _check_project(db: Database, caller: Caller, project_id: UUID | None) -> None:
    if project_id is not None and not repository.project_exists(db, caller.tenant, project_id):
        raise ProjectNotFoundError
