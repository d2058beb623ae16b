-- A project that is over its organization's limit of requests is told so, in Supabase's words, until
-- the limit or the month is another. The platform says it by a setting of the database that only a
-- superuser may set; it is read where it is kept, since a session's own copy can be changed by SQL.
create or replace function croft.restriction() returns text
language sql stable
set search_path = ''
as $$
  select substr(entry, length('croft.restriction=') + 1)
  from pg_catalog.pg_db_role_setting s
  cross join unnest(s.setconfig) entry
  where s.setrole = 0
    and s.setdatabase = (
      select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()
    )
    and starts_with(entry, 'croft.restriction=')
$$;

create or replace function croft.before_request() returns void
language plpgsql
set search_path = ''
as $$
declare
  restriction text := croft.restriction();
begin
  if restriction is not null then
    raise sqlstate 'PT402' using
      message = 'Service for this project is restricted due to the following violations: '
        || restriction || '.',
      hint = 'Who runs the platform can raise the limit of the project''s organization.';
  end if;
  if current_setting('default_transaction_read_only')::boolean then
    perform set_config('transaction_read_only', 'on', true);
  end if;
  perform croft.pre_request();
end $$;

revoke execute on function croft.restriction() from public;
grant execute on function croft.restriction() to anon, authenticated, service_role;
