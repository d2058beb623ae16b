-- Whom the realm `croft` lets in no longer; their access tokens open nothing meanwhile.
ALTER TABLE members ADD COLUMN shut_out_at timestamptz;
