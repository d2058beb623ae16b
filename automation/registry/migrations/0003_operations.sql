-- Everything that may be done with a project besides making and destroying it, and what is found
-- out about one by looking.

ALTER TABLE projects DROP CONSTRAINT projects_state_check;
ALTER TABLE projects ADD CONSTRAINT projects_state_check CHECK (state IN
    ('CREATING', 'ACTIVE', 'FAILED', 'UPDATING', 'PAUSING', 'PAUSED', 'RESTORING', 'RESTARTING',
     'DELETING', 'DELETED', 'CLEANUP_STUCK', 'REMOVED'));
ALTER TABLE projects
    ADD COLUMN conditions         jsonb NOT NULL DEFAULT '{}',  -- {type: {reason, message, since}}
    -- Set while a deleted project can still be had back; it is purged afterwards.
    ADD COLUMN recoverable_until  timestamptz;

-- A deleted project has given its name up; to have it back means to get the name again.
DROP INDEX projects_live_name;
CREATE UNIQUE INDEX projects_live_name ON projects (organization_id, lower(name))
    WHERE state NOT IN ('FAILED', 'REMOVED') AND recoverable_until IS NULL;
CREATE INDEX projects_due_purges ON projects (recoverable_until) WHERE state = 'DELETED';

ALTER TABLE operations DROP CONSTRAINT operations_kind_check;
ALTER TABLE operations ADD CONSTRAINT operations_kind_check CHECK (kind IN
    ('create', 'update', 'pause', 'restore', 'restart', 'rename', 'transfer', 'destroy', 'refresh',
     'preview'));
ALTER TABLE operations DROP CONSTRAINT operations_status_check;
ALTER TABLE operations ADD CONSTRAINT operations_status_check CHECK (status IN
    ('scheduling', 'running', 'finished', 'failed', 'cancelling', 'cancelled', 'skipped'));
ALTER TABLE operations
    -- Read by the workflow under the operation's id, since DBOS keeps arguments for ever and in
    -- clear. No secret here either.
    ADD COLUMN input                jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN result               jsonb,
    ADD COLUMN prior_state          text,   -- where an undo takes the project back to
    ADD COLUMN cancel_requested_at  timestamptz,
    ADD COLUMN retry_of             uuid REFERENCES operations;
CREATE INDEX operations_newest ON operations (created_at DESC, id DESC);
CREATE INDEX operations_of_project ON operations (project_ref, created_at DESC, id DESC);

-- Reconcilers run in every worker; by this table each is run by one of them at a time and in its
-- period.
CREATE TABLE reconciler_runs (
    name         text PRIMARY KEY,
    started_at   timestamptz NOT NULL,
    finished_at  timestamptz,
    wanted_at    timestamptz,     -- somebody asked for a run before its time
    found        jsonb            -- what the last run did, in its own words
);
