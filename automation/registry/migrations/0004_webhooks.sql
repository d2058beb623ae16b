-- Whom an organization tells of changes to its projects, and what is on its way to them.

CREATE TABLE webhooks (
    id               uuid PRIMARY KEY,
    organization_id  uuid NOT NULL REFERENCES organizations ON DELETE CASCADE,
    url              text NOT NULL CHECK (char_length(url) <= 2048),
    events           text[] NOT NULL DEFAULT '{}',   -- empty: all of them
    -- Only an operator's may reach addresses that the internet does not (contracts/webhooks.py).
    may_be_private   boolean NOT NULL,
    -- The signing secret, sealed like those of projects.
    kek_id           text NOT NULL,
    wrapped_dek      bytea NOT NULL,
    nonce            bytea NOT NULL,
    ciphertext       bytea NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX webhooks_of_organization ON webhooks (organization_id, created_at);

-- An outbox: written in the transaction that ends an operation, emptied by the workers.
CREATE TABLE webhook_deliveries (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    webhook_id       uuid NOT NULL REFERENCES webhooks ON DELETE CASCADE,
    event            text NOT NULL,
    project_ref      text REFERENCES projects,
    data             jsonb NOT NULL,
    status           text NOT NULL DEFAULT 'pending'
                       CHECK (status IN ('pending', 'delivered', 'failed')),
    attempts         integer NOT NULL DEFAULT 0,
    next_attempt_at  timestamptz DEFAULT now(),      -- null once it is over
    last_answer      text,
    created_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_attempt_at)
    WHERE status = 'pending';
CREATE INDEX webhook_deliveries_newest ON webhook_deliveries (webhook_id, created_at DESC);
