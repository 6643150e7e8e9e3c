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

from callboard.agents import service, snapshots
from callboard.agents.errors import NotOfferedError
from callboard.agents.models import ACTIVE, Run, StoredThread, StreamMode
from callboard.database import Database
from callboard.identity import Caller

SEGMENT_SECONDS = 24.0
# Once there is news, a segment gathers what follows at once and then goes out: an answer is only read when it is whole.
GATHER_SECONDS = 1.0
STEP_SECONDS = 0.3
MAX_EVENTS = 60
# Comes before every id of a checkpoint.
BEGINNING = "0"


def modes_of(asked: str | Sequence[str]) -> list[StreamMode]:
    """Return the modes of a stream.

    Raises:
        NotOfferedError: One is not offered: a run is followed by its checkpoints, which hold values and updates.
    """
    modes: list[StreamMode] = []
    for mode in [asked] if isinstance(asked, str) else asked:
        if mode not in {"values", "updates"}:
            raise NotOfferedError(f"stream_mode {mode} is not offered; there are values and updates.")
        modes.append("values" if mode == "values" else "updates")
    return modes or ["values"]


def segment(
    db: Database,
    caller: Caller,
    thread: StoredThread,
    run_id: UUID,
    modes: Sequence[StreamMode],
    seen: str | None,
) -> str:
    """Return the events of a run after the one that was seen last, waiting for some if there are none yet.

    Raises:
        RunNotFoundError: The thread has no such run.
    """
    started = time.monotonic()
    run = service.find_run(db, caller, thread.view.thread_id, run_id).view
    # Also the first event has an id, so that the SDK takes up the stream where it ended, were that at its beginning.
    about = {"run_id": str(run_id), "thread_id": str(run.thread_id), "attempt": 1}
    events = [_event("metadata", about, seen or BEGINNING)]
    first_news: float | None = None
    while True:
        # The state after the status: what an ended run stored is all there.
        states = snapshots.of_run_after(db, thread, run_id, seen, MAX_EVENTS)
        news = _news(states, seen, modes)
        events += news
        if states:
            seen = snapshots.id_of(states[-1])
        if run.status not in ACTIVE:
            events += _end(run, states[-1] if states else None, modes)
            return "".join(events)
        now = time.monotonic()
        if news and first_news is None:
            first_news = now
        if now - started > SEGMENT_SECONDS or (first_news is not None and now - first_news > GATHER_SECONDS):
            return "".join(events)
        time.sleep(STEP_SECONDS)
        run = service.find_run(db, caller, thread.view.thread_id, run_id).view


def _news(states: Sequence[StateSnapshot], seen: str | None, modes: Sequence[StreamMode]) -> list[str]:
    """Return the events between states; the first state may be the one that was seen, for what followed it."""
    events: list[str] = []
    before: StateSnapshot | None = None
    for state in states:
        identity = snapshots.id_of(state)
        if seen is None or identity > seen:
            if before is not None and "updates" in modes:
                events += [_event("updates", change, identity) for change in snapshots.updates_of(before)]
            if "values" in modes:
                events.append(_event("values", snapshots.values_of(state), identity))
        before = state
    return events


def _end(run: Run, last: StateSnapshot | None, modes: Sequence[StreamMode]) -> list[str]:
    if run.status == "error" and run.error is not None:
        return [_event("error", {"error": run.error["code"], "message": run.error["message"]})]
    events: list[str] = []
    if last is not None and last.interrupts:
        asked = {"__interrupt__": [snapshots.interrupt_view(one) for one in last.interrupts]}
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
