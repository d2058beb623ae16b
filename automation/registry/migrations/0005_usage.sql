-- Requests are read from a counter that begins anew with its server: what is added is the difference.
ALTER TABLE project_usage ADD COLUMN counter bigint;
COMMENT ON COLUMN project_usage.counter IS 'what the counter stood at when it was last read';
