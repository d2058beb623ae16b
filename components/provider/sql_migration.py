"""croft:index:SqlMigration: a project's database brought to a version of the shipped SQL.

Owns the files in `sql/` and the table `croft.migrations` that says which of them a database has.
Runs only SQL shipped with the product, as the platform's superuser, in one transaction and with an
empty search_path, so that nothing a tenant made is ever called. Must not know what the SQL is for.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import resources

import psycopg
from psycopg import sql

from components.provider.diff import Diff, Props, compare, has_unknown
from contracts.home import SERVER_ADMIN

CONNECT_TIMEOUT_S = 10
STATEMENT_TIMEOUT_S = 60
LOCK_TIMEOUT_S = 20


@dataclass(frozen=True)
class SqlFile:
    """One shipped file. Its text holds {name} where an identifier or a literal goes. A released
    file never changes, because a tenant may rightly have altered what it made."""

    version: int
    name: str
    text: str


def shipped() -> tuple[SqlFile, ...]:
    """The files of the product in their order."""
    folder = resources.files("components.provider") / "sql"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple(
        SqlFile(int(name.split("_")[0]), name, (folder / name).read_text("utf-8")) for name in names
    )


def latest_version() -> int:
    return shipped()[-1].version


class SqlMigrationHandler:
    """Inputs: database, version, identifiers {name: identifier}, literals {name: value}.

    A file runs when the database never had it, or had it with other parameters. Deleting does
    nothing: the database goes.
    """

    secret_outputs: Collection[str] = ()

    def check(self, cfg: Props, urn: str, olds: Props | None, news: Props) -> Props:
        if has_unknown(news):
            return news
        known = {file.version for file in shipped()}
        if news["version"] not in known:
            raise ValueError(f"SqlMigration has no version {news['version']}; known: {known}")
        return news

    def diff(self, cfg: Props, id: str, old_inputs: Props, old_outputs: Props, news: Props) -> Diff:
        return compare(old_outputs, news, key="database")

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        _migrate(cfg, inputs)
        return str(inputs["database"]), dict(inputs)

    def find(self, cfg: Props, inputs: Props) -> str | None:
        """Nothing to adopt: a create that was cut off left all or nothing, and runs again."""
        return None

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        """The version found in the database; None when database or table are gone."""
        try:
            with _connect(cfg, id) as conn:
                row = conn.execute("select max(version) from croft.migrations").fetchone()
        except (psycopg.errors.InvalidCatalogName, psycopg.errors.UndefinedTable):
            return None
        except psycopg.OperationalError as error:
            # libpq reports a refused start-up, a missing database included, without a class.
            if f'database "{id}" does not exist' in str(error):
                return None
            raise
        return {**outputs, "version": row[0]} if row and row[0] is not None else None

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        _migrate(cfg, news)
        return dict(news)

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        return None


def _connect(cfg: Props, database: str) -> psycopg.Connection:
    # Without a password libpq looks for PGPASSWORD, as under `python -m engine`.
    credentials = {"password": cfg["password"]} if cfg.get("password") else {}
    return psycopg.connect(
        host=str(cfg["host"]),
        port=int(cfg["port"]),
        dbname=database,
        user=str(cfg.get("username") or SERVER_ADMIN),
        connect_timeout=CONNECT_TIMEOUT_S,
        application_name="croft",
        options=(
            f"-c search_path= -c lock_timeout={LOCK_TIMEOUT_S}s"
            f" -c statement_timeout={STATEMENT_TIMEOUT_S}s"
        ),
        **credentials,
    )


def _migrate(cfg: Props, inputs: Props) -> None:
    parameters = {
        **{name: sql.Identifier(value) for name, value in inputs["identifiers"].items()},
        **{name: sql.Literal(value) for name, value in inputs["literals"].items()},
    }
    with _connect(cfg, inputs["database"]) as conn:
        with conn.transaction():
            _apply(conn, int(inputs["version"]), parameters)
        _evict_uninvited(conn)


def _apply(
    conn: psycopg.Connection, version: int, parameters: Mapping[str, sql.Composable]
) -> None:
    conn.execute("select pg_advisory_xact_lock(hashtext('croft.migrations'))")
    conn.execute("create schema if not exists croft")
    conn.execute(
        "create table if not exists croft.migrations (version integer primary key,"
        " name text not null, checksum text not null, applied_at timestamptz not null)"
    )
    rows = conn.execute("select version, checksum from croft.migrations").fetchall()
    done: dict[int, str] = dict(rows)
    for file in shipped():
        if file.version > version:
            break
        statement = sql.SQL(file.text).format(**parameters)
        checksum = hashlib.sha256(statement.as_bytes(conn)).hexdigest()
        if done.get(file.version) == checksum:
            continue
        conn.execute(statement)
        conn.execute(
            "insert into croft.migrations values (%s, %s, %s, now()) on conflict (version)"
            " do update set checksum = excluded.checksum, applied_at = excluded.applied_at",
            (file.version, file.name, checksum),
        )


def _evict_uninvited(conn: psycopg.Connection) -> None:
    """End sessions that came in before PUBLIC lost CONNECT.

    A new database is open to every login of the cluster until the first file has run, and a session
    keeps what it has: another project could wait in here as a member of service_role. Back ends
    still starting hold a lock on the database and may not be listed as activity yet: those first.
    """
    conn.execute(
        "select pg_terminate_backend(l.pid) from pg_locks l join pg_database d on d.oid = l.objid"
        " where l.locktype = 'object' and l.classid = 'pg_database'::regclass"
        " and d.datname = current_database() and l.pid <> pg_backend_pid()"
    )
    conn.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
        " and backend_type = 'client backend'"
        " and not has_database_privilege(usesysid, datid, 'CONNECT')"
    )
