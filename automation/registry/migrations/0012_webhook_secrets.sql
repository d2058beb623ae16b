-- Several secrets of a webhook sign at a time, while its receiver goes from one to the next.

CREATE TABLE webhook_secrets (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    webhook_id   uuid NOT NULL REFERENCES webhooks ON DELETE CASCADE,
    kek_id       text NOT NULL REFERENCES encryption_keys,
    wrapped_dek  bytea NOT NULL,
    nonce        bytea NOT NULL,
    ciphertext   bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    ends_at      timestamptz                   -- null: the current one; others sign until then
);
CREATE UNIQUE INDEX webhook_secrets_current ON webhook_secrets (webhook_id) WHERE ends_at IS NULL;
CREATE INDEX webhook_secrets_of_webhook ON webhook_secrets (webhook_id);

INSERT INTO webhook_secrets (webhook_id, kek_id, wrapped_dek, nonce, ciphertext, created_at)
    SELECT id, kek_id, wrapped_dek, nonce, ciphertext, created_at FROM webhooks;
ALTER TABLE webhooks
    DROP COLUMN kek_id, DROP COLUMN wrapped_dek, DROP COLUMN nonce, DROP COLUMN ciphertext;
