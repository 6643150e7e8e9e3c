-- Agents. A thread is one conversation about a project, a run one piece of work in it. Their state is in the tables of
-- LangGraph's checkpointer, which `migrate` makes with the library's own statements; its thread id is our id here, so
-- that no two tenants can meet in it.

CREATE TABLE agent_threads (
    id         uuid PRIMARY KEY,
    tenant     text NOT NULL,
    thread_id  uuid NOT NULL,
    project_id uuid REFERENCES projects ON DELETE SET NULL,
    metadata   jsonb NOT NULL DEFAULT '{}',
    status     text NOT NULL DEFAULT 'idle' CHECK (status IN ('idle', 'busy', 'interrupted', 'error')),
    interrupts jsonb NOT NULL DEFAULT '{}',
    ephemeral  boolean NOT NULL DEFAULT false,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    prune_asked_at timestamptz,
    pruned_at      timestamptz,
    CONSTRAINT agent_threads_once_a_tenant UNIQUE (tenant, thread_id)
);
COMMENT ON COLUMN agent_threads.interrupts IS 'What a person is asked, by task: {task: [{id, value}]}.';
COMMENT ON COLUMN agent_threads.ephemeral IS 'Made for one run without a thread; deleted some time after it.';
CREATE INDEX agent_threads_by_tenant ON agent_threads (tenant, created_at DESC, id);
CREATE INDEX agent_threads_by_metadata ON agent_threads USING gin (metadata jsonb_path_ops);
CREATE INDEX agent_threads_by_project ON agent_threads (project_id) WHERE project_id IS NOT NULL;
CREATE INDEX agent_threads_to_prune ON agent_threads (ephemeral, updated_at) WHERE status <> 'busy' AND pruned_at IS NULL;

CREATE TABLE agent_runs (
    id                 uuid PRIMARY KEY,
    thread             uuid NOT NULL REFERENCES agent_threads ON DELETE CASCADE,
    tenant             text NOT NULL,
    project_id         uuid REFERENCES projects ON DELETE SET NULL,
    assistant_id       text NOT NULL,
    status             text NOT NULL DEFAULT 'pending'
                       CHECK (status IN ('pending', 'running', 'error', 'success', 'timeout', 'interrupted')),
    input              jsonb,
    command            jsonb,
    kwargs             jsonb NOT NULL DEFAULT '{}',
    metadata           jsonb NOT NULL DEFAULT '{}',
    multitask_strategy text NOT NULL,
    not_before         timestamptz,
    step               integer NOT NULL DEFAULT 0,
    attempts           integer NOT NULL DEFAULT 0,
    begun              boolean NOT NULL DEFAULT false,
    step_due_at        timestamptz,
    usage              jsonb NOT NULL DEFAULT '{}',
    error_code         text,
    error_message      text,
    correlation_id     text NOT NULL,
    created_by         text NOT NULL,
    user_name          text NOT NULL,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    ended_at           timestamptz,
    CHECK ((status IN ('error', 'timeout')) = (error_code IS NOT NULL)),
    CHECK ((status IN ('pending', 'running')) = (ended_at IS NULL))
);
COMMENT ON COLUMN agent_runs.step IS 'Counts the steps that were begun: what an older step still does has no effect.';
COMMENT ON COLUMN agent_runs.attempts IS 'How often the present step was begun; zero once it ended well.';
COMMENT ON COLUMN agent_runs.begun IS 'Whether the checkpoints hold the input.';
COMMENT ON COLUMN agent_runs.step_due_at IS 'When the present step is surely dead; null while nothing is to be done.';
CREATE INDEX agent_runs_by_thread ON agent_runs (thread, id DESC);
CREATE UNIQUE INDEX agent_runs_one_running ON agent_runs (thread) WHERE status = 'running';
CREATE INDEX agent_runs_active ON agent_runs (thread, id) WHERE status IN ('pending', 'running');
CREATE INDEX agent_runs_active_of_tenant ON agent_runs (tenant, id) WHERE status IN ('pending', 'running');
CREATE INDEX agent_runs_due ON agent_runs (step_due_at) WHERE status IN ('pending', 'running');
CREATE INDEX agent_runs_by_project ON agent_runs (project_id) WHERE project_id IS NOT NULL;

-- Jobs that a run sleeps for: until `needed` of them have ended, or the deadline passes.
CREATE TABLE agent_waits (
    id           uuid PRIMARY KEY,
    run_id       uuid NOT NULL REFERENCES agent_runs ON DELETE CASCADE,
    tenant       text NOT NULL,
    interrupt_id text NOT NULL,
    job_ids      uuid[] NOT NULL,
    mode         text NOT NULL CHECK (mode IN ('all', 'any', 'quorum')),
    needed       integer NOT NULL CHECK (needed > 0),
    deadline_at  timestamptz NOT NULL,
    woken_at     timestamptz,
    woken_by     text CHECK (woken_by IN ('jobs', 'deadline')),
    resumed_at   timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT agent_waits_once UNIQUE (run_id, interrupt_id),
    CHECK ((woken_at IS NULL) = (woken_by IS NULL))
);
CREATE INDEX agent_waits_by_job ON agent_waits USING gin (job_ids) WHERE woken_at IS NULL AND resumed_at IS NULL;
CREATE INDEX agent_waits_sleeping ON agent_waits (deadline_at) WHERE woken_at IS NULL AND resumed_at IS NULL;
CREATE INDEX agent_waits_of_run ON agent_waits (run_id) WHERE resumed_at IS NULL;

-- What a run's tools did, written in the transaction of the effect: a repeated step finds it instead of repeating it. By
-- the run that thought of the call; another one may carry it out, and that one may be deleted by then.
CREATE TABLE tool_calls (
    thread     uuid NOT NULL REFERENCES agent_threads ON DELETE CASCADE,
    run_id     uuid NOT NULL,
    turn       integer NOT NULL,
    call_index integer NOT NULL,
    tool       text NOT NULL,
    result     jsonb NOT NULL,
    job_ids    uuid[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, turn, call_index)
);
CREATE INDEX tool_calls_by_thread ON tool_calls (thread);
