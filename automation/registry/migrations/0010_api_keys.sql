-- Publishable and secret API keys of a project, besides anon and service_role. What they are stands
-- sealed in project_secrets.
CREATE TABLE api_keys (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_ref text NOT NULL REFERENCES projects,
    type        text NOT NULL CHECK (type IN ('publishable', 'secret')),
    name        text NOT NULL,
    description text,
    prefix      text NOT NULL,  -- what is shown of it, to tell it from others
    hash        text NOT NULL,
    inserted_at timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (project_ref, name)
);
