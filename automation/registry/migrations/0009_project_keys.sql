-- A project's keys by generation: which one is in use, and until when an older one is accepted. What
-- they are stands sealed in project_secrets.
CREATE TABLE project_keys (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_ref     text NOT NULL REFERENCES projects,
    -- api: JWT secret with the anon and service_role keys that it signed; database: the login of
    -- db_url; storage: the bucket's user; jwk: a public key of elsewhere, whose tokens are accepted.
    kind            text NOT NULL CHECK (kind IN ('api', 'database', 'storage', 'jwk')),
    generation      integer NOT NULL,
    status          text NOT NULL CHECK (
        status IN ('standby', 'in_use', 'previously_used', 'revoked')
    ),
    public_jwk      jsonb,
    -- Of a JWT secret that was brought along: it may not stand in two projects.
    fingerprint     bytea,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    -- Of one that was previously used: then it is revoked.
    accepted_until  timestamptz,
    UNIQUE (project_ref, kind, generation)
);
CREATE INDEX project_keys_fingerprint ON project_keys (fingerprint);

INSERT INTO project_keys (project_ref, kind, generation, status, created_at, updated_at)
SELECT p.ref, kind, 1, 'in_use', p.created_at, p.created_at
FROM projects p, unnest('{api,database,storage}'::text[]) AS kind
WHERE p.state <> 'REMOVED';
