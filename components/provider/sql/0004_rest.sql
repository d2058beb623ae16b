-- What PostgREST needs beside the tenant's own tables. Schema croft is the platform's alone.
create schema if not exists croft;
grant usage on schema croft to anon, authenticated, service_role;

create or replace function croft.token_issuers() returns text[] language sql immutable
return {issuers}::text[];

-- db-pre-request: runs as the caller's role at the start of every transaction. PostgREST checks a
-- token's signature and, if present, its exp; who issued it, for whom, and that it ends is ours.
-- Timeouts stand here and not on the roles, which all projects share.
create or replace function croft.pre_request() returns void
language plpgsql
set search_path = ''
as $$
declare
  claims jsonb;
  fault text;
begin
  perform set_config(
    'statement_timeout', case current_user when 'anon' then '3s' else '8s' end, true
  );
  if current_user in ('anon', 'service_role') then
    return;
  end if;
  claims := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
  fault := case
    when jsonb_typeof(claims -> 'exp') is distinct from 'number' then 'has no exp claim'
    when coalesce(claims ->> 'iss' = any (croft.token_issuers()), false) is false
      then 'was not issued by this project (iss)'
    when coalesce(claims -> 'aud' ? 'authenticated', false) is false
      then 'is not meant for this API (aud)'
  end;
  if fault is not null then
    raise sqlstate 'PT401' using
      message = 'The access token ' || fault,
      hint = 'Sign in again; a token of your own needs exp, aud "authenticated" and as iss the '
        'project''s URL with /auth/v1.';
  end if;
end $$;

-- PostgREST sees new tables, keys and functions without being told, as in Supabase.
create or replace function croft.pgrst_ddl_watch() returns event_trigger
language plpgsql
set search_path = ''
as $$
begin
  if exists (
    select from pg_event_trigger_ddl_commands() as command
    where command.command_tag in (
        'CREATE SCHEMA', 'ALTER SCHEMA',
        'CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE',
        'CREATE FOREIGN TABLE', 'ALTER FOREIGN TABLE',
        'CREATE VIEW', 'ALTER VIEW', 'CREATE MATERIALIZED VIEW', 'ALTER MATERIALIZED VIEW',
        'CREATE FUNCTION', 'ALTER FUNCTION', 'CREATE PROCEDURE', 'ALTER PROCEDURE',
        'CREATE TRIGGER', 'CREATE TYPE', 'ALTER TYPE', 'CREATE RULE', 'COMMENT'
      )
      and command.schema_name is distinct from 'pg_temp'
  ) then
    notify pgrst, 'reload schema';
  end if;
end $$;

create or replace function croft.pgrst_drop_watch() returns event_trigger
language plpgsql
set search_path = ''
as $$
begin
  if exists (
    select from pg_event_trigger_dropped_objects() as dropped
    where dropped.object_type in (
        'schema', 'table', 'foreign table', 'view', 'materialized view', 'function', 'procedure',
        'trigger', 'type', 'rule'
      )
      and not dropped.is_temporary
  ) then
    notify pgrst, 'reload schema';
  end if;
end $$;

drop event trigger if exists pgrst_ddl_watch;
create event trigger pgrst_ddl_watch on ddl_command_end
  execute function croft.pgrst_ddl_watch();
drop event trigger if exists pgrst_drop_watch;
create event trigger pgrst_drop_watch on sql_drop
  execute function croft.pgrst_drop_watch();

revoke execute on all functions in schema croft from public;
grant execute on function croft.pre_request(), croft.token_issuers()
  to anon, authenticated, service_role;
