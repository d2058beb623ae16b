-- Who may enter this database, and what even they may not do.
-- Roles here are cluster-wide: nothing on a database is ever granted to a shared role (anon,
-- postgres, ...), because any member in any project could take such a grant away by DROP OWNED.
revoke all on database {database} from public;
grant connect on database {database} to {authenticator};
grant connect, create, temporary on database {database} to {postgres};

-- What Supabase sets for its `postgres`; kept with the database, so it goes with it.
alter role {postgres} in database {database} set search_path = "$user", public, extensions;

-- One session that takes very many advisory locks fills the lock table of the whole cluster: they
-- are not for what comes through REST. The tenant's own login keeps them, since migration tools
-- (Prisma, Rails, Ecto, golang-migrate) begin with one; the lock table is sized for that.
do $$
declare
  f regprocedure;
begin
  for f in
    select p.oid from pg_proc p
    where p.pronamespace = 'pg_catalog'::regnamespace and p.proname ~ '^pg_(try_)?advisory_'
  loop
    execute format('revoke execute on function %s from public', f);
    execute format('grant execute on function %s to {postgres}', f);
  end loop;
end $$;
