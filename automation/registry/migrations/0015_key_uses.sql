-- When each key was last used, as far as the servers tell. Of keys that were made before, nobody looked.
ALTER TABLE project_keys
    ADD COLUMN last_used_at timestamptz,
    ADD COLUMN watched boolean NOT NULL DEFAULT false;
ALTER TABLE project_keys ALTER COLUMN watched SET DEFAULT true;
ALTER TABLE api_keys
    ADD COLUMN last_used_at timestamptz,
    ADD COLUMN watched boolean NOT NULL DEFAULT false;
ALTER TABLE api_keys ALTER COLUMN watched SET DEFAULT true;

-- What the gateway's counters of requests stood at when they were last read.
CREATE TABLE request_counters (
    project_ref  text NOT NULL REFERENCES projects,
    counted_as   text NOT NULL,  -- by which key let them in; '' where routes are of an older form
    counter      bigint NOT NULL,
    gateway_run  text,           -- counters begin anew with each
    PRIMARY KEY (project_ref, counted_as)
);
INSERT INTO request_counters (project_ref, counted_as, counter)
    SELECT DISTINCT ON (project_ref) project_ref, '', counter FROM project_usage
    WHERE metric = 'api_requests' AND counter IS NOT NULL ORDER BY project_ref, month DESC;
ALTER TABLE project_usage DROP COLUMN counter;
