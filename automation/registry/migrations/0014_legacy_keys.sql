-- Whether a project's anon and service_role keys open it, besides those that were issued.
ALTER TABLE projects ADD COLUMN legacy_keys boolean NOT NULL DEFAULT true;
