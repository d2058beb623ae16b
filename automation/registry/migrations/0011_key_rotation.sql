-- Keys of a project are replaced while they are in use.

ALTER TABLE projects
    -- Of its PostgREST: the next one answers on another port before this one goes.
    ADD COLUMN rest_generation  integer NOT NULL DEFAULT 1,
    ADD COLUMN next_rest_port   integer;

ALTER TABLE operations DROP CONSTRAINT operations_kind_check;
ALTER TABLE operations ADD CONSTRAINT operations_kind_check CHECK (kind IN
    ('create', 'update', 'pause', 'restore', 'restart', 'rename', 'transfer', 'destroy', 'refresh',
     'preview', 'rotate', 'revoke'));
