"""SQL of jobs: every move is one guarded statement that also appends its event."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from callboard.database import Database, json_parameter
from callboard.events.models import EventRow
from callboard.events.repository import APPEND_EVENTS, EVENTS_COLUMN, event_ids, rows_of
from callboard.jobs.models import Job, JobFilter
from callboard.providers.models import ErrorCode, Provider, provider_of

# The tail of every statement that moves jobs: its head leaves them in a CTE `moved`.
_EVENTS_OF_MOVED = (
    """
, change AS (
    SELECT row_number() OVER (ORDER BY j.id) AS n,
           (%(event_ids)s::uuid[])[row_number() OVER (ORDER BY j.id)] AS event_id,
           'job.status.updated' AS topic, j.tenant, j.project_id, j.card_id, j.correlation_id,
           jsonb_build_object(
               'job_id', j.id, 'card_id', j.card_id, 'status', j.status, 'provider', j.provider,
               'result_key', j.result_url, 'media_type', j.media_type, 'error_code', j.error_code,
               'error_message', j.error_message, 'progress', j.progress, 'attempt', j.attempt,
               'cancel_requested', j.cancel_requested, 'retry_of', j.retry_of, 'thread_id', j.thread_id,
               'timestamp', now()) AS data
    FROM moved j
)"""
    + APPEND_EVENTS
)
_JOBS_AND_EVENTS = (
    "SELECT (SELECT coalesce(jsonb_agg(to_jsonb(moved) ORDER BY moved.id), '[]') FROM moved) AS jobs, " + EVENTS_COLUMN
)

# One statement for one job or many: either all are accepted, with their idempotency key and their events, or nothing
# is. The key's upsert waits for a request with the same key that is under way, and then tells its jobs. Projects and
# cards are locked as the foreign keys would do later, but in the order of all changes of the board
# (projects/repository.py): a card that is being deleted is waited for, and then unknown.
CREATE = (
    """
WITH wanted AS (
    SELECT w.* FROM ROWS FROM (jsonb_to_recordset(%(jobs)s) AS (
        id uuid, card_id uuid, provider text, params jsonb, priority integer, run_after timestamptz,
        deadline_seconds integer, on_unknown text, retry_of uuid
    )) WITH ORDINALITY
        AS w(id, card_id, provider, params, priority, run_after, deadline_seconds, on_unknown, retry_of, n)
), project AS MATERIALIZED (
    SELECT id FROM projects
    WHERE id IN (SELECT project_id FROM task_cards WHERE id IN (SELECT card_id FROM wanted) AND tenant = %(tenant)s)
    ORDER BY id FOR KEY SHARE
), card AS MATERIALIZED (
    SELECT id, project_id FROM task_cards
    WHERE id IN (SELECT card_id FROM wanted) AND tenant = %(tenant)s AND project_id IN (SELECT id FROM project)
    ORDER BY id FOR KEY SHARE
), resolved AS (
    SELECT w.*, c.project_id, p.name AS known_provider
    FROM wanted w
    LEFT JOIN card c ON c.id = w.card_id
    LEFT JOIN providers p ON p.name = w.provider AND p.enabled
), verdict AS (
    SELECT bool_and(project_id IS NOT NULL AND known_provider IS NOT NULL) AS acceptable,
           array_agg(DISTINCT card_id) FILTER (WHERE project_id IS NULL) AS unknown_cards,
           array_agg(DISTINCT provider) FILTER (WHERE known_provider IS NULL) AS unknown_providers
    FROM resolved
), key AS (
    INSERT INTO idempotency_keys AS k (tenant, caller, scope, key, request_hash, job_ids)
    SELECT %(tenant)s, %(caller)s, %(scope)s, %(key)s::text, %(request_hash)s, %(job_ids)s
    FROM verdict WHERE acceptable AND %(key)s::text IS NOT NULL
    ON CONFLICT (tenant, caller, scope, key) DO UPDATE SET uses = k.uses + 1
    RETURNING request_hash, job_ids
), moved AS (
    INSERT INTO generation_jobs (id, tenant, project_id, card_id, provider, params, priority, run_after, deadline_at,
                                 on_unknown, retry_of, thread_id, correlation_id, created_by)
    SELECT r.id, %(tenant)s, r.project_id, r.card_id, r.provider, r.params, r.priority, coalesce(r.run_after, now()),
           now() + make_interval(secs => r.deadline_seconds), r.on_unknown, r.retry_of, %(thread_id)s::text,
           %(correlation_id)s, %(caller)s
    FROM resolved r, verdict
    WHERE verdict.acceptable AND coalesce((SELECT key.job_ids = %(job_ids)s FROM key), true)
    ORDER BY r.n
    RETURNING *
)"""
    + _EVENTS_OF_MOVED
    + """
SELECT verdict.acceptable, verdict.unknown_cards, verdict.unknown_providers,
       key.request_hash, key.job_ids AS first_job_ids, (SELECT count(*) FROM moved) AS created,
       (SELECT count(*) FROM event) AS events
FROM verdict LEFT JOIN key ON true"""
)

JOB_COLUMNS: Final = """
    id, tenant, project_id, card_id, provider, status, params, priority, run_after, deadline_at, on_unknown,
    attempt, failures, progress, cancel_requested, retry_of, result_url, media_type, error_code, error_message,
    thread_id, correlation_id, created_by, created_at, started_at, completed_at"""

GET = "SELECT " + JOB_COLUMNS + " FROM generation_jobs WHERE id = %(job_id)s AND tenant = %(tenant)s"

# One statement for what narrows a list most. A range and an order that only its index has say which index that is: by
# equality, the planner would also walk all newer jobs of everybody.
_LIST = "SELECT " + JOB_COLUMNS + " FROM generation_jobs WHERE (%(before)s::uuid IS NULL OR id < %(before)s)"
_OF_STATUS = " AND (%(status)s::text IS NULL OR status = %(status)s)"
LIST_BY = {
    "card_id": _LIST
    + _OF_STATUS
    + """
  AND tenant = %(tenant)s AND (%(project_id)s::uuid IS NULL OR project_id = %(project_id)s)
  AND card_id BETWEEN %(card_id)s AND %(card_id)s
ORDER BY card_id, id DESC LIMIT %(limit)s""",
    "project_id": _LIST
    + _OF_STATUS
    + """
  AND tenant = %(tenant)s AND project_id BETWEEN %(project_id)s AND %(project_id)s
ORDER BY project_id, id DESC LIMIT %(limit)s""",
    "status": _LIST
    + """
  AND tenant BETWEEN %(tenant)s AND %(tenant)s AND status BETWEEN %(status)s AND %(status)s
ORDER BY tenant, status, id DESC LIMIT %(limit)s""",
    "tenant": _LIST
    + """
  AND tenant BETWEEN %(tenant)s AND %(tenant)s
ORDER BY tenant, id DESC LIMIT %(limit)s""",
}

# Claimers take turns, so that limits hold exactly: the claim that follows in the same transaction sees what the one
# before it took. NO KEY, because a job being created holds a key share of its provider's row.
LOCK_PROVIDERS = "SELECT * FROM providers WHERE enabled ORDER BY name FOR NO KEY UPDATE"

# Cost: one index probe a tenant with waiting jobs, and at most `limit` rows of each; the length of the queue and the
# history do not matter. Tenants take turns by how much each has under way; a provider that was paused is probed by
# one job, and held back for a moment more while that one is on its way.
CLAIM = (
    """
WITH RECURSIVE waiting (provider, tenant) AS (
    (SELECT provider, tenant FROM generation_jobs WHERE status = 'queued' ORDER BY provider, tenant LIMIT 1)
    UNION ALL
    SELECT following.provider, following.tenant
    FROM waiting w CROSS JOIN LATERAL (
        SELECT j.provider, j.tenant FROM generation_jobs j
        WHERE j.status = 'queued' AND (j.provider, j.tenant) > (w.provider, w.tenant)
        ORDER BY j.provider, j.tenant LIMIT 1
    ) following
), under_way AS (
    SELECT provider, tenant, count(*) AS jobs FROM generation_jobs WHERE status = 'processing' GROUP BY provider, tenant
), room AS (
    SELECT w.provider, w.tenant, coalesce(u.jobs, 0) AS tenant_jobs,
           p.max_in_flight_per_tenant - coalesce(u.jobs, 0) AS tenant_room,
           CASE WHEN p.pauses > 0 THEN 1
                ELSE p.max_in_flight - (SELECT coalesce(sum(jobs), 0) FROM under_way o WHERE o.provider = w.provider)
           END AS provider_room
    FROM waiting w
    JOIN providers p ON p.name = w.provider AND p.enabled AND (p.paused_until IS NULL OR p.paused_until <= now())
    LEFT JOIN under_way u ON u.provider = w.provider AND u.tenant = w.tenant
), candidate AS (
    SELECT j.id, r.provider, r.provider_room, j.priority,
           r.tenant_jobs + row_number() OVER (PARTITION BY r.provider, r.tenant ORDER BY j.priority DESC, j.id) AS turn
    FROM room r CROSS JOIN LATERAL (
        SELECT q.id, q.priority FROM generation_jobs q
        WHERE q.status = 'queued' AND q.provider = r.provider AND q.tenant = r.tenant
          AND q.run_after <= now() AND q.deadline_at > now()
        ORDER BY q.priority DESC, q.id
        LIMIT greatest(0, least(r.tenant_room, r.provider_room, %(limit)s))
        FOR UPDATE SKIP LOCKED
    ) j
), placed AS (
    SELECT *, row_number() OVER (PARTITION BY provider ORDER BY turn, priority DESC, id) AS place FROM candidate
), chosen AS (
    SELECT id FROM placed WHERE place <= provider_room ORDER BY turn, priority DESC, id LIMIT %(limit)s
), moved AS (
    UPDATE generation_jobs j
    SET status = 'processing', attempt = j.attempt + 1, started_at = coalesce(j.started_at, now()), progress = NULL
    FROM chosen WHERE j.id = chosen.id AND j.status = 'queued'
    RETURNING j.*
), attempt AS (
    INSERT INTO job_attempts (job_id, attempt, provider, lease_until)
    SELECT id, attempt, provider, now() + make_interval(secs => %(lease_seconds)s) FROM moved
), probed AS (
    UPDATE providers p SET paused_until = now() + make_interval(secs => %(lease_seconds)s)
    WHERE p.pauses > 0 AND p.name IN (SELECT provider FROM moved)
)"""
    + _EVENTS_OF_MOVED
    + _JOBS_AND_EVENTS
)

UPSERT_PROVIDERS = """
INSERT INTO providers AS p (name, kind, base_url, token_secret, webhook_secret, output_hosts, model_id, region,
                            output_bucket, max_in_flight, max_in_flight_per_tenant, max_attempts)
SELECT name, kind, base_url, token_secret, webhook_secret, coalesce(output_hosts, '{}'), model_id, region,
       output_bucket, max_in_flight, max_in_flight_per_tenant, max_attempts
FROM jsonb_to_recordset(%(providers)s) AS (
    name text, kind text, base_url text, token_secret text, webhook_secret text, output_hosts text[], model_id text,
    region text, output_bucket text, max_in_flight integer, max_in_flight_per_tenant integer, max_attempts integer)
ON CONFLICT (name) DO UPDATE SET
    kind = excluded.kind, base_url = excluded.base_url, token_secret = excluded.token_secret,
    webhook_secret = excluded.webhook_secret, output_hosts = excluded.output_hosts, model_id = excluded.model_id,
    region = excluded.region, output_bucket = excluded.output_bucket, enabled = true,
    max_in_flight = excluded.max_in_flight, max_in_flight_per_tenant = excluded.max_in_flight_per_tenant,
    max_attempts = excluded.max_attempts"""

# What is no longer configured takes no new jobs; its running ones end.
DISABLE_OTHER_PROVIDERS = "UPDATE providers SET enabled = false WHERE NOT name = ANY(%(names)s)"

# An accepted attempt that a callback settled first is left alone, and so is one that another attempt replaced.
RECORD_SUBMISSIONS = (
    """
WITH outcome AS (
    SELECT * FROM jsonb_to_recordset(%(outcomes)s) AS (
        job_id uuid, attempt integer, outcome text, provider_job_id text, error_code text, error_message text,
        delay_seconds double precision, pause_seconds double precision)
), attempt AS (
    UPDATE job_attempts a
    SET state = CASE o.outcome WHEN 'accepted' THEN 'submitted' WHEN 'unknown' THEN 'unknown' ELSE 'failed' END,
        provider_job_id = o.provider_job_id,
        submitted_at = CASE WHEN o.outcome = 'accepted' THEN now() END,
        check_seq = CASE WHEN o.outcome = 'accepted' THEN 1 ELSE a.check_seq END,
        next_check_at = CASE WHEN o.outcome = 'accepted' THEN now() + make_interval(secs => o.delay_seconds) END,
        lease_until = CASE WHEN o.outcome = 'unknown' THEN now() END,
        error_class = o.error_code, error_message = o.error_message,
        ended_at = CASE WHEN o.outcome NOT IN ('accepted', 'unknown') THEN now() END
    FROM outcome o
    WHERE a.job_id = o.job_id AND a.attempt = o.attempt AND a.state IN ('submitting', 'unknown')
    RETURNING a.job_id, a.attempt, a.provider, o.outcome, o.error_code, o.error_message, o.delay_seconds,
              o.pause_seconds
), provider AS (
    UPDATE providers p
    SET pauses = CASE WHEN pause.seconds IS NULL THEN 0 ELSE p.pauses + 1 END,
        paused_until = CASE WHEN pause.seconds IS NULL THEN NULL
                            ELSE now() + make_interval(secs => least(%(max_pause_seconds)s,
                                                                     pause.seconds * power(2, least(p.pauses, 16)))) END
    FROM (
        SELECT provider, max(pause_seconds) AS seconds FROM attempt
        WHERE outcome IN ('accepted', 'paused') GROUP BY provider
    ) pause
    WHERE p.name = pause.provider AND (pause.seconds IS NOT NULL OR p.pauses > 0)
    RETURNING p.name, p.paused_until
), moved AS (
    UPDATE generation_jobs j
    SET status = CASE WHEN a.outcome = 'rejected' THEN 'failed'
                      WHEN j.cancel_requested THEN 'cancelled' ELSE 'queued' END,
        failures = j.failures + (a.outcome IN ('rejected', 'retry'))::integer,
        run_after = CASE WHEN a.outcome = 'paused' THEN p.paused_until
                         ELSE now() + make_interval(secs => coalesce(a.delay_seconds, 0)) END,
        error_code = CASE WHEN a.outcome = 'rejected' THEN a.error_code END,
        error_message = CASE WHEN a.outcome = 'rejected' THEN a.error_message END,
        completed_at = CASE WHEN a.outcome = 'rejected' OR j.cancel_requested THEN now() END
    FROM attempt a LEFT JOIN provider p ON p.name = a.provider
    WHERE j.id = a.job_id AND j.attempt = a.attempt AND j.status = 'processing'
      AND a.outcome IN ('rejected', 'retry', 'paused')
    RETURNING j.*
)"""
    + _EVENTS_OF_MOVED
    + _JOBS_AND_EVENTS
)

# A message counts when its number is the attempt's; one without a number asks for a check now. The claim moves the
# number on, so that no older message counts, and is itself a lease: past next_check_at the sweep takes over.
CLAIM_CHECKS = """
WITH message AS (
    SELECT DISTINCT ON (job_id, attempt) job_id, attempt, seq
    FROM jsonb_to_recordset(%(messages)s) AS (job_id uuid, attempt integer, seq integer)
    ORDER BY job_id, attempt, seq NULLS FIRST
), claimed AS (
    UPDATE job_attempts a
    SET check_seq = a.check_seq + 1, next_check_at = now() + make_interval(secs => %(lease_seconds)s)
    FROM message m
    WHERE a.job_id = m.job_id AND a.attempt = m.attempt AND a.state = 'submitted'
      AND (m.seq IS NULL OR m.seq = a.check_seq)
    RETURNING a.*
)
SELECT c.job_id, c.attempt, c.check_seq, c.provider_job_id, c.output_failures, c.cancel_sent_at, c.report,
       c.submitted_at, to_jsonb(j) AS job, to_jsonb(p) AS provider
FROM claimed c
JOIN generation_jobs j ON j.id = c.job_id
JOIN providers p ON p.name = c.provider
ORDER BY c.job_id"""

RECORD_CHECKS = (
    """
WITH outcome AS (
    SELECT * FROM jsonb_to_recordset(%(outcomes)s) AS (
        job_id uuid, attempt integer, seq integer, outcome text, delay_seconds double precision, progress real,
        cancel_sent boolean, output_failed boolean, object_key text, media_type text, output_bytes bigint,
        output_sha256 text, error_code text, error_message text, late_result jsonb)
), attempt AS (
    UPDATE job_attempts a
    SET state = CASE o.outcome WHEN 'running' THEN 'submitted' WHEN 'completed' THEN 'succeeded'
                               WHEN 'cancelled' THEN 'cancelled' WHEN 'abandoned' THEN 'abandoned' ELSE 'failed' END,
        next_check_at = CASE WHEN o.outcome = 'running' THEN now() + make_interval(secs => o.delay_seconds) END,
        cancel_sent_at = CASE WHEN o.cancel_sent THEN coalesce(a.cancel_sent_at, now()) ELSE a.cancel_sent_at END,
        output_failures = a.output_failures + coalesce(o.output_failed, false)::integer,
        late_result = coalesce(o.late_result, a.late_result),
        error_class = o.error_code, error_message = o.error_message,
        ended_at = CASE WHEN o.outcome <> 'running' THEN now() END
    FROM outcome o
    WHERE a.job_id = o.job_id AND a.attempt = o.attempt AND a.state = 'submitted'
      AND (o.outcome <> 'running' OR a.check_seq = o.seq)
), moved AS (
    UPDATE generation_jobs j
    SET status = CASE o.outcome WHEN 'completed' THEN 'completed' WHEN 'failed' THEN 'failed'
                                WHEN 'cancelled' THEN 'cancelled' WHEN 'running' THEN 'processing'
                                ELSE CASE WHEN j.cancel_requested THEN 'cancelled' ELSE 'queued' END END,
        progress = CASE WHEN o.outcome = 'completed' THEN 1 WHEN o.outcome = 'running' THEN o.progress END,
        failures = j.failures + (o.outcome IN ('failed', 'retry'))::integer,
        run_after = CASE WHEN o.outcome = 'retry' THEN now() + make_interval(secs => o.delay_seconds)
                         ELSE j.run_after END,
        result_url = o.object_key, media_type = o.media_type, output_bytes = o.output_bytes,
        output_sha256 = o.output_sha256,
        error_code = CASE WHEN o.outcome = 'failed' THEN o.error_code END,
        error_message = CASE WHEN o.outcome = 'failed' THEN o.error_message END,
        completed_at = CASE WHEN o.outcome IN ('completed', 'failed', 'cancelled')
                              OR (o.outcome = 'retry' AND j.cancel_requested) THEN now() END
    FROM outcome o
    WHERE j.id = o.job_id AND j.attempt = o.attempt AND j.status = 'processing' AND o.outcome <> 'abandoned'
      AND (o.outcome <> 'running' OR (o.progress IS NOT NULL AND o.progress IS DISTINCT FROM j.progress))
    RETURNING j.*
)"""
    + _EVENTS_OF_MOVED
    + _JOBS_AND_EVENTS
)

CANCEL = (
    """
WITH moved AS (
    UPDATE generation_jobs j
    SET status = CASE WHEN j.status = 'queued' THEN 'cancelled' ELSE j.status END,
        completed_at = CASE WHEN j.status = 'queued' THEN now() END,
        cancel_requested = true
    WHERE j.id = %(job_id)s AND j.tenant = %(tenant)s
      AND (j.status = 'queued' OR (j.status = 'processing' AND NOT j.cancel_requested))
    RETURNING j.*
)"""
    + _EVENTS_OF_MOVED
    + _JOBS_AND_EVENTS
)

EXPLAIN = """
SELECT j.status, j.attempt, j.run_after, j.deadline_at, j.cancel_requested, j.error_message, j.completed_at,
       p.name AS provider, p.enabled, p.paused_until, p.max_in_flight, p.max_in_flight_per_tenant,
       (SELECT count(*) FROM generation_jobs o WHERE o.status = 'processing' AND o.provider = j.provider) AS in_flight,
       (SELECT count(*) FROM generation_jobs o
        WHERE o.status = 'processing' AND o.provider = j.provider AND o.tenant = j.tenant) AS tenant_in_flight,
       (SELECT count(*) FROM generation_jobs o
        WHERE o.status = 'queued' AND o.provider = j.provider AND o.tenant = j.tenant AND o.run_after <= now()
          AND (o.priority > j.priority OR (o.priority = j.priority AND o.id < j.id))) AS ahead,
       a.state AS attempt_state, a.next_check_at
FROM generation_jobs j
JOIN providers p ON p.name = j.provider
LEFT JOIN job_attempts a ON a.job_id = j.id AND a.attempt = j.attempt
WHERE j.id = %(job_id)s AND j.tenant = %(tenant)s"""

# Not a tenant's query: a service reports, and proves by its signature that it may.
REPORTED_JOB = """
SELECT j.id, j.status, j.attempt, j.correlation_id, to_jsonb(p) AS provider
FROM generation_jobs j JOIN providers p ON p.name = j.provider
WHERE j.id = %(job_id)s"""

# A webhook that came before changes nothing. A report for an attempt whose submission was never confirmed confirms it.
RECORD_REPORT = """
WITH fresh AS (
    INSERT INTO received_webhooks (provider, webhook_id) VALUES (%(provider)s, %(webhook_id)s)
    ON CONFLICT DO NOTHING RETURNING 1 AS one
), reported AS (
    UPDATE job_attempts a
    SET report = CASE WHEN %(counts)s THEN %(report)s ELSE a.report END,
        submitted_at = coalesce(a.submitted_at, now()),
        check_seq = CASE WHEN a.state = 'submitted' THEN a.check_seq ELSE 1 END,
        next_check_at = CASE WHEN a.state = 'submitted' THEN a.next_check_at ELSE now() END,
        state = 'submitted', lease_until = NULL
    FROM generation_jobs j
    WHERE EXISTS (SELECT FROM fresh) AND j.id = a.job_id AND a.job_id = %(job_id)s AND a.attempt = %(attempt)s
      AND j.attempt = a.attempt AND j.status = 'processing' AND a.state IN ('submitting', 'unknown', 'submitted')
    RETURNING a.job_id
)
SELECT EXISTS (SELECT FROM fresh) AS fresh, EXISTS (SELECT FROM reported) AS counted"""

RECORD_LATE_RESULT = """
UPDATE job_attempts SET late_result = %(report)s
WHERE job_id = %(job_id)s AND attempt = %(attempt)s"""

ADOPT_CALLBACK = """
UPDATE job_attempts
SET provider_job_id = %(provider_job_id)s, state = 'submitted', submitted_at = now(), lease_until = NULL,
    check_seq = 1, next_check_at = now() + make_interval(secs => %(lease_seconds)s)
WHERE job_id = %(job_id)s AND attempt = %(attempt)s AND provider = %(provider)s
  AND state IN ('submitting', 'unknown')"""

PROVIDER = "SELECT * FROM providers WHERE name = %(name)s"

LOSE_SUBMISSIONS = """
WITH lost AS (
    SELECT job_id, attempt FROM job_attempts
    WHERE state = 'submitting' AND lease_until < now() ORDER BY lease_until LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
UPDATE job_attempts a SET state = 'unknown', lease_until = now()
FROM lost WHERE a.job_id = lost.job_id AND a.attempt = lost.attempt"""

UNKNOWN_SUBMISSIONS = """
SELECT a.job_id, a.attempt, j.on_unknown, j.status, to_jsonb(p) AS provider,
       a.created_at < now() - make_interval(secs => %(grace_seconds)s) AS settled
FROM job_attempts a
JOIN generation_jobs j ON j.id = a.job_id
JOIN providers p ON p.name = a.provider
WHERE a.state = 'unknown'
ORDER BY a.lease_until LIMIT %(limit)s"""

# Unknown submissions that the service does not list: looked at again later, or, where the caller said so and the
# service has had time to show it, left for another attempt.
RESUBMIT_UNKNOWN = (
    """
WITH given_up AS (
    UPDATE job_attempts a SET state = 'abandoned', ended_at = now()
    FROM jsonb_to_recordset(%(attempts)s) AS o(job_id uuid, attempt integer)
    WHERE a.job_id = o.job_id AND a.attempt = o.attempt AND a.state = 'unknown'
    RETURNING a.job_id, a.attempt
), moved AS (
    UPDATE generation_jobs j SET status = 'queued', run_after = now()
    FROM given_up g
    WHERE j.id = g.job_id AND j.attempt = g.attempt AND j.status = 'processing' AND j.on_unknown = 'resubmit'
      AND NOT j.cancel_requested
    RETURNING j.*
)"""
    + _EVENTS_OF_MOVED
    + _JOBS_AND_EVENTS
)

TOUCH_UNKNOWN = """
UPDATE job_attempts a SET lease_until = now()
FROM jsonb_to_recordset(%(attempts)s) AS o(job_id uuid, attempt integer)
WHERE a.job_id = o.job_id AND a.attempt = o.attempt AND a.state = 'unknown'"""

EXPIRE = (
    """
WITH due AS (
    SELECT id FROM generation_jobs
    WHERE status IN ('queued', 'processing') AND deadline_at <= now()
    ORDER BY deadline_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), attempt AS (
    UPDATE job_attempts a
    SET next_check_at = now(), state = CASE WHEN a.state = 'submitted' THEN 'submitted' ELSE 'abandoned' END,
        ended_at = CASE WHEN a.state = 'submitted' THEN NULL ELSE now() END
    FROM generation_jobs j
    WHERE j.id IN (SELECT id FROM due) AND a.job_id = j.id AND a.attempt = j.attempt
      AND a.state IN ('submitting', 'unknown', 'submitted')
    RETURNING a.job_id, a.attempt, a.check_seq, a.state
), moved AS (
    UPDATE generation_jobs j
    SET status = CASE WHEN j.cancel_requested THEN 'cancelled' ELSE 'failed' END,
        error_code = CASE WHEN j.cancel_requested THEN NULL
                          WHEN EXISTS (SELECT FROM attempt a WHERE a.job_id = j.id AND a.state = 'abandoned')
                          THEN 'submission_unknown' ELSE 'deadline' END,
        error_message = CASE WHEN j.cancel_requested THEN NULL
                             WHEN EXISTS (SELECT FROM attempt a WHERE a.job_id = j.id AND a.state = 'abandoned')
                             THEN 'It is not known whether the service took the job, and its deadline has passed.'
                             ELSE 'The deadline has passed.' END,
        completed_at = now()
    FROM due WHERE j.id = due.id AND j.status IN ('queued', 'processing')
    RETURNING j.*
)"""
    + _EVENTS_OF_MOVED
    + _JOBS_AND_EVENTS
)

OVERDUE_CHECKS = """
WITH overdue AS (
    SELECT job_id, attempt FROM job_attempts
    WHERE state = 'submitted' AND next_check_at < now() - make_interval(secs => %(overdue_seconds)s)
    ORDER BY next_check_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE job_attempts a SET next_check_at = now() + make_interval(secs => %(overdue_seconds)s)
FROM overdue WHERE a.job_id = overdue.job_id AND a.attempt = overdue.attempt
RETURNING a.job_id, a.attempt, a.check_seq"""

WAITING = """
SELECT id, correlation_id FROM generation_jobs
WHERE status = 'queued' AND run_after <= now() - make_interval(secs => %(overdue_seconds)s)
LIMIT %(limit)s"""

PRUNE_KEYS = """
WITH old AS (
    SELECT tenant, caller, scope, key FROM idempotency_keys
    WHERE created_at < now() - make_interval(hours => %(hours)s) ORDER BY created_at LIMIT %(limit)s
)
DELETE FROM idempotency_keys k USING old
WHERE (k.tenant, k.caller, k.scope, k.key) = (old.tenant, old.caller, old.scope, old.key)"""

# A replayed webhook is refused by its timestamp after five minutes; an hour is plenty.
PRUNE_WEBHOOKS = """
WITH old AS (
    SELECT provider, webhook_id FROM received_webhooks
    WHERE received_at < now() - interval '1 hour' ORDER BY received_at LIMIT %(limit)s
)
DELETE FROM received_webhooks w USING old WHERE (w.provider, w.webhook_id) = (old.provider, old.webhook_id)"""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A job to be created."""

    id: UUID
    card_id: UUID
    provider: str
    params: dict[str, Any]
    priority: int
    run_after: datetime | None
    deadline_seconds: int
    on_unknown: str
    retry_of: UUID | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the form that CREATE reads."""
        return {
            "id": str(self.id),
            "card_id": str(self.card_id),
            "provider": self.provider,
            "params": self.params,
            "priority": self.priority,
            "run_after": self.run_after.isoformat() if self.run_after else None,
            "deadline_seconds": self.deadline_seconds,
            "on_unknown": self.on_unknown,
            "retry_of": str(self.retry_of) if self.retry_of else None,
        }


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A caller's name for a request, where it was used, and a digest of what it asked."""

    key: str
    scope: str
    request_hash: str


@dataclass(frozen=True, slots=True)
class Creation:
    """What became of a request to create jobs."""

    unknown_cards: list[UUID]
    unknown_providers: list[str]
    first_request_hash: str | None
    first_job_ids: list[UUID]
    created: bool


@dataclass(frozen=True, slots=True)
class Moves:
    """Jobs that moved, as they are now, and the events of it."""

    jobs: list[Job]
    events: list[EventRow]


@dataclass(frozen=True, slots=True)
class Claim:
    """Jobs to submit, and all providers by name."""

    jobs: list[Job]
    providers: dict[str, Provider]


type SubmissionResult = Literal["accepted", "rejected", "retry", "paused", "unknown"]
type CheckResult = Literal["running", "completed", "failed", "retry", "cancelled", "abandoned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionOutcome:
    """What became of a submission; delays in seconds."""

    job_id: UUID
    attempt: int
    outcome: SubmissionResult
    provider_job_id: str | None = None
    error_code: ErrorCode | None = None
    error_message: str | None = None
    delay_seconds: float = 0.0
    pause_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOutcome:
    """What a check found; delays in seconds."""

    job_id: UUID
    attempt: int
    seq: int
    outcome: CheckResult
    delay_seconds: float = 0.0
    progress: float | None = None
    cancel_sent: bool = False
    output_failed: bool = False
    object_key: str | None = None
    media_type: str | None = None
    output_bytes: int | None = None
    output_sha256: str | None = None
    error_code: ErrorCode | None = None
    error_message: str | None = None
    late_result: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class DueCheck:
    """An attempt to be checked, with its job and its service."""

    job: Job
    provider: Provider
    attempt: int
    seq: int
    provider_job_id: str | None
    output_failures: int
    cancel_sent: bool
    report: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class UnknownSubmission:
    """An attempt of which nobody knows whether the service took it."""

    job_id: UUID
    attempt: int
    provider: Provider
    resubmit: bool
    settled: bool


@dataclass(frozen=True, slots=True)
class ReportedJob:
    """What a status report is about."""

    id: UUID
    status: str
    attempt: int
    correlation_id: str
    provider: Provider


@dataclass(frozen=True, slots=True)
class CheckTicket:
    """Names the one check message of an attempt that counts; without a number: check now."""

    job_id: UUID
    attempt: int
    seq: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the form that messages and CLAIM_CHECKS carry."""
        return {"job_id": str(self.job_id), "attempt": self.attempt, "seq": self.seq}


def _as_json(outcome: SubmissionOutcome | CheckOutcome) -> dict[str, Any]:
    values = {name: getattr(outcome, name) for name in type(outcome).__slots__}
    return values | {"job_id": str(outcome.job_id)}


def _moves(row: dict[str, Any] | None) -> Moves:
    if row is None:
        return Moves([], [])
    return Moves([Job.model_validate(job) for job in row["jobs"]], rows_of(row["events"]))


def create(
    db: Database,
    specs: Sequence[JobSpec],
    *,
    tenant: str,
    caller: str,
    correlation_id: str,
    thread_id: str | None,
    key: IdempotencyKey | None,
) -> Creation:
    """Create all of these jobs with their queued events, or none: one statement."""
    row = db.execute(
        CREATE,
        {
            "jobs": json_parameter([spec.as_json() for spec in specs]),
            "job_ids": [spec.id for spec in specs],
            "event_ids": event_ids(len(specs)),
            "tenant": tenant,
            "caller": caller,
            "correlation_id": correlation_id,
            "thread_id": thread_id,
            "key": key.key if key else None,
            "scope": key.scope if key else None,
            "request_hash": key.request_hash if key else None,
        },
    ).fetchone()
    assert row is not None  # an aggregate always has a row
    return Creation(
        unknown_cards=row["unknown_cards"] or [],
        unknown_providers=row["unknown_providers"] or [],
        first_request_hash=row["request_hash"],
        first_job_ids=row["first_job_ids"] or [],
        created=row["created"] == len(specs),
    )


def get(db: Database, tenant: str, job_id: UUID) -> Job | None:
    """Read a job of a tenant."""
    row = db.execute(GET, {"tenant": tenant, "job_id": job_id}).fetchone()
    return Job.model_validate(row) if row else None


def list_jobs(db: Database, tenant: str, job_filter: JobFilter, before: UUID | None, limit: int) -> list[Job]:
    """Read jobs of a tenant, newest first."""
    parameters = {"tenant": tenant, "before": before, "limit": limit, **dict(job_filter)}
    narrowest = next(name for name in LIST_BY if parameters[name] is not None)
    rows = db.execute(LIST_BY[narrowest], parameters)
    return [Job.model_validate(row) for row in rows]


def claim(db: Database, limit: int, lease_seconds: float) -> Claim:
    """Claim waiting jobs within all limits; needs a transaction of its own, which it makes exclusive for a moment."""
    locked = [provider_of(row) for row in db.execute(LOCK_PROVIDERS)]
    parameters = {"limit": limit, "lease_seconds": lease_seconds, "event_ids": event_ids(limit)}
    moves = _moves(db.execute(CLAIM, parameters).fetchone())
    return Claim(moves.jobs, {provider.name: provider for provider in locked})


def provider(db: Database, name: str) -> Provider | None:
    """Read one provider."""
    row = db.execute(PROVIDER, {"name": name}).fetchone()
    return provider_of(row) if row else None


def replace_providers(db: Database, configured: Sequence[dict[str, Any]]) -> None:
    """Make the providers those of the deployment; others take no more jobs."""
    db.execute(UPSERT_PROVIDERS, {"providers": json_parameter(list(configured))})
    db.execute(DISABLE_OTHER_PROVIDERS, {"names": [config["name"] for config in configured]})


def record_submissions(db: Database, outcomes: Sequence[SubmissionOutcome], max_pause_seconds: float) -> Moves:
    """Write down what became of submissions, all in one statement; pauses and probes of providers included."""
    return _moves(
        db.execute(
            RECORD_SUBMISSIONS,
            {
                "outcomes": json_parameter([_as_json(outcome) for outcome in outcomes]),
                "event_ids": event_ids(len(outcomes)),
                "max_pause_seconds": max_pause_seconds,
            },
        ).fetchone()
    )


def claim_checks(db: Database, tickets: Sequence[CheckTicket], lease_seconds: float) -> list[DueCheck]:
    """Claim attempts for a check; tickets that no longer count are dropped."""
    rows = db.execute(
        CLAIM_CHECKS,
        {"messages": json_parameter([ticket.as_json() for ticket in tickets]), "lease_seconds": lease_seconds},
    )
    return [
        DueCheck(
            job=Job.model_validate(row["job"]),
            provider=provider_of(row["provider"]),
            attempt=row["attempt"],
            seq=row["check_seq"],
            provider_job_id=row["provider_job_id"],
            output_failures=row["output_failures"],
            cancel_sent=row["cancel_sent_at"] is not None,
            report=row["report"],
        )
        for row in rows
    ]


def record_checks(db: Database, outcomes: Sequence[CheckOutcome]) -> Moves:
    """Write down what checks found, all in one statement."""
    return _moves(
        db.execute(
            RECORD_CHECKS,
            {
                "outcomes": json_parameter([_as_json(outcome) for outcome in outcomes]),
                "event_ids": event_ids(len(outcomes)),
            },
        ).fetchone()
    )


def cancel(db: Database, tenant: str, job_id: UUID) -> Moves:
    """Cancel a queued job or ask for the cancellation of a running one; nothing moves when there is nothing to do."""
    return _moves(db.execute(CANCEL, {"tenant": tenant, "job_id": job_id, "event_ids": event_ids(1)}).fetchone())


def explain(db: Database, tenant: str, job_id: UUID) -> dict[str, Any] | None:
    """Read what decides over a job's start."""
    return db.execute(EXPLAIN, {"tenant": tenant, "job_id": job_id}).fetchone()


def reported_job(db: Database, job_id: UUID) -> ReportedJob | None:
    """Read what a status report is about, whoever's it is: the signature decides."""
    row = db.execute(REPORTED_JOB, {"job_id": job_id}).fetchone()
    if row is None:
        return None
    return ReportedJob(row["id"], row["status"], row["attempt"], row["correlation_id"], provider_of(row["provider"]))


def record_report(
    db: Database, reported: ReportedJob, webhook_id: str, report: dict[str, Any], *, counts: bool
) -> tuple[bool, bool]:
    """Write down a report once; return whether it is new, and whether its attempt is one that it can move."""
    row = db.execute(
        RECORD_REPORT,
        {
            "provider": reported.provider.name,
            "webhook_id": webhook_id,
            "report": json_parameter(report),
            "counts": counts,
            "job_id": reported.id,
            "attempt": reported.attempt,
        },
    ).fetchone()
    assert row is not None  # a SELECT of EXISTS always has a row
    return row["fresh"], row["counted"]


def record_late_result(db: Database, job_id: UUID, attempt: int, report: dict[str, Any]) -> None:
    """Keep on the attempt what a service said after it no longer mattered."""
    db.execute(RECORD_LATE_RESULT, {"job_id": job_id, "attempt": attempt, "report": json_parameter(report)})


def adopt_callback(
    db: Database, provider_name: str, job_id: UUID, attempt: int, provider_job_id: str, lease_seconds: float
) -> bool:
    """Settle an attempt whose submission was never confirmed, by the id that a callback names."""
    return (
        db.execute(
            ADOPT_CALLBACK,
            {
                "provider": provider_name,
                "job_id": job_id,
                "attempt": attempt,
                "provider_job_id": provider_job_id,
                "lease_seconds": lease_seconds,
            },
        ).rowcount
        == 1
    )


def lose_submissions(db: Database, limit: int) -> int:
    """Mark attempts whose submitter died in the middle as unknown; return how many."""
    return db.execute(LOSE_SUBMISSIONS, {"limit": limit}).rowcount


def unknown_submissions(db: Database, grace_seconds: float, limit: int) -> list[UnknownSubmission]:
    """Read attempts that have to be settled, those looked at longest ago first."""
    rows = db.execute(UNKNOWN_SUBMISSIONS, {"grace_seconds": grace_seconds, "limit": limit})
    return [
        UnknownSubmission(
            row["job_id"],
            row["attempt"],
            provider_of(row["provider"]),
            resubmit=row["on_unknown"] == "resubmit",
            settled=row["settled"],
        )
        for row in rows
    ]


def resubmit_unknown(db: Database, attempts: Sequence[UnknownSubmission]) -> Moves:
    """Give up unknown attempts and queue their jobs again, where their callers said so."""
    return _moves(
        db.execute(
            RESUBMIT_UNKNOWN,
            {"attempts": json_parameter(_attempt_list(attempts)), "event_ids": event_ids(len(attempts))},
        ).fetchone()
    )


def touch_unknown(db: Database, attempts: Sequence[UnknownSubmission]) -> None:
    """Note that these were looked at, so that others come first next time."""
    db.execute(TOUCH_UNKNOWN, {"attempts": json_parameter(_attempt_list(attempts))})


def _attempt_list(attempts: Sequence[UnknownSubmission]) -> list[dict[str, Any]]:
    return [{"job_id": str(attempt.job_id), "attempt": attempt.attempt} for attempt in attempts]


def expire(db: Database, limit: int) -> Moves:
    """Fail jobs whose deadline has passed; their running attempts become due for a check, which ends them."""
    return _moves(db.execute(EXPIRE, {"limit": limit, "event_ids": event_ids(limit)}).fetchone())


def overdue_checks(db: Database, overdue_seconds: float, limit: int) -> list[CheckTicket]:
    """Take attempts whose check message got lost."""
    rows = db.execute(OVERDUE_CHECKS, {"overdue_seconds": overdue_seconds, "limit": limit})
    return [CheckTicket(row["job_id"], row["attempt"], row["check_seq"]) for row in rows]


def waiting(db: Database, overdue_seconds: float, limit: int) -> list[tuple[UUID, str]]:
    """Read a few jobs that could have started a while ago, with their correlation ids."""
    rows = db.execute(WAITING, {"overdue_seconds": overdue_seconds, "limit": limit})
    return [(row["id"], row["correlation_id"]) for row in rows]


def prune(db: Database, idempotency_hours: int, limit: int) -> int:
    """Delete idempotency keys and webhook ids past their time; return how many."""
    keys = db.execute(PRUNE_KEYS, {"hours": idempotency_hours, "limit": limit}).rowcount
    return keys + db.execute(PRUNE_WEBHOOKS, {"limit": limit}).rowcount
