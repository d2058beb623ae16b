-- One project at most answers at the gateway's bare address, where Supabase's local tools look.
ALTER TABLE projects ADD COLUMN is_default boolean NOT NULL DEFAULT false;
CREATE UNIQUE INDEX projects_default ON projects (is_default) WHERE is_default;
