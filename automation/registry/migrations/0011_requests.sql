-- How many requests a project's gateway answered, in each five minutes of the last days.
CREATE TABLE project_requests (
    project_ref  text NOT NULL REFERENCES projects,
    at           timestamptz NOT NULL,  -- where the five minutes begin
    requests     bigint NOT NULL CHECK (requests > 0),
    PRIMARY KEY (project_ref, at)
);
CREATE INDEX project_requests_at ON project_requests (at);
