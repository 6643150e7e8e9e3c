-- The board: projects hold activities, activities hold task cards. Every row carries its tenant, so that
-- every query can name it without a join.

CREATE TABLE projects (
    id          uuid PRIMARY KEY,
    tenant      text NOT NULL,
    name        text NOT NULL,
    description text NOT NULL DEFAULT '',
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX projects_by_tenant ON projects (tenant, id DESC);

CREATE TABLE activities (
    id         uuid PRIMARY KEY,
    tenant     text NOT NULL,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    title      text NOT NULL,
    position   integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX activities_by_project ON activities (project_id, position, id);

CREATE TABLE task_cards (
    id          uuid PRIMARY KEY,
    tenant      text NOT NULL,
    project_id  uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    activity_id uuid NOT NULL REFERENCES activities ON DELETE CASCADE,
    title       text NOT NULL,
    params      jsonb NOT NULL DEFAULT '{}',
    position    integer NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX task_cards_by_activity ON task_cards (activity_id, position, id);
CREATE INDEX task_cards_by_project ON task_cards (project_id);

-- Cloud generation services. Secrets are named here, never held.

CREATE TABLE providers (
    name                     text PRIMARY KEY,
    kind                     text NOT NULL CHECK (kind IN ('replicate', 'push')),
    base_url                 text NOT NULL,
    token_secret             text NOT NULL,
    webhook_secret           text NOT NULL,
    output_hosts             text[] NOT NULL DEFAULT '{}',
    max_in_flight            integer NOT NULL DEFAULT 20 CHECK (max_in_flight > 0),
    max_in_flight_per_tenant integer NOT NULL DEFAULT 10 CHECK (max_in_flight_per_tenant > 0),
    max_attempts             integer NOT NULL DEFAULT 3 CHECK (max_attempts > 0),
    enabled                  boolean NOT NULL DEFAULT true,
    paused_until             timestamptz,
    pauses                   integer NOT NULL DEFAULT 0
);
COMMENT ON COLUMN providers.pauses IS 'Pauses since the last success: each lasts longer than the one before.';

-- Jobs. The table is the queue; messages only wake those who read it.

CREATE TABLE generation_jobs (
    id               uuid PRIMARY KEY,
    tenant           text NOT NULL,
    project_id       uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    card_id          uuid NOT NULL REFERENCES task_cards ON DELETE CASCADE,
    provider         text NOT NULL REFERENCES providers,
    status           text NOT NULL DEFAULT 'queued'
                     CHECK (status IN ('queued', 'processing', 'completed', 'failed', 'cancelled')),
    params           jsonb NOT NULL,
    priority         integer NOT NULL DEFAULT 0,
    run_after        timestamptz NOT NULL DEFAULT now(),
    deadline_at      timestamptz NOT NULL,
    on_unknown       text NOT NULL DEFAULT 'fail' CHECK (on_unknown IN ('fail', 'resubmit')),
    attempt          integer NOT NULL DEFAULT 0,
    failures         integer NOT NULL DEFAULT 0,
    progress         real,
    cancel_requested boolean NOT NULL DEFAULT false,
    retry_of         uuid REFERENCES generation_jobs ON DELETE SET NULL,
    result_url       text,
    media_type       text,
    output_bytes     bigint,
    output_sha256    text,
    error_code       text,
    error_message    text,
    thread_id        text,
    correlation_id   text NOT NULL,
    created_by       text NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    started_at       timestamptz,
    completed_at     timestamptz,
    CHECK ((status = 'completed') = (result_url IS NOT NULL)),
    CHECK ((status = 'failed') = (error_code IS NOT NULL)),
    CHECK ((status IN ('completed', 'failed', 'cancelled')) = (completed_at IS NOT NULL))
);
COMMENT ON COLUMN generation_jobs.result_url IS 'Key of the output in the assets bucket; a URL is made when it is asked for.';
COMMENT ON COLUMN generation_jobs.failures IS 'Attempts that failed by the fault of the service; rate limits and outages do not count.';

CREATE INDEX generation_jobs_by_card ON generation_jobs (card_id, id DESC);
CREATE INDEX generation_jobs_by_project ON generation_jobs (project_id, id DESC);
-- A card's state, its candidates, and whether it may be deleted.
CREATE INDEX generation_jobs_by_card_status ON generation_jobs (card_id, status, id DESC);
CREATE INDEX generation_jobs_live_by_project ON generation_jobs (project_id) WHERE status IN ('queued', 'processing');
CREATE INDEX generation_jobs_by_tenant ON generation_jobs (tenant, id DESC);
CREATE INDEX generation_jobs_by_tenant_status ON generation_jobs (tenant, status, id DESC);
CREATE INDEX generation_jobs_retries ON generation_jobs (retry_of) WHERE retry_of IS NOT NULL;
-- Claims: the best waiting jobs of one tenant at one provider, and how many of them are under way.
CREATE INDEX generation_jobs_waiting ON generation_jobs (provider, tenant, priority DESC, id) WHERE status = 'queued';
CREATE INDEX generation_jobs_in_flight ON generation_jobs (provider, tenant) WHERE status = 'processing';
CREATE INDEX generation_jobs_live_deadline ON generation_jobs (deadline_at) WHERE status IN ('queued', 'processing');

CREATE TABLE job_attempts (
    job_id          uuid NOT NULL REFERENCES generation_jobs ON DELETE CASCADE,
    attempt         integer NOT NULL,
    provider        text NOT NULL,
    state           text NOT NULL DEFAULT 'submitting'
                    CHECK (state IN ('submitting', 'submitted', 'unknown', 'succeeded', 'failed', 'cancelled', 'abandoned')),
    provider_job_id text,
    lease_until     timestamptz,
    check_seq       integer NOT NULL DEFAULT 0,
    next_check_at   timestamptz,
    output_failures integer NOT NULL DEFAULT 0,
    cancel_sent_at  timestamptz,
    report          jsonb,
    late_result     jsonb,
    error_class     text,
    error_message   text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    submitted_at    timestamptz,
    ended_at        timestamptz,
    PRIMARY KEY (job_id, attempt)
);
COMMENT ON COLUMN job_attempts.check_seq IS 'Number of the one check message that still counts; others are stale.';
COMMENT ON COLUMN job_attempts.report IS 'What a push service said last: {status, result_url, error_message}.';
CREATE INDEX job_attempts_due ON job_attempts (next_check_at) WHERE state = 'submitted';
CREATE INDEX job_attempts_submitting ON job_attempts (lease_until) WHERE state IN ('submitting', 'unknown');
CREATE UNIQUE INDEX job_attempts_by_provider_job ON job_attempts (provider, provider_job_id)
    WHERE provider_job_id IS NOT NULL;

CREATE TABLE approved_assets (
    id          uuid PRIMARY KEY,
    tenant      text NOT NULL,
    project_id  uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    card_id     uuid NOT NULL REFERENCES task_cards ON DELETE CASCADE,
    job_id      uuid NOT NULL REFERENCES generation_jobs ON DELETE CASCADE,
    object_key  text NOT NULL,
    media_type  text NOT NULL,
    approved_by text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT approved_assets_one_per_card UNIQUE (card_id)
);
CREATE INDEX approved_assets_by_project ON approved_assets (project_id, id DESC);
CREATE INDEX approved_assets_by_job ON approved_assets (job_id);

-- Keys of requests and of received webhooks that must not be carried out twice.

CREATE TABLE idempotency_keys (
    tenant       text NOT NULL,
    caller       text NOT NULL,
    scope        text NOT NULL,
    key          text NOT NULL,
    request_hash text NOT NULL,
    job_ids      uuid[] NOT NULL,
    uses         integer NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, caller, scope, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE received_webhooks (
    provider    text NOT NULL,
    webhook_id  text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (provider, webhook_id)
);
CREATE INDEX received_webhooks_by_age ON received_webhooks (received_at);

-- Events: the outbox and the log. A context is a card or a project; its offsets have no gap. No reference to
-- the board: what happened outlives what it happened to.

CREATE TABLE event_contexts (
    id          uuid PRIMARY KEY,
    tenant      text NOT NULL,
    project_id  uuid NOT NULL,
    card_id     uuid,
    last_offset bigint NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX event_contexts_by_project ON event_contexts (project_id);

CREATE TABLE events (
    id             uuid PRIMARY KEY,
    topic          text NOT NULL,
    tenant         text NOT NULL,
    context_id     uuid NOT NULL,
    context_offset bigint NOT NULL,
    project_id     uuid NOT NULL,
    card_id        uuid,
    correlation_id text NOT NULL,
    payload        jsonb NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    published_at   timestamptz,
    CONSTRAINT events_offset_once UNIQUE (context_id, context_offset)
);
CREATE INDEX events_unpublished ON events (created_at) WHERE published_at IS NULL;
CREATE INDEX events_unpublished_by_context ON events (context_id) WHERE published_at IS NULL;
CREATE INDEX events_by_age ON events (created_at);
