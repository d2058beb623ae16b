-- Schemas, extensions and privileges that Supabase's users' migrations take for granted.
-- Not repeatable by accident: a tenant may have narrowed these default privileges since.
alter schema public owner to {postgres};
grant all on schema public to postgres;
grant usage on schema public to anon, authenticated, service_role;

create schema if not exists extensions;
create extension if not exists "uuid-ossp" with schema extensions;
create extension if not exists pgcrypto with schema extensions;
grant usage on schema extensions to anon, authenticated, service_role;
grant all on schema extensions to {postgres}, postgres;
grant all on all routines in schema extensions to {postgres}, postgres with grant option;

-- Objects of the tenant's login, of the shared `postgres` that dumps name, and of the platform.
alter default privileges for role {postgres} in schema public
  grant all on tables to postgres, anon, authenticated, service_role;
alter default privileges for role {postgres} in schema public
  grant all on sequences to postgres, anon, authenticated, service_role;
alter default privileges for role {postgres} in schema public
  grant all on routines to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public
  grant all on tables to {postgres}, anon, authenticated, service_role;
alter default privileges for role postgres in schema public
  grant all on sequences to {postgres}, anon, authenticated, service_role;
alter default privileges for role postgres in schema public
  grant all on routines to {postgres}, anon, authenticated, service_role;
alter default privileges in schema public
  grant all on tables to {postgres}, postgres, anon, authenticated, service_role;
alter default privileges in schema public
  grant all on sequences to {postgres}, postgres, anon, authenticated, service_role;
alter default privileges in schema public
  grant all on routines to {postgres}, postgres, anon, authenticated, service_role;

-- Migrations say `alter publication supabase_realtime add table ...`: only its owner may.
do $$
begin
  if not exists (select from pg_publication where pubname = 'supabase_realtime') then
    create publication supabase_realtime;
  end if;
end $$;
alter publication supabase_realtime owner to {postgres};
