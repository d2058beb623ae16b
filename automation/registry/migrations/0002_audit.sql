-- The audit log: append-only, each row bound to the one before it by a hash.
-- In a schema of its own, since whoever owns a schema may drop what is in it; boot hands it over to
-- a role that nobody logs in as (automation/registry/audit.py: protect).

CREATE SCHEMA audit;

CREATE TABLE audit.project_audit_logs (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- in order of writing, with gaps
    entry            text NOT NULL,  -- canonical JSON: exactly what is hashed, and all there is to know
    -- The link: set when the transaction that wrote the row commits.
    seq              bigint UNIQUE,  -- 1, 2, 3... in order of commits, without a gap
    previous_hash    bytea,
    hash             bytea,
    -- To search by. They follow from the entry, so that none is edited without it.
    organization_id  text GENERATED ALWAYS AS (entry::jsonb ->> 'organization_id') STORED,
    actor            text GENERATED ALWAYS AS (entry::jsonb ->> 'actor') STORED,
    action           text GENERATED ALWAYS AS (entry::jsonb ->> 'action') STORED,
    target           text GENERATED ALWAYS AS (entry::jsonb ->> 'target') STORED
);
CREATE INDEX project_audit_logs_organization ON audit.project_audit_logs (organization_id, seq);
CREATE INDEX project_audit_logs_target ON audit.project_audit_logs (target, seq);
CREATE INDEX project_audit_logs_unlinked ON audit.project_audit_logs (id) WHERE seq IS NULL;

-- The last link, kept apart: rows cut off at the end are missed.
CREATE TABLE audit.head (
    one   boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq   bigint NOT NULL,
    hash  bytea NOT NULL CHECK (octet_length(hash) = 32)
);
INSERT INTO audit.head (seq, hash) VALUES (0, decode(repeat('00', 32), 'hex'));

-- Runs at commit: the head is locked last of all locks, and for a moment only. Two writers never
-- wait for one another crosswise, whatever else their transactions hold.
CREATE FUNCTION audit.link() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    last audit.head;
    linked bytea;
BEGIN
    SELECT * INTO last FROM audit.head FOR UPDATE;
    linked := sha256(last.hash || int8send(last.seq + 1) || convert_to(NEW.entry, 'UTF8'));
    UPDATE audit.project_audit_logs
       SET seq = last.seq + 1, previous_hash = last.hash, hash = linked WHERE id = NEW.id;
    UPDATE audit.head SET seq = last.seq + 1, hash = linked;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER link AFTER INSERT ON audit.project_audit_logs
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.link();

CREATE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.seq IS NULL AND (NEW.id, NEW.entry) = (OLD.id, OLD.entry) THEN
        RETURN NEW;  -- audit.link
    END IF;
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit.project_audit_logs
    FOR EACH ROW EXECUTE FUNCTION audit.refuse();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON audit.project_audit_logs
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
