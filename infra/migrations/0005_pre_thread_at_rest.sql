-- What a thread goes back to when a run is cancelled before it has done anything.

ALTER TABLE agent_threads
    ADD COLUMN status_at_rest text NOT NULL DEFAULT 'idle' CHECK (status_at_rest IN ('idle', 'error'));
UPDATE agent_threads SET status_at_rest = 'error' WHERE status = 'error';
COMMENT ON COLUMN agent_threads.status_at_rest IS 'As its last run left it that did anything; a question is told by interrupts.';
