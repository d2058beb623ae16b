-- PostgREST opens its transactions READ WRITE, which goes over default_transaction_read_only: where
-- the platform has closed a database to writes, its requests are closed here.
create or replace function croft.before_request() returns void
language plpgsql
set search_path = ''
as $$
begin
  if current_setting('default_transaction_read_only')::boolean then
    perform set_config('transaction_read_only', 'on', true);
  end if;
  perform croft.pre_request();
end $$;

revoke execute on function croft.before_request() from public;
grant execute on function croft.before_request() to anon, authenticated, service_role;
