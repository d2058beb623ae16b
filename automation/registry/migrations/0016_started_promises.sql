-- Workers start what was promised by themselves: there is no queue in between any more.
ALTER TABLE outbox RENAME COLUMN enqueued_at TO started_at;
