-- How far a reconciler has come that goes on where its last turn stopped.
ALTER TABLE reconciler_runs ADD COLUMN place jsonb;
