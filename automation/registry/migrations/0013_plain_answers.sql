-- What can be read at any time is kept as it is: to answer it again takes no worker.
ALTER TABLE idempotency_keys ADD COLUMN is_sealed boolean NOT NULL DEFAULT true;
