-- How people prove who they are: tokens that they make themselves, logins in the realm `croft`, and
-- members that are no person.

ALTER TABLE members
    -- The person's `sub` in the realm `croft`, from their first login on.
    ADD COLUMN subject          uuid UNIQUE,
    ADD COLUMN email            text,
    -- A service account belongs to this organization and to no other; null is a person.
    ADD COLUMN organization_id  uuid REFERENCES organizations;
DROP INDEX members_name;
CREATE UNIQUE INDEX members_name ON members (lower(name)) WHERE organization_id IS NULL;
CREATE UNIQUE INDEX members_service_accounts ON members (organization_id, lower(name))
    WHERE organization_id IS NOT NULL;

ALTER TABLE access_tokens
    ADD COLUMN alias         text NOT NULL DEFAULT 'sbp_…',  -- what is shown of it later
    ADD COLUMN scopes        text[] NOT NULL DEFAULT '{all}',
    ADD COLUMN last_used_at  timestamptz,                    -- to the minute
    ADD COLUMN created_by    text,                           -- an actor, as in the audit log
    -- Made by means of that token, and revoked with it.
    ADD COLUMN parent_id     uuid REFERENCES access_tokens (id),
    -- Stands in a file of the installation, which `croft up` makes valid again and again.
    ADD COLUMN is_installed  boolean NOT NULL DEFAULT false;
UPDATE access_tokens SET is_installed = true WHERE name = 'operator';
-- A revoked token stays, as what was made with it does, and its name is free again.
DROP INDEX access_tokens_name;
CREATE UNIQUE INDEX access_tokens_name ON access_tokens (member_id, name) WHERE revoked_at IS NULL;
CREATE INDEX access_tokens_parent ON access_tokens (parent_id);
