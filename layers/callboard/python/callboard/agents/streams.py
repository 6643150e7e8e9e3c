"""Following a run: server-sent events, in segments that end before API Gateway would cut them off.

The SDK takes up the next segment by itself where the one before it ended (`Last-Event-ID`), until an `end` or `error`.
https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import json
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from langgraph.types import StateSnapshot

from callboard.agents import repository, service, snapshots
from callboard.agents.models import ACTIVE, Run, StoredThread, StreamMode
from callboard.database import Database
from callboard.identity import Caller

SEGMENT_SECONDS = 24.0
# Once there is news, a segment gathers what follows at once and then goes out: an answer is only read when it is whole.
GATHER_SECONDS = 1.0
STEP_SECONDS = 0.3
# Far from what a function may answer with; a segment that is full ends, and the next one goes on.
MAX_CHARACTERS = 500_000
# Comes before every id of a checkpoint.
BEGINNING = "0"


def segment(
    db: Database,
    caller: Caller,
    thread: StoredThread,
    run_id: UUID,
    modes: Sequence[StreamMode],
    last_event_id: str | None,
) -> str:
    """Return the events of a run after the one that was seen last, waiting for some if there are none yet.

    Raises:
        RunNotFoundError: The thread has no such run.
    """
    started = time.monotonic()
    run = service.find_run(db, caller, thread.view.thread_id, run_id).view
    seen = _place(last_event_id)
    # Also the first event has an id, so that the SDK takes up the stream where it ended, were that at its beginning.
    about = {"run_id": str(run_id), "thread_id": str(run.thread_id), "attempt": 1}
    events = [_event("metadata", about, seen)]
    first_news: float | None = None
    looked_at: str | None = None
    while True:
        # After the status, so that what an ended run stored is all there. States are whole and large: they are read
        # only where there is a new one.
        newest = repository.newest_checkpoint(db, thread.id)
        news: list[str] = []
        states: list[StateSnapshot] = []
        complete = True
        if newest != looked_at or run.status not in ACTIVE:
            states = snapshots.of_run_after(db, thread, run_id, seen)
            news, seen, complete = _news(run_id, states, seen, modes)
            looked_at = newest
        events += news
        if run.status not in ACTIVE and complete:
            return "".join([*events, *_end(run, states[-1] if states else None, modes)])
        now = time.monotonic()
        if news and first_news is None:
            first_news = now
        waited = now - started > SEGMENT_SECONDS or (first_news is not None and now - first_news > GATHER_SECONDS)
        if waited or not complete or sum(map(len, events)) > MAX_CHARACTERS:
            return "".join(events)
        time.sleep(STEP_SECONDS)
        run = service.find_run(db, caller, thread.view.thread_id, run_id).view


def _place(last_event_id: str | None) -> str:
    """Return where a follower was; at the beginning, if that is no place in a stream of ours."""
    try:
        return str(UUID(last_event_id or ""))
    except ValueError:
        return BEGINNING


def _news(
    run_id: UUID, states: Sequence[StateSnapshot], seen: str, modes: Sequence[StreamMode]
) -> tuple[list[str], str, bool]:
    """Return the events between states, the last state that they tell of, and whether that is the last there is.

    The first state may be the one that was seen, or one of the run before, for what followed it.
    """
    events: list[str] = []
    before: StateSnapshot | None = None
    for state in states:
        identity = snapshots.id_of(state)
        if identity > seen and (state.metadata or {}).get("run_id") == str(run_id):
            if sum(map(len, events)) > MAX_CHARACTERS:
                return events, seen, False
            update = snapshots.update_between(before, state) if before is not None else None
            if update is not None and "updates" in modes:
                events.append(_event("updates", update, identity))
            # What a run begins with is the state that the run before it left.
            if "values" in modes and (state.metadata or {}).get("source") != "input":
                events.append(_event("values", snapshots.values_of(state), identity))
            seen = identity
        before = state
    return events, seen, True


def _end(run: Run, last: StateSnapshot | None, modes: Sequence[StreamMode]) -> list[str]:
    if run.status == "error" and run.error is not None:
        return [_event("error", {"error": run.error["code"], "message": run.error["message"]})]
    events: list[str] = []
    asked = snapshots.asked_in(last) if last is not None else {}
    if last is not None and asked:
        if "updates" in modes:
            events.append(_event("updates", asked))
        if "values" in modes:
            events.append(_event("values", snapshots.values_of(last) | asked))
    return [*events, _event("end", None)]


def _event(name: str, data: Any, identity: str | None = None) -> str:
    lines = [f"event: {name}", f"data: {json.dumps(data, ensure_ascii=False, default=str)}"]
    if identity is not None:
        lines.insert(0, f"id: {identity}")
    return "\n".join(lines) + "\n\n"
