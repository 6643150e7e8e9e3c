"""States of threads as the SDK shows them, read from their checkpoints."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from langchain_core.messages import BaseMessage, convert_to_messages
from langchain_core.runnables import RunnableConfig
from langgraph.errors import InvalidUpdateError
from langgraph.graph import START
from langgraph.types import Interrupt, Overwrite, StateSnapshot
from pydantic import BaseModel, TypeAdapter, ValidationError

from callboard.agents import checkpoints, repository
from callboard.agents.errors import CheckpointNotFoundError
from callboard.agents.graph import Graph, build_graph
from callboard.agents.models import Checkpoint, HistoryRequest, Run, StateUpdate, StoredThread, ThreadState
from callboard.agents.state import State
from callboard.database import Database
from callboard.errors import InvalidInputError
from callboard.fields import described, wrong
from callboard.ids import new_id

# The others say where the agent is; it would be lost with made-up ones.
SETTABLE = frozenset({"brief", "card_id", "messages", "answer", "recommendation", "earlier"})
FIRST_PAGE = 3
NEXT_PAGE = 25
# Characters, of up to four bytes each; a function answers with six million bytes at most.
MAX_HISTORY = 1_400_000


def reader(db: Database) -> Graph:
    """Return the graph for reading and changing states; it has no model and runs nothing."""
    return build_graph(None, (), checkpoints.saver(db))


def read(db: Database, thread: StoredThread, checkpoint_id: str | None = None) -> ThreadState:
    """Read a thread's state, the latest or that of a checkpoint.

    Raises:
        CheckpointNotFoundError: The thread has no such checkpoint.
    """
    snapshot = reader(db).get_state(checkpoints.config_of(thread.id, checkpoint_id=checkpoint_id))
    if checkpoint_id is not None and not snapshot.metadata:
        raise CheckpointNotFoundError
    return view_of(snapshot, thread.view.thread_id)


def history(db: Database, thread: StoredThread, request: HistoryRequest) -> list[ThreadState]:
    """Read states of a thread, newest first: as many as are asked for, or as an answer holds."""
    graph = reader(db)
    before_id = checkpoint_id_of(request.before)
    found: list[ThreadState] = []
    size = 0
    while len(found) < request.limit:
        wanted = min(NEXT_PAGE, request.limit - len(found))
        page = list(
            graph.get_state_history(
                checkpoints.config_of(thread.id),
                filter=dict(request.metadata) or None,
                before=checkpoints.config_of(thread.id, checkpoint_id=before_id) if before_id else None,
                limit=wanted,
            )
        )
        for snapshot in page:
            state = view_of(snapshot, thread.view.thread_id)
            size += len(state.model_dump_json())
            if found and size > MAX_HISTORY:
                return found
            found.append(state)
        if len(page) < wanted:
            break
        before_id = id_of(page[-1])
    return found


def update(db: Database, thread: StoredThread, request: StateUpdate) -> Checkpoint:
    """Change the state of a held thread as if a node had done it; return where it is stored now.

    Raises:
        InvalidInputError: The values or the node do not fit the graph.
        CheckpointNotFoundError: The thread has no such checkpoint.
    """
    graph = reader(db)
    values = _values_in(request)
    if values.get("messages"):
        # Calls in them are others than those that the model thought of in the same turn, and are carried out.
        values["thought_by"] = str(new_id())
    if request.as_node is not None and request.as_node not in graph.nodes:
        raise InvalidInputError("The graph has no such node.", details=wrong("No such node.", "as_node"))
    checkpoint_id = checkpoint_id_of(request.checkpoint_id or request.checkpoint)
    config = checkpoints.config_of(thread.id, checkpoint_id=checkpoint_id)
    before = graph.get_state(config)
    if checkpoint_id and not before.metadata:
        raise CheckpointNotFoundError
    if request.as_node not in {None, START} and "turn" not in before.values:
        # Each node relies on what the first one makes of a brief.
        message = "No run has begun here: a state is given as __start__."
        raise InvalidInputError(message, details=wrong(message, "as_node"))
    try:
        stored = graph.update_state(config, values, as_node=request.as_node)
    except InvalidUpdateError as error:
        raise InvalidInputError("The update does not fit the state; name the node as as_node.") from error
    # An answer to a question that the thread has moved on from would be lost: who wants it asked again starts a run.
    repository.ask_nothing(db, thread.id)
    return _checkpoint(stored, thread.view.thread_id)


def checkpoint_id_of(given: Any) -> str | None:
    """Return the id in a checkpoint, or in a config, as different clients name one; None if it names the latest.

    Raises:
        InvalidInputError: It is no id of a checkpoint.
    """
    found = given
    if isinstance(found, dict):
        nested = found.get("configurable")
        found = (nested if isinstance(nested, dict) else found).get("checkpoint_id")
    try:
        return str(UUID(str(found))) if found else None
    except ValueError as error:
        raise InvalidInputError("A checkpoint is named by its checkpoint_id, a UUID.") from error


def final_values(db: Database, thread: StoredThread, run: Run) -> dict[str, Any]:
    """Return the values that an ended run left; what went wrong, or what a person is asked, as the SDK reads it."""
    if run.error is not None:
        return {"__error__": {"error": run.error["code"], "message": run.error["message"]}}
    state = latest_of_run(db, thread, run.run_id)
    if state is None and not run.kwargs.keys() & {"input", "command"}:
        # It went on from where the thread was and had nothing to add: it asked again what had been asked.
        state = reader(db).get_state(checkpoints.config_of(thread.id))
    return values_of(state) | asked_in(state) if state is not None else {}


def latest_of_run(db: Database, thread: StoredThread, run_id: UUID) -> StateSnapshot | None:
    """Read the last state that a run stored; None if there is none yet."""
    found = reader(db).get_state_history(checkpoints.config_of(thread.id), filter={"run_id": str(run_id)}, limit=1)
    return next(iter(found), None)


def of_run_after(db: Database, thread: StoredThread, run_id: UUID, seen: str | None) -> list[StateSnapshot]:
    """Read the states that a run stored after the checkpoint `seen`, oldest first.

    Before them comes the one that was seen, or at the run's beginning the one that it went on from, if it did not begin
    anew: what followed that may be new.
    """
    graph = reader(db)
    found: list[StateSnapshot] = []
    before: RunnableConfig | None = None
    # The library reads backwards and each state is whole: mostly there is nothing new, and seldom much.
    size = FIRST_PAGE
    while True:
        page = list(
            graph.get_state_history(
                checkpoints.config_of(thread.id), filter={"run_id": str(run_id)}, before=before, limit=size
            )
        )
        news = [state for state in page if seen is None or id_of(state) >= seen]
        found += news
        if len(news) < len(page):
            return found[::-1]
        if len(page) < size:
            return [*_gone_on_from(graph, found[-1:]), *found[::-1]]
        before = checkpoints.config_of(thread.id, checkpoint_id=id_of(page[-1]))
        size = NEXT_PAGE


def _gone_on_from(graph: Graph, first: list[StateSnapshot]) -> list[StateSnapshot]:
    return [
        graph.get_state(state.parent_config)
        for state in first
        if state.parent_config is not None and (state.metadata or {}).get("source") != "input"
    ]


def id_of(snapshot: StateSnapshot) -> str:
    """Return the id of a snapshot's checkpoint; later ones are greater."""
    checkpoint_id: str = snapshot.config["configurable"]["checkpoint_id"]
    return checkpoint_id


def view_of(snapshot: StateSnapshot, thread_id: UUID) -> ThreadState:
    """Show a state."""
    return ThreadState(
        values=values_of(snapshot),
        next=list(snapshot.next),
        tasks=[_task(task) for task in snapshot.tasks],
        checkpoint=_checkpoint(snapshot.config, thread_id),
        # Its thread id is ours alone.
        metadata={name: value for name, value in (snapshot.metadata or {}).items() if name != "thread_id"},
        created_at=snapshot.created_at,
        parent_checkpoint=_checkpoint(snapshot.parent_config, thread_id) if snapshot.parent_config else None,
        interrupts=[interrupt_view(one) for one in snapshot.interrupts],
    )


def values_of(snapshot: StateSnapshot) -> dict[str, Any]:
    """Return a state's values, ready for JSON."""
    values: dict[str, Any] = jsonable(snapshot.values) if snapshot.values else {}
    return values


def update_between(before: StateSnapshot, after: StateSnapshot) -> dict[str, Any] | None:
    """Return what the node between two states changed, by its name, ready for JSON; None if no node was there."""
    node = next(iter(before.next), "__start__")
    if node == "__start__":
        return None
    old, new = before.values or {}, after.values or {}
    changed = {name: value for name, value in new.items() if name not in old or old[name] != value}
    said = old.get("messages", [])
    if "messages" in changed and said and changed["messages"][: len(said)] == said:
        changed["messages"] = changed["messages"][len(said) :]
    return {node: jsonable(changed)}


def asked_in(snapshot: StateSnapshot) -> dict[str, Any]:
    """Return what a person is asked in a state, as the SDK shows it beside values; jobs are nobody's to answer for."""
    asked = [interrupt_view(one) for one in _questions(snapshot.interrupts)]
    return {"__interrupt__": asked} if asked else {}


def interrupts_by_task(snapshot: StateSnapshot) -> dict[str, list[dict[str, Any]]]:
    """Return what a person is asked, by task; jobs are nobody's to answer for."""
    asked = {task.id: [interrupt_view(one) for one in _questions(task.interrupts)] for task in snapshot.tasks}
    return {task: views for task, views in asked.items() if views}


def _questions(interrupts: Sequence[Interrupt]) -> list[Interrupt]:
    return [one for one in interrupts if one.value.get("type") == "approval"]


def interrupt_view(interrupt: Interrupt) -> dict[str, Any]:
    """Show an interrupt."""
    view = {"id": interrupt.id, "value": jsonable(interrupt.value)}
    if interrupt.response_schema is not None:
        view["response_schema"] = jsonable(interrupt.response_schema)
    return view


def jsonable(value: Any) -> Any:
    """Return a value of a state with its messages as objects, as the SDK shows them."""
    if isinstance(value, BaseMessage | BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Overwrite):
        return jsonable(value.value)
    if isinstance(value, dict):
        return {str(name): jsonable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(one) for one in value]
    return value


def _values_in(request: StateUpdate) -> dict[str, Any]:
    """Return the values of an update as the state holds them; messages may be as short as models take them."""
    given: dict[str, Any] = dict(request.values or {})
    unknown = sorted(given.keys() - SETTABLE)
    if unknown:
        raise InvalidInputError(
            "The state has no such values, or they are the agent's alone.", details={"unknown": unknown}
        )
    try:
        if "messages" in given:
            given["messages"] = convert_to_messages(given["messages"])
        values: dict[str, Any] = dict(TypeAdapter(State).validate_python(given))
    except ValidationError as error:
        raise InvalidInputError(details={"fields": described(error, "values")}) from error
    except (TypeError, ValueError, NotImplementedError, LookupError) as error:
        # The library has no one error for what is no message.
        raise InvalidInputError(details=wrong("Not a list of messages.", "values.messages")) from error
    return values


def _task(task: Any) -> dict[str, Any]:
    return {
        "id": task.id,
        "name": task.name,
        "path": jsonable(task.path),
        # What went wrong inside is in the log.
        "error": "The step failed." if task.error else None,
        "interrupts": [interrupt_view(one) for one in task.interrupts],
        "checkpoint": None,
        "state": None,
        "result": jsonable(task.result),
    }


def _checkpoint(config: RunnableConfig, thread_id: UUID) -> Checkpoint:
    configurable = config["configurable"]
    return Checkpoint(
        thread_id=thread_id,
        checkpoint_ns=configurable.get("checkpoint_ns", ""),
        checkpoint_id=configurable.get("checkpoint_id"),
    )
