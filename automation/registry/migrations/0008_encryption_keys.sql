-- Keys of their own for projects, wrapped by the root key, and a key by which the API seals what
-- only workers open (automation/encryption).

CREATE TABLE encryption_keys (
    id          text PRIMARY KEY,              -- stands in each record as kek_id
    owner       text NOT NULL,                 -- a project's ref, 'platform' or 'inbox'
    root_id     text NOT NULL,                 -- the version of the root key that wrapped it
    wrapped     bytea NOT NULL,
    public_key  bytea CHECK ((public_key IS NOT NULL) = (owner = 'inbox')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    retired_at  timestamptz                    -- from then on it opens, and seals no more
);
CREATE UNIQUE INDEX encryption_keys_current ON encryption_keys (owner) WHERE retired_at IS NULL;

-- No key goes while a record needs it. Answers to repeated requests have no such constraint and
-- are kept for a day: those that the root key itself sealed open no more.
DELETE FROM idempotency_keys;
ALTER TABLE project_secrets
    ADD COLUMN id  uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    ADD CONSTRAINT project_secrets_kek FOREIGN KEY (kek_id) REFERENCES encryption_keys;
CREATE INDEX project_secrets_kek ON project_secrets (kek_id);
ALTER TABLE webhooks
    ADD CONSTRAINT webhooks_kek FOREIGN KEY (kek_id) REFERENCES encryption_keys;
