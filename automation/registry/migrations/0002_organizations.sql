-- Who belongs where and may do what, what an organization may use, and requests asked twice.

-- A deleted organization stays as a tombstone, since its projects' tombstones point to it.
ALTER TABLE organizations
    ADD COLUMN deleted_at timestamptz,
    DROP CONSTRAINT organizations_slug_key;
CREATE UNIQUE INDEX organizations_live_slug ON organizations (slug) WHERE deleted_at IS NULL;
COMMENT ON COLUMN organizations.limits IS 'what differs from the plan (automation/plans.py)';

CREATE TABLE members (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name         text NOT NULL CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$'),
    is_operator  boolean NOT NULL DEFAULT false,   -- runs the platform: an owner everywhere
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX members_name ON members (lower(name));

CREATE TABLE organization_members (
    organization_id  uuid NOT NULL REFERENCES organizations,
    member_id        uuid NOT NULL REFERENCES members,
    role             text NOT NULL CHECK (role IN ('owner', 'administrator', 'developer', 'read-only')),
    created_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, member_id)
);
CREATE INDEX organization_members_member ON organization_members (member_id);

-- Whoever holds the token that `croft up` writes owns what there is.
INSERT INTO members (name, is_operator) VALUES ('operator', true);
INSERT INTO organization_members (organization_id, member_id, role)
    SELECT o.id, m.id, 'owner' FROM organizations o, members m;

ALTER TABLE access_tokens
    ADD COLUMN id               uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    ADD COLUMN member_id        uuid REFERENCES members,
    -- Where the token is good for nothing else: whoever handed it out may have kept a copy.
    ADD COLUMN organization_id  uuid REFERENCES organizations,
    ADD COLUMN expires_at       timestamptz,
    DROP CONSTRAINT access_tokens_name_key;
UPDATE access_tokens SET member_id = (SELECT id FROM members);
ALTER TABLE access_tokens ALTER COLUMN member_id SET NOT NULL;
CREATE UNIQUE INDEX access_tokens_name ON access_tokens (member_id, name);

-- Lists, oldest first.
CREATE INDEX projects_present ON projects (created_at, ref) WHERE state <> 'REMOVED';
CREATE INDEX projects_of_organization ON projects (organization_id, created_at, ref)
    WHERE state <> 'REMOVED';

CREATE TABLE project_domains (
    hostname     text PRIMARY KEY CHECK (hostname = lower(hostname) AND length(hostname) <= 253),
    project_ref  text NOT NULL REFERENCES projects,
    status       text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'verified', 'active')),
    created_at   timestamptz NOT NULL DEFAULT now(),
    verified_at  timestamptz
);
CREATE INDEX project_domains_project ON project_domains (project_ref);

CREATE TABLE project_usage (
    project_ref  text NOT NULL REFERENCES projects,
    metric       text NOT NULL CHECK (metric IN
                   ('database_bytes', 'storage_bytes', 'api_requests', 'realtime_connections')),
    month        date NOT NULL CHECK (extract(day FROM month) = 1),
    value        bigint NOT NULL CHECK (value >= 0),  -- requests: their sum; else the last one measured
    measured_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_ref, metric, month)
);

-- Answers to give again, written with the change that they tell of (automation/idempotency.py).
CREATE TABLE idempotency_keys (
    actor         text NOT NULL,
    key           text NOT NULL CHECK (char_length(key) BETWEEN 1 AND 255),
    request_hash  bytea NOT NULL CHECK (octet_length(request_hash) = 32),
    status        integer NOT NULL,
    headers       jsonb NOT NULL,
    body          bytea NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (actor, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
