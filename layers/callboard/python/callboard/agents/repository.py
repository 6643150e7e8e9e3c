"""SQL of threads, runs, waits and tool calls. The state of a graph is the checkpointer's."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from callboard.agents.models import (
    AwaitedJob,
    Cancelled,
    MultitaskStrategy,
    Run,
    RunStatus,
    StoredRun,
    StoredThread,
    Thread,
    ThreadSearch,
)
from callboard.database import Database, json_parameter
from callboard.events.models import Changed, EventRow
from callboard.events.repository import APPEND_EVENTS, EVENTS_COLUMN, event_ids, rows_of
from callboard.ids import new_id

# The tail of every statement that moves runs: its head leaves them in a CTE `moved`, with `waiting_for`. A run whose
# project is gone has nobody who follows it.
_EVENTS_OF_MOVED = (
    """
, change AS (
    SELECT row_number() OVER (ORDER BY r.id) AS n,
           (%(event_ids)s::uuid[])[row_number() OVER (ORDER BY r.id)] AS event_id,
           'agent.run.updated' AS topic, r.tenant, r.project_id, NULL::uuid AS card_id, r.correlation_id,
           jsonb_build_object('thread_id', t.thread_id, 'run_id', r.id, 'assistant_id', r.assistant_id,
                              'status', r.status, 'waiting_for', r.waiting_for, 'error_code', r.error_code) AS data
    FROM moved r JOIN agent_threads t ON t.id = r.thread
    WHERE r.project_id IS NOT NULL
)"""
    + APPEND_EVENTS
)

# Nothing is asked any more once a run has stored a checkpoint of its own: what it went on from is behind it. Null if it
# has not, for what is asked stays as it is.
_ANSWERED = """CASE WHEN (
    SELECT c.metadata->>'run_id' FROM checkpoints c
    WHERE c.thread_id = r.thread::text AND c.checkpoint_ns = '' ORDER BY c.checkpoint_id DESC LIMIT 1
) = r.id::text THEN '{}'::jsonb END"""

# A thread's status follows from its runs: busy while one is active, else what the last one left. Its head leaves the
# runs that it ended in a CTE `moved`, with `asked`, and with `thread_status` unless they were cancelled.
_RELEASE_THREAD = """
, follower AS (
    SELECT DISTINCT r.thread FROM agent_runs r
    WHERE r.thread IN (SELECT thread FROM moved) AND r.id NOT IN (SELECT id FROM moved)
      AND (r.status = 'running' OR (r.status = 'pending' AND (r.not_before IS NULL OR r.not_before <= now())))
), released AS (
    UPDATE agent_threads t
    SET status = CASE WHEN f.thread IS NOT NULL THEN 'busy'
                      -- A run that ended before it stored anything has answered nothing.
                      WHEN m.asked IS NULL AND t.interrupts <> '{}' THEN 'interrupted'
                      WHEN m.asked IS NULL THEN coalesce(m.thread_status, t.status_at_rest)
                      ELSE coalesce(m.thread_status, 'idle') END,
        status_at_rest = CASE WHEN m.thread_status = 'error' THEN 'error'
                              WHEN m.thread_status IS NULL AND m.asked IS NULL THEN t.status_at_rest ELSE 'idle' END,
        interrupts = coalesce(m.asked, t.interrupts), updated_at = now()
    FROM (SELECT DISTINCT ON (thread) thread, thread_status, asked FROM moved
          ORDER BY thread, asked IS NULL, id DESC) m
    LEFT JOIN follower f ON f.thread = m.thread
    WHERE t.id = m.thread
)"""

# What is asked stays stored until a run has stored something, and is shown only while an answer is awaited.
_THREAD_COLUMNS = """t.thread_id, t.created_at, t.updated_at, t.metadata, t.status,
    CASE t.status WHEN 'interrupted' THEN t.interrupts ELSE '{}' END AS interrupts"""
_STORED_THREAD = "SELECT t.id, t.project_id, " + _THREAD_COLUMNS + " FROM agent_threads t"

CREATE_THREAD = (
    """
WITH thread AS (
    INSERT INTO agent_threads (id, tenant, thread_id, project_id, metadata, ephemeral, created_by)
    VALUES (%(id)s, %(tenant)s, %(thread_id)s, %(project_id)s, %(metadata)s, %(ephemeral)s, %(created_by)s)
    ON CONFLICT (tenant, thread_id) DO NOTHING
    RETURNING *
)
SELECT t.id, t.project_id, """
    + _THREAD_COLUMNS
    + " FROM thread t"
)

GET_THREAD = _STORED_THREAD + " WHERE t.tenant = %(tenant)s AND t.thread_id = %(thread_id)s"

LOCK_THREAD = GET_THREAD + " FOR UPDATE"

UPDATE_THREAD = (
    """
UPDATE agent_threads t
SET metadata = t.metadata || %(metadata)s, project_id = coalesce(%(project_id)s, t.project_id), updated_at = now()
WHERE t.tenant = %(tenant)s AND t.thread_id = %(thread_id)s
RETURNING t.id, t.project_id, """
    + _THREAD_COLUMNS
)

ASK_NOTHING = """
UPDATE agent_threads
SET interrupts = '{}', status = 'idle', status_at_rest = 'idle', updated_at = now(), pruned_at = NULL
WHERE id = %(id)s"""

DELETE_THREAD = "DELETE FROM agent_threads WHERE id = %(id)s"

_FOUND_THREADS = """
FROM agent_threads t
WHERE t.tenant = %(tenant)s AND t.metadata @> %(metadata)s
  AND (%(ids)s::uuid[] IS NULL OR t.thread_id = ANY(%(ids)s))
  AND (%(status)s::text IS NULL OR t.status = %(status)s)"""

COUNT_THREADS = "SELECT count(*) AS threads" + _FOUND_THREADS

_SEARCH_THREADS = "SELECT t.id, t.project_id, " + _THREAD_COLUMNS + _FOUND_THREADS
# One statement an order: a column's name is never a value.
SEARCH_THREADS = {
    (column, direction): _SEARCH_THREADS
    + f" ORDER BY t.{column} {direction}, t.id {direction} LIMIT %(limit)s OFFSET %(offset)s"
    for column in ("thread_id", "status", "created_at", "updated_at")
    for direction in ("asc", "desc")
}

PROJECT_EXISTS = "SELECT FROM projects WHERE id = %(project_id)s AND tenant = %(tenant)s"

_RUN_COLUMNS = """
    r.id AS run_id, t.thread_id, r.assistant_id, r.created_at, r.updated_at, r.status, r.metadata, r.kwargs,
    r.multitask_strategy, r.usage, r.error_code, r.error_message, r.input, r.command"""
_STORED_RUN = "SELECT " + _RUN_COLUMNS + " FROM agent_runs r JOIN agent_threads t ON t.id = r.thread"

ACTIVE_RUNS = """
SELECT id FROM agent_runs WHERE thread = %(thread)s AND status IN ('pending', 'running') ORDER BY id"""

# The thread is locked: it and its runs do not move meanwhile.
CREATE_RUN = (
    """
WITH moved AS (
    INSERT INTO agent_runs (id, thread, tenant, project_id, assistant_id, input, command, kwargs, metadata,
                            multitask_strategy, not_before, step_due_at, correlation_id, created_by, user_name)
    VALUES (%(id)s, %(thread)s, %(tenant)s, %(project_id)s, %(assistant_id)s, %(input)s, %(command)s, %(kwargs)s,
            %(metadata)s, %(multitask_strategy)s, now() + make_interval(secs => %(after_seconds)s),
            now() + make_interval(secs => coalesce(%(after_seconds)s, %(overdue_seconds)s)),
            %(correlation_id)s, %(created_by)s, %(user_name)s)
    RETURNING *, NULL::text AS waiting_for
), busy AS (
    UPDATE agent_threads t
    SET status = CASE WHEN %(after_seconds)s::double precision IS NULL THEN 'busy' ELSE t.status END,
        updated_at = now(), pruned_at = NULL
    WHERE t.id = %(thread)s
)"""
    + _EVENTS_OF_MOVED
    + "SELECT "
    + _RUN_COLUMNS
    + ", "
    + EVENTS_COLUMN
    + " FROM moved r JOIN agent_threads t ON t.id = r.thread"
)

GET_RUN = _STORED_RUN + " WHERE r.id = %(run_id)s AND t.thread_id = %(thread_id)s AND t.tenant = %(tenant)s"

LIST_RUNS = (
    _STORED_RUN
    + """
WHERE t.thread_id = %(thread_id)s AND t.tenant = %(tenant)s AND (%(status)s::text IS NULL OR r.status = %(status)s)
ORDER BY r.id DESC LIMIT %(limit)s OFFSET %(offset)s"""
)

DELETE_RUN = """
DELETE FROM agent_runs WHERE id = %(run_id)s AND tenant = %(tenant)s AND status NOT IN ('pending', 'running')"""

# Waits of a run that ended are never resumed. A thread that has a run left goes on with it; without one, a run that
# has stored nothing leaves it as it was.
CANCEL_RUNS = (
    """
WITH moved AS (
    UPDATE agent_runs r SET status = 'interrupted', ended_at = now(), updated_at = now(), step_due_at = NULL
    WHERE r.tenant = %(tenant)s AND r.status IN ('pending', 'running') AND r.id = ANY(%(run_ids)s)
    RETURNING r.*, NULL::text AS waiting_for, NULL::text AS thread_status, """
    + _ANSWERED
    + """ AS asked
), closed AS (
    UPDATE agent_waits w SET resumed_at = now() FROM moved
    WHERE w.run_id = moved.id AND w.resumed_at IS NULL
)"""
    + _RELEASE_THREAD
    + _EVENTS_OF_MOVED
    + """
SELECT (SELECT coalesce(jsonb_agg(id), '[]') FROM moved) AS run_ids,
       (SELECT coalesce(jsonb_agg(thread), '[]') FROM follower) AS to_go_on, """
    + EVENTS_COLUMN
)

RUNS_TO_CANCEL = """
SELECT r.id FROM agent_runs r JOIN agent_threads t ON t.id = r.thread
WHERE r.tenant = %(tenant)s AND r.status = ANY(%(statuses)s)
  AND (%(thread_id)s::uuid IS NULL OR t.thread_id = %(thread_id)s)
  AND (%(run_ids)s::uuid[] IS NULL OR r.id = ANY(%(run_ids)s))
ORDER BY r.id LIMIT %(limit)s"""

# Whoever creates, claims or ends a run holds its thread first: what follows in the same transaction sees what the one
# before it did.
HOLD_THREAD = "SELECT id FROM agent_threads WHERE id = %(thread)s FOR UPDATE"

HOLD_THREADS = """
SELECT id FROM agent_threads WHERE tenant = %(tenant)s AND thread_id = ANY(%(thread_ids)s) ORDER BY id FOR UPDATE"""

# A checkpoint that is being stored holds its run: who holds it next sees that checkpoint.
HOLD_RUNS = """
SELECT id FROM agent_runs WHERE id = ANY(%(run_ids)s) AND tenant = %(tenant)s ORDER BY id FOR NO KEY UPDATE"""

HOLD_THREADS_OF_RUNS = """
SELECT id FROM agent_threads
WHERE id IN (SELECT thread FROM agent_runs WHERE id = ANY(%(run_ids)s)) AND tenant = %(tenant)s
ORDER BY id FOR UPDATE"""

# What an agent reads of jobs.
_AWAITED = """jsonb_build_object('job_id', j.id, 'card_id', j.card_id, 'status', j.status, 'error_code', j.error_code,
                       'error_message', j.error_message)"""

JOBS = """
SELECT j.id AS job_id, j.card_id, j.status, j.error_code, j.error_message
FROM generation_jobs j WHERE j.id = ANY(%(job_ids)s) AND j.tenant = %(tenant)s
ORDER BY array_position(%(job_ids)s, j.id)"""

# The thread is held. Its running run is next, and only if it does not sleep; without one, the oldest that waits for its
# turn. Whoever claims a step takes over from whoever had one before.
CLAIM_STEP = (
    """
WITH candidate AS (
    SELECT r.id, r.status, w.interrupt_id, w.woken_by, w.job_ids, w.id AS wait_id, w.woken_at
    FROM agent_runs r
    LEFT JOIN LATERAL (
        SELECT * FROM agent_waits a WHERE a.run_id = r.id AND a.resumed_at IS NULL ORDER BY a.id DESC LIMIT 1
    ) w ON true
    WHERE r.thread = %(thread)s
      AND (r.status = 'running' OR (r.status = 'pending' AND (r.not_before IS NULL OR r.not_before <= now())))
    ORDER BY (r.status = 'running') DESC, r.id LIMIT 1
), moved AS (
    UPDATE agent_runs r
    SET status = 'running', step = r.step + 1, attempts = r.attempts + 1, updated_at = now(),
        step_due_at = now() + make_interval(secs => %(step_seconds)s)
    FROM candidate c
    WHERE r.id = c.id AND (c.wait_id IS NULL OR c.woken_at IS NOT NULL)
    RETURNING r.*, NULL::text AS waiting_for, c.status AS status_before, c.interrupt_id, c.woken_by, c.job_ids
), busy AS (
    UPDATE agent_threads t SET status = 'busy', pruned_at = NULL FROM moved
    WHERE t.id = moved.thread AND t.status <> 'busy'
), change AS (
    SELECT 1::bigint AS n, %(event_id)s::uuid AS event_id, 'agent.run.updated' AS topic, r.tenant, r.project_id,
           NULL::uuid AS card_id, r.correlation_id,
           jsonb_build_object('thread_id', t.thread_id, 'run_id', r.id, 'assistant_id', r.assistant_id,
                              'status', r.status, 'waiting_for', r.waiting_for, 'error_code', r.error_code) AS data
    FROM moved r JOIN agent_threads t ON t.id = r.thread
    WHERE r.project_id IS NOT NULL AND r.status_before = 'pending'
)"""
    + APPEND_EVENTS
    + """
SELECT r.id AS run_id, r.thread, t.thread_id, r.tenant, r.project_id, r.assistant_id, r.input, r.command, r.step,
       r.attempts, r.begun, r.correlation_id, r.created_by, r.user_name, r.interrupt_id, r.woken_by,
       (SELECT coalesce(jsonb_agg("""
    + _AWAITED
    + """ ORDER BY array_position(r.job_ids, j.id)), '[]')
        FROM generation_jobs j WHERE j.id = ANY(r.job_ids) AND j.tenant = r.tenant) AS jobs, """
    + EVENTS_COLUMN
    + """
FROM moved r JOIN agent_threads t ON t.id = r.thread"""
)

# Every end of a step is guarded by its number: what was cancelled or taken over stays as it is.
HAND_ON = """
WITH moved AS (
    UPDATE agent_runs
    SET attempts = 0, begun = true, usage = coalesce(%(usage)s, usage), updated_at = now(),
        step_due_at = now() + make_interval(secs => %(overdue_seconds)s)
    WHERE id = %(run_id)s AND step = %(step)s AND status = 'running'
    RETURNING id
), closed AS (
    UPDATE agent_waits w SET resumed_at = now() FROM moved
    WHERE w.run_id = moved.id AND w.resumed_at IS NULL AND w.woken_at IS NOT NULL
)
SELECT id FROM moved"""

SLEEP = (
    """
WITH moved AS (
    UPDATE agent_runs
    SET attempts = 0, begun = true, usage = coalesce(%(usage)s, usage), updated_at = now(), step_due_at = NULL
    WHERE id = %(run_id)s AND step = %(step)s AND status = 'running'
    RETURNING *, 'jobs' AS waiting_for
), closed AS (
    UPDATE agent_waits w SET resumed_at = now() FROM moved
    WHERE w.run_id = moved.id AND w.resumed_at IS NULL AND w.interrupt_id <> %(interrupt_id)s
), wait AS (
    INSERT INTO agent_waits (id, run_id, tenant, interrupt_id, job_ids, mode, needed, deadline_at)
    SELECT %(wait_id)s, moved.id, moved.tenant, %(interrupt_id)s, %(job_ids)s, %(mode)s, %(needed)s, %(deadline_at)s
    FROM moved
    ON CONFLICT (run_id, interrupt_id) DO NOTHING
)"""
    + _EVENTS_OF_MOVED
    + "SELECT moved.id, "
    + EVENTS_COLUMN
    + " FROM moved"
)

FINISH = (
    """
WITH moved AS (
    UPDATE agent_runs r
    SET status = %(status)s, begun = true, ended_at = now(), updated_at = now(), step_due_at = NULL,
        usage = coalesce(%(usage)s, r.usage), error_code = %(error_code)s, error_message = %(error_message)s
    WHERE r.id = %(run_id)s AND r.step = %(step)s AND r.status = 'running'
    RETURNING r.*, %(waiting_for)s::text AS waiting_for, %(thread_status)s AS thread_status,
              coalesce(%(asked)s::jsonb, """
    + _ANSWERED
    + """) AS asked
), closed AS (
    UPDATE agent_waits w SET resumed_at = now() FROM moved
    WHERE w.run_id = moved.id AND w.resumed_at IS NULL
)"""
    + _RELEASE_THREAD
    + _EVENTS_OF_MOVED
    + """
SELECT moved.id, EXISTS (SELECT FROM follower) AS followed, """
    + EVENTS_COLUMN
    + " FROM moved"
)

# A set is complete when so many of its jobs are no longer live: ended, or deleted with their card. Truth is the jobs'
# rows, whatever messages said, so nothing can be early, late or twice; and the guard lets one statement wake a set.
_WAKE = """
, held AS MATERIALIZED (
    SELECT id FROM agent_runs WHERE id IN (SELECT run_id FROM sleeping) AND status = 'running'
    ORDER BY id FOR NO KEY UPDATE
), woken AS (
    UPDATE agent_waits w
    SET woken_at = now(),
        woken_by = CASE WHEN cardinality(w.job_ids) - live.jobs >= w.needed THEN 'jobs' ELSE 'deadline' END
    FROM sleeping s JOIN held ON held.id = s.run_id
    CROSS JOIN LATERAL (
        SELECT count(*) AS jobs FROM generation_jobs j
        WHERE j.id = ANY(s.job_ids) AND j.tenant = s.tenant AND j.status IN ('queued', 'processing')
    ) live
    WHERE w.id = s.id AND w.woken_at IS NULL AND w.resumed_at IS NULL
      AND (cardinality(w.job_ids) - live.jobs >= w.needed OR w.deadline_at <= now())
    RETURNING w.run_id
), moved AS (
    UPDATE agent_runs r SET step_due_at = now() + make_interval(secs => %(overdue_seconds)s), updated_at = now()
    FROM woken WHERE r.id = woken.run_id
    RETURNING r.*, NULL::text AS waiting_for
)"""
_WOKEN = (
    _WAKE
    + _EVENTS_OF_MOVED
    + """
SELECT (SELECT coalesce(jsonb_agg(jsonb_build_object('thread', thread, 'correlation_id', correlation_id)), '[]')
        FROM moved) AS woken, """
    + EVENTS_COLUMN
)

WAKE_FOR_JOBS = (
    """
WITH sleeping AS MATERIALIZED (
    SELECT id, run_id, tenant, job_ids FROM agent_waits
    WHERE job_ids && %(job_ids)s AND woken_at IS NULL AND resumed_at IS NULL ORDER BY id LIMIT %(limit)s
)"""
    + _WOKEN
)

WAKE_RUN = (
    """
WITH sleeping AS MATERIALIZED (
    SELECT id, run_id, tenant, job_ids FROM agent_waits
    WHERE run_id = %(run_id)s AND woken_at IS NULL AND resumed_at IS NULL
)"""
    + _WOKEN
)

# For what no message told: jobs that carry no thread, deadlines, lost events.
WAKE_DUE = (
    """
WITH sleeping AS MATERIALIZED (
    SELECT w.id, w.run_id, w.tenant, w.job_ids FROM agent_waits w
    WHERE w.woken_at IS NULL AND w.resumed_at IS NULL
      AND (w.deadline_at <= now() OR w.needed <= cardinality(w.job_ids) - (
          SELECT count(*) FROM generation_jobs j
          WHERE j.id = ANY(w.job_ids) AND j.tenant = w.tenant AND j.status IN ('queued', 'processing')))
    ORDER BY w.deadline_at LIMIT %(limit)s
)"""
    + _WOKEN
)

# Steps whose message was lost, or whose worker died for good. Touched, so that the next sweep leaves them alone. A run
# that waits for its turn is sent for by the end of the one before it.
TAKE_OVERDUE = """
WITH overdue AS (
    SELECT r.id FROM agent_runs r
    WHERE r.status IN ('pending', 'running') AND r.step_due_at < now()
      AND NOT EXISTS (SELECT FROM agent_runs o WHERE o.thread = r.thread AND o.id <> r.id
                      AND (o.status = 'running' OR (o.status = 'pending' AND o.id < r.id AND r.status = 'pending'
                                                    AND (o.not_before IS NULL OR o.not_before <= now()))))
    ORDER BY r.step_due_at LIMIT %(limit)s FOR UPDATE OF r SKIP LOCKED
)
UPDATE agent_runs r SET step_due_at = now() + make_interval(secs => %(overdue_seconds)s)
FROM overdue WHERE r.id = overdue.id
RETURNING r.thread, r.correlation_id"""

# A run that is to begin later leaves its thread idle until then, and needs it all the same.
_AT_REST = """t.status <> 'busy' AND NOT EXISTS (
          SELECT FROM agent_runs r WHERE r.thread = t.id AND r.status IN ('pending', 'running'))"""

# Asked for again after an hour: what was asked for may not have happened.
TAKE_PRUNABLE = f"""
WITH old AS (
    SELECT t.id FROM agent_threads t
    WHERE {_AT_REST} AND pruned_at IS NULL AND NOT ephemeral
      AND updated_at < now() - make_interval(hours => %(hours)s)
      AND (prune_asked_at IS NULL OR prune_asked_at < now() - interval '1 hour')
    ORDER BY updated_at LIMIT %(limit)s
), used AS (
    SELECT t.id FROM agent_threads t
    WHERE {_AT_REST} AND pruned_at IS NULL AND ephemeral
      AND updated_at < now() - CASE WHEN status = 'interrupted' THEN make_interval(hours => %(hours)s)
                                    ELSE make_interval(secs => %(ephemeral_seconds)s) END
      AND (prune_asked_at IS NULL OR prune_asked_at < now() - interval '1 hour')
    ORDER BY updated_at LIMIT %(limit)s
)
UPDATE agent_threads t SET prune_asked_at = now()
WHERE t.id IN (SELECT id FROM old UNION ALL SELECT id FROM used)
RETURNING t.id"""

MARK_PRUNED = "UPDATE agent_threads t SET pruned_at = now() WHERE t.id = %(thread)s AND " + _AT_REST

DELETE_EPHEMERAL = "DELETE FROM agent_threads t WHERE t.id = %(thread)s AND t.ephemeral AND " + _AT_REST

IS_AT_REST = "SELECT FROM agent_threads t WHERE t.id = %(thread)s AND " + _AT_REST

# Held against whoever cancels the run or takes its step over: after that, no tool and no checkpoint has an effect.
_HELD_STEP = """(
    SELECT r.id, r.thread FROM agent_runs r
    WHERE r.id = %(run_id)s AND r.step = %(step)s AND r.status = 'running' FOR NO KEY UPDATE
) held"""

BEGIN_TOOL_CALL = (
    "SELECT held.thread, c.result, c.job_ids FROM "
    + _HELD_STEP
    + """
LEFT JOIN tool_calls c ON c.run_id = %(thought_by)s AND c.turn = %(turn)s AND c.call_index = %(call_index)s"""
)

# An error where the step no longer counts, so that it goes out with what it guards, in one round trip.
FENCE = "SELECT 1 / count(*) FROM " + _HELD_STEP

NEWEST_CHECKPOINT = """
SELECT max(checkpoint_id) AS newest FROM checkpoints WHERE thread_id = %(thread)s AND checkpoint_ns = ''"""

RECORD_TOOL_CALL = """
INSERT INTO tool_calls (thread, run_id, turn, call_index, tool, result, job_ids)
VALUES (%(thread)s, %(thought_by)s, %(turn)s, %(call_index)s, %(tool)s, %(result)s, %(job_ids)s)"""


@dataclass(frozen=True, slots=True)
class RunSpec:
    """A run to be created in a locked thread."""

    thread: UUID
    project_id: UUID
    assistant_id: str
    input: dict[str, Any] | None
    command: dict[str, Any] | None
    kwargs: dict[str, Any]
    metadata: dict[str, Any]
    multitask_strategy: MultitaskStrategy
    after_seconds: float | None


@dataclass(frozen=True, slots=True)
class Step:
    """A claimed step of a run, and if it slept, the interrupt that is to be resumed and with what."""

    run_id: UUID
    thread: UUID
    thread_id: UUID
    tenant: str
    project_id: UUID | None
    assistant_id: str
    input: dict[str, Any] | None
    command: dict[str, Any] | None
    step: int
    attempts: int
    begun: bool
    correlation_id: str
    created_by: str
    user_name: str
    interrupt_id: str | None
    woken_by: Literal["jobs", "deadline"] | None
    jobs: list[dict[str, Any]]
    events: list[EventRow]


@dataclass(frozen=True, slots=True)
class Woken:
    """Threads whose runs can go on, with their correlation ids, and the events of that."""

    threads: list[tuple[UUID, str]]
    events: list[EventRow]


@dataclass(frozen=True, slots=True)
class Ended:
    """A run's end: whether another run of its thread is to follow, and the events."""

    followed: bool
    events: list[EventRow]


@dataclass(frozen=True, slots=True)
class WaitSpec:
    """A set of jobs to sleep for."""

    interrupt_id: str
    job_ids: list[UUID]
    mode: str
    needed: int
    deadline_at: datetime


@dataclass(frozen=True, slots=True)
class CallKey:
    """What names a tool call for good: the run that thought of it, its turn, and its number in the turn."""

    thought_by: UUID
    turn: int
    call_index: int


@dataclass(frozen=True, slots=True)
class BegunToolCall:
    """A tool call of a thread that may go on, or the result that it had before."""

    thread: UUID
    result: dict[str, Any] | None
    job_ids: list[UUID]


def create_thread(
    db: Database,
    tenant: str,
    thread_id: UUID,
    *,
    project_id: UUID | None,
    metadata: dict[str, Any],
    created_by: str,
    ephemeral: bool = False,
) -> StoredThread | None:
    """Create a thread; None if the tenant has one of this id."""
    row = db.execute(
        CREATE_THREAD,
        {
            "id": new_id(),
            "tenant": tenant,
            "thread_id": thread_id,
            "project_id": project_id,
            "metadata": json_parameter(metadata),
            "ephemeral": ephemeral,
            "created_by": created_by,
        },
    ).fetchone()
    return _thread(row) if row else None


def get_thread(db: Database, tenant: str, thread_id: UUID) -> StoredThread | None:
    """Read a thread of a tenant."""
    row = db.execute(GET_THREAD, {"tenant": tenant, "thread_id": thread_id}).fetchone()
    return _thread(row) if row else None


def lock_thread(db: Database, tenant: str, thread_id: UUID) -> StoredThread | None:
    """Read a thread and hold it against new runs and steps. Needs a transaction."""
    row = db.execute(LOCK_THREAD, {"tenant": tenant, "thread_id": thread_id}).fetchone()
    return _thread(row) if row else None


def update_thread(
    db: Database, tenant: str, thread_id: UUID, metadata: dict[str, Any], project_id: UUID | None
) -> StoredThread | None:
    """Set keys of a thread's metadata, and its project if one is given."""
    row = db.execute(
        UPDATE_THREAD,
        {
            "tenant": tenant,
            "thread_id": thread_id,
            "metadata": json_parameter(metadata),
            "project_id": project_id,
        },
    ).fetchone()
    return _thread(row) if row else None


def ask_nothing(db: Database, thread: UUID) -> None:
    """Note that nobody is asked anything any more in a held thread that has no active run."""
    db.execute(ASK_NOTHING, {"id": thread})


def hold_threads(db: Database, tenant: str, thread_ids: Sequence[UUID]) -> None:
    """Hold threads like `hold_thread`, all at once. Needs a transaction."""
    db.execute(HOLD_THREADS, {"tenant": tenant, "thread_ids": list(thread_ids)})


def delete_thread(db: Database, thread: UUID) -> None:
    """Delete a thread with its runs; its checkpoints are the checkpointer's to delete."""
    db.execute(DELETE_THREAD, {"id": thread})


def search_threads(db: Database, tenant: str, search: ThreadSearch) -> list[StoredThread]:
    """Read threads of a tenant."""
    column = "updated_at" if search.sort_by == "state_updated_at" else search.sort_by
    statement = SEARCH_THREADS[column, search.sort_order]
    return [_thread(row) for row in db.execute(statement, _search_parameters(tenant, search))]


def count_threads(db: Database, tenant: str, search: ThreadSearch) -> int:
    """Count threads of a tenant."""
    row = db.execute(COUNT_THREADS, _search_parameters(tenant, search)).fetchone()
    assert row is not None  # an aggregate always has a row
    count: int = row["threads"]
    return count


def _search_parameters(tenant: str, search: ThreadSearch) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "metadata": json_parameter(search.metadata),
        "ids": search.ids,
        "status": search.status,
        "limit": search.limit,
        "offset": search.offset,
    }


def project_exists(db: Database, tenant: str, project_id: UUID) -> bool:
    """Return whether a tenant has a project."""
    return db.execute(PROJECT_EXISTS, {"tenant": tenant, "project_id": project_id}).fetchone() is not None


def active_runs(db: Database, thread: UUID) -> list[UUID]:
    """Read the runs of a thread that have not ended, oldest first."""
    return [row["id"] for row in db.execute(ACTIVE_RUNS, {"thread": thread})]


def create_run(
    db: Database,
    tenant: str,
    spec: RunSpec,
    *,
    created_by: str,
    user_name: str,
    correlation_id: str,
    overdue_seconds: float,
) -> tuple[Run, list[EventRow]]:
    """Create a run in a locked thread."""
    row = db.execute(
        CREATE_RUN,
        {
            "id": new_id(),
            "thread": spec.thread,
            "tenant": tenant,
            "project_id": spec.project_id,
            "assistant_id": spec.assistant_id,
            "input": json_parameter(spec.input) if spec.input is not None else None,
            "command": json_parameter(spec.command) if spec.command is not None else None,
            "kwargs": json_parameter(spec.kwargs),
            "metadata": json_parameter(spec.metadata),
            "multitask_strategy": spec.multitask_strategy,
            "after_seconds": spec.after_seconds,
            "overdue_seconds": overdue_seconds,
            "correlation_id": correlation_id,
            "created_by": created_by,
            "user_name": user_name,
            "event_ids": event_ids(1),
        },
    ).fetchone()
    assert row is not None  # an insertion returns its row
    return _run(row).view, rows_of(row["events"])


def get_run(db: Database, tenant: str, thread_id: UUID, run_id: UUID) -> StoredRun | None:
    """Read a run of a thread."""
    row = db.execute(GET_RUN, {"tenant": tenant, "thread_id": thread_id, "run_id": run_id}).fetchone()
    return _run(row) if row else None


def list_runs(
    db: Database, tenant: str, thread_id: UUID, status: RunStatus | None, limit: int, offset: int
) -> list[Run]:
    """Read runs of a thread, newest first."""
    rows = db.execute(
        LIST_RUNS,
        {"tenant": tenant, "thread_id": thread_id, "status": status, "limit": limit, "offset": offset},
    )
    return [_run(row).view for row in rows]


def delete_run(db: Database, tenant: str, run_id: UUID) -> bool:
    """Delete a run that has ended; tell whether there was one."""
    return db.execute(DELETE_RUN, {"tenant": tenant, "run_id": run_id}).rowcount == 1


def runs_to_cancel(
    db: Database,
    tenant: str,
    *,
    thread_id: UUID | None,
    run_ids: list[UUID] | None,
    statuses: Sequence[RunStatus],
    limit: int,
) -> list[UUID]:
    """Find active runs of a tenant."""
    rows = db.execute(
        RUNS_TO_CANCEL,
        {"tenant": tenant, "thread_id": thread_id, "run_ids": run_ids, "statuses": list(statuses), "limit": limit},
    )
    return [row["id"] for row in rows]


def hold_threads_of_runs(db: Database, tenant: str, run_ids: Sequence[UUID]) -> None:
    """Hold the threads of runs like `hold_thread`. Needs a transaction."""
    db.execute(HOLD_THREADS_OF_RUNS, {"tenant": tenant, "run_ids": list(run_ids)})


def cancel_runs(db: Database, tenant: str, run_ids: Sequence[UUID]) -> Changed[Cancelled]:
    """End active runs of held threads; what their steps still do has no effect. Needs a transaction."""
    db.execute(HOLD_RUNS, {"tenant": tenant, "run_ids": list(run_ids)})
    row = db.execute(
        CANCEL_RUNS, {"tenant": tenant, "run_ids": list(run_ids), "event_ids": event_ids(len(run_ids))}
    ).fetchone()
    assert row is not None  # subqueries always make a row
    cancelled = Cancelled([UUID(one) for one in row["run_ids"]], [UUID(one) for one in row["to_go_on"]])
    return Changed(cancelled, rows_of(row["events"]))


def jobs(db: Database, tenant: str, job_ids: Sequence[UUID]) -> list[AwaitedJob]:
    """Read jobs of a tenant, in this order; unknown ones are left out."""
    rows = db.execute(JOBS, {"tenant": tenant, "job_ids": list(job_ids)})
    return [AwaitedJob.model_validate(row) for row in rows]


def hold_thread(db: Database, thread: UUID) -> None:
    """Hold a thread, if it exists, against new runs and steps. Needs a transaction."""
    db.execute(HOLD_THREAD, {"thread": thread})


def claim_step(db: Database, thread: UUID, step_seconds: float) -> Step | None:
    """Begin the next step of a held thread; None if there is nothing to do."""
    row = db.execute(CLAIM_STEP, {"thread": thread, "step_seconds": step_seconds, "event_id": new_id()}).fetchone()
    if row is None:
        return None
    return Step(**{name: value for name, value in row.items() if name != "events"}, events=rows_of(row["events"]))


def hand_on(db: Database, run_id: UUID, step: int, usage: Mapping[str, Any] | None, overdue_seconds: float) -> bool:
    """End a step well, with another to follow; tell whether it still counted."""
    row = db.execute(
        HAND_ON,
        {"run_id": run_id, "step": step, "usage": _usage(usage), "overdue_seconds": overdue_seconds},
    ).fetchone()
    return row is not None


def sleep(
    db: Database, run_id: UUID, step: int, usage: Mapping[str, Any] | None, wait: WaitSpec
) -> list[EventRow] | None:
    """End a step well, to sleep for jobs; None if it no longer counted."""
    row = db.execute(
        SLEEP,
        {
            "run_id": run_id,
            "step": step,
            "usage": _usage(usage),
            "wait_id": new_id(),
            "interrupt_id": wait.interrupt_id,
            "job_ids": wait.job_ids,
            "mode": wait.mode,
            "needed": wait.needed,
            "deadline_at": wait.deadline_at,
            "event_ids": event_ids(1),
        },
    ).fetchone()
    return rows_of(row["events"]) if row else None


def finish(
    db: Database,
    run_id: UUID,
    step: int,
    *,
    status: RunStatus,
    usage: Mapping[str, Any] | None,
    error_code: str | None = None,
    error_message: str | None = None,
    asked: dict[str, Any] | None = None,
) -> Ended | None:
    """End a run; None if it no longer counted.

    `asked` is what a person has to answer for another run to go on. A run that ends well and asks nothing leaves
    nothing asked; one that fails leaves what was asked before, unless it has stored something.
    """
    row = db.execute(
        FINISH,
        {
            "run_id": run_id,
            "step": step,
            "status": status,
            "usage": _usage(usage),
            "error_code": error_code,
            "error_message": error_message,
            "waiting_for": "approval" if asked else None,
            "thread_status": "interrupted" if asked else "idle" if status == "success" else "error",
            "asked": None if status == "error" else json_parameter(asked or {}),
            "event_ids": event_ids(1),
        },
    ).fetchone()
    return Ended(row["followed"], rows_of(row["events"])) if row else None


def wake_for_jobs(db: Database, job_ids: Sequence[UUID], overdue_seconds: float, limit: int) -> Woken:
    """Wake the sets that these jobs' ends completed."""
    return _woken(
        db.execute(
            WAKE_FOR_JOBS,
            {
                "job_ids": list(job_ids),
                "overdue_seconds": overdue_seconds,
                "limit": limit,
                "event_ids": event_ids(limit),
            },
        ).fetchone()
    )


def wake_run(db: Database, run_id: UUID, overdue_seconds: float) -> Woken:
    """Wake a run whose set is complete already."""
    return _woken(
        db.execute(
            WAKE_RUN, {"run_id": run_id, "overdue_seconds": overdue_seconds, "event_ids": event_ids(1)}
        ).fetchone()
    )


def wake_due(db: Database, overdue_seconds: float, limit: int) -> Woken:
    """Wake sets that are complete or past their deadline."""
    return _woken(
        db.execute(
            WAKE_DUE, {"overdue_seconds": overdue_seconds, "limit": limit, "event_ids": event_ids(limit)}
        ).fetchone()
    )


def take_overdue(db: Database, overdue_seconds: float, limit: int) -> list[tuple[UUID, str]]:
    """Take threads whose next step did not happen in time, with their correlation ids."""
    rows = db.execute(TAKE_OVERDUE, {"overdue_seconds": overdue_seconds, "limit": limit})
    return [(row["thread"], row["correlation_id"]) for row in rows]


def take_prunable(db: Database, hours: int, ephemeral_seconds: float, limit: int) -> list[UUID]:
    """Take threads that have been idle for so long that their old checkpoints can go."""
    rows = db.execute(TAKE_PRUNABLE, {"hours": hours, "ephemeral_seconds": ephemeral_seconds, "limit": limit})
    return [row["id"] for row in rows]


def mark_pruned(db: Database, thread: UUID) -> None:
    """Note that of an idle thread only the last checkpoint is left."""
    db.execute(MARK_PRUNED, {"thread": thread})


def delete_ephemeral(db: Database, thread: UUID) -> bool:
    """Delete a thread that was made for one run, unless it has one left; tell whether it was."""
    return db.execute(DELETE_EPHEMERAL, {"thread": thread}).rowcount == 1


def is_at_rest(db: Database, thread: UUID) -> bool:
    """Return whether a thread exists and has no run that is at work or to come."""
    return db.execute(IS_AT_REST, {"thread": thread}).fetchone() is not None


def begin_tool_call(db: Database, run_id: UUID, step: int, key: CallKey) -> BegunToolCall | None:
    """Hold a run for a tool's effect; None if the step no longer counts. Needs a transaction."""
    row = db.execute(BEGIN_TOOL_CALL, {"run_id": run_id, "step": step} | asdict(key)).fetchone()
    return BegunToolCall(row["thread"], row["result"], row["job_ids"] or []) if row else None


def record_tool_call(
    db: Database, thread: UUID, key: CallKey, *, tool: str, result: dict[str, Any], job_ids: list[UUID]
) -> None:
    """Store what a tool did, beside its effect."""
    parameters = {"thread": thread, "tool": tool, "result": json_parameter(result), "job_ids": job_ids}
    db.execute(RECORD_TOOL_CALL, parameters | asdict(key))


def newest_checkpoint(db: Database, thread: UUID) -> str | None:
    """Read the id of a thread's newest checkpoint, and no more than that."""
    row = db.execute(NEWEST_CHECKPOINT, {"thread": str(thread)}).fetchone()
    newest: str | None = row["newest"] if row else None
    return newest


def _usage(usage: Mapping[str, Any] | None) -> Any:
    return None if usage is None else json_parameter({key: n for key, n in usage.items() if key != "run_id"})


def _thread(row: dict[str, Any]) -> StoredThread:
    return StoredThread(row["id"], row["project_id"], Thread.model_validate(row))


def _run(row: dict[str, Any]) -> StoredRun:
    error = {"code": row["error_code"], "message": row["error_message"]} if row["error_code"] else None
    return StoredRun(Run.model_validate(row | {"error": error}), row["input"], row["command"])


def _woken(row: dict[str, Any] | None) -> Woken:
    assert row is not None  # subqueries always make a row
    return Woken([(UUID(one["thread"]), one["correlation_id"]) for one in row["woken"]], rows_of(row["events"]))
