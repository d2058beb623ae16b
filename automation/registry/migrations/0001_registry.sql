-- The registry: what the platform was asked for, what it runs, and who may ask.

CREATE TABLE organizations (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    slug        text NOT NULL UNIQUE CHECK (slug ~ '^[a-z][a-z0-9-]{0,62}$'),
    name        text NOT NULL,
    plan        text NOT NULL DEFAULT 'free',
    limits      jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now()
);

INSERT INTO organizations (slug, name, limits) VALUES ('default', 'Default', '{"projects_max": 500}');

CREATE TABLE projects (
    ref              text PRIMARY KEY CHECK (ref ~ '^[a-z]{20}$'),
    organization_id  uuid NOT NULL REFERENCES organizations,
    name             text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 255),
    region           text NOT NULL,
    state            text NOT NULL DEFAULT 'CREATING' CHECK (state IN
                       ('CREATING', 'ACTIVE', 'FAILED', 'DELETING', 'CLEANUP_STUCK', 'REMOVED')),
    spec             jsonb NOT NULL DEFAULT '{}',   -- what is wanted
    observed         jsonb NOT NULL DEFAULT '{}',   -- what the last update left
    rest_port        integer NOT NULL,
    -- Raised by every workflow step that changes something; a write-back names the one it holds.
    op_epoch         bigint NOT NULL DEFAULT 0,
    engine           text NOT NULL DEFAULT 'embedded',
    -- Shards, from the first migration on: dear to add once there are tenants.
    database_server  text NOT NULL DEFAULT 'local',
    keycloak_shard   text NOT NULL DEFAULT 'local',
    object_store     text NOT NULL DEFAULT 'local',
    target_host      text NOT NULL DEFAULT 'local',
    created_at       timestamptz NOT NULL DEFAULT now(),
    deleted_at       timestamptz
);

-- A failed or removed project left nothing behind: its name and its port are free again.
CREATE UNIQUE INDEX projects_live_name ON projects (organization_id, lower(name))
    WHERE state NOT IN ('FAILED', 'REMOVED');
CREATE UNIQUE INDEX projects_live_rest_port ON projects (target_host, rest_port)
    WHERE state NOT IN ('FAILED', 'REMOVED');

CREATE TABLE project_secrets (
    project_ref  text NOT NULL REFERENCES projects,
    name         text NOT NULL,
    version      integer NOT NULL DEFAULT 1,
    kek_id       text NOT NULL,
    wrapped_dek  bytea NOT NULL,
    nonce        bytea NOT NULL,
    ciphertext   bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_ref, name, version)
);

CREATE TABLE operations (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_ref  text NOT NULL REFERENCES projects,
    kind         text NOT NULL CHECK (kind IN ('create', 'destroy')),
    status       text NOT NULL DEFAULT 'scheduling' CHECK (status IN
                   ('scheduling', 'running', 'finished', 'failed', 'cancelling', 'cancelled')),
    error        jsonb,
    last_seq     bigint NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL DEFAULT now(),
    finished_at  timestamptz
);

-- The lock behind 423: one operation at a time holds a project.
CREATE UNIQUE INDEX operations_one_active ON operations (project_ref)
    WHERE status IN ('scheduling', 'running', 'cancelling');

CREATE TABLE operation_events (
    operation_id  uuid NOT NULL REFERENCES operations,
    seq           bigint NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('resource', 'diagnostic', 'summary', 'step', 'end')),
    data          jsonb NOT NULL,
    at            timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (operation_id, seq)
);

CREATE TABLE outbox (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workflow_id   text NOT NULL UNIQUE CHECK (workflow_id <> ''),
    kind          text NOT NULL,
    project_ref   text NOT NULL REFERENCES projects,
    operation_id  uuid NOT NULL REFERENCES operations,
    created_at    timestamptz NOT NULL DEFAULT now(),
    enqueued_at   timestamptz
);
CREATE INDEX outbox_pending ON outbox (id) WHERE enqueued_at IS NULL;

CREATE TABLE access_tokens (
    hash        bytea PRIMARY KEY CHECK (octet_length(hash) = 32),   -- sha256; the token itself is nowhere
    name        text NOT NULL UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT now(),
    revoked_at  timestamptz
);
