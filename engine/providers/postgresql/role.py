"""postgresql:index/role:Role.

Owns CREATE, ALTER and DROP ROLE. A password leaves this process only as a SCRAM verifier, so that
no statement in the server's log can hold it; nor is it ever read back.
"""

from datetime import UTC, datetime

from psycopg import sql

from engine.provider import Props
from engine.providers.postgresql.connection import (
    Connection,
    PostgresError,
    Row,
    query,
    transact,
)
from engine.providers.schema import (
    Field,
    SchemaHandler,
    is_zero,
    known_of,
    outputs_of,
    refreshed,
)

# Input -> the words of CREATE ROLE, and the column of pg_roles that shows it.
FLAGS = {
    "superuser": ("SUPERUSER", "rolsuper"),
    "createDatabase": ("CREATEDB", "rolcreatedb"),
    "createRole": ("CREATEROLE", "rolcreaterole"),
    "inherit": ("INHERIT", "rolinherit"),
    "login": ("LOGIN", "rolcanlogin"),
    "replication": ("REPLICATION", "rolreplication"),
    "bypassRowLevelSecurity": ("BYPASSRLS", "rolbypassrls"),
}
# Input -> the setting that ALTER ROLE ... SET writes.
SETTINGS = {
    "statementTimeout": "statement_timeout",
    "idleInTransactionSessionTimeout": "idle_in_transaction_session_timeout",
    "assumeRole": "role",
}
# The second: two made it at the same moment.
ALREADY_EXISTS = ("42710", "23505")

READ = f"""
SELECT {", ".join(column for _, column in FLAGS.values())},
       rolconnlimit,
       coalesce(rolvaliduntil::text, 'infinity'),
       coalesce(rolconfig, '{{}}'),
       ARRAY(SELECT pg_get_userbyid(roleid) FROM pg_auth_members WHERE member = r.oid ORDER BY 1)
FROM pg_roles r WHERE rolname = %s
"""


def _same_time(new: str, old: str) -> bool:
    try:
        times = [datetime.fromisoformat(text) for text in (new, old)]
    except ValueError:
        return new == old
    aware = [time if time.tzinfo else time.replace(tzinfo=UTC) for time in times]
    return aware[0] == aware[1]


class Role(SchemaHandler):
    fields = {
        "name": Field(required=True, replaces=True),
        "password": Field(secret=True, local=True),
        "passwordWo": Field(secret=True, local=True, write_only=True),
        "passwordWoVersion": Field(local=True),
        "encrypted": Field(local=True),
        "encryptedPassword": Field(kind="bool", default=True, local=True),
        "validUntil": Field(default="infinity", same=_same_time),
        "connectionLimit": Field(kind="int", default=-1, minimum=-1),
        **{name: Field(kind="bool", default=False) for name in FLAGS},
        "inherit": Field(kind="bool", default=True),
        "roles": Field(kind="set"),
        "searchPaths": Field(kind="list"),
        "statementTimeout": Field(kind="int", default=0, minimum=0),
        "idleInTransactionSessionTimeout": Field(kind="int", default=0, minimum=0),
        "assumeRole": Field(default=""),
        "skipDropRole": Field(kind="bool", default=False, local=True),
        "skipReassignOwned": Field(kind="bool", default=False, local=True),
    }
    key = ("name",)
    autoname = "name"

    def validate(self, inputs: Props) -> None:
        if inputs.get("password") and inputs.get("passwordWo"):
            raise ValueError("password and passwordWo exclude one another")
        if bool(inputs.get("passwordWo")) != bool(inputs.get("passwordWoVersion")):
            raise ValueError("passwordWo and passwordWoVersion go together")

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        name = inputs["name"]

        def work(connection: Connection) -> list[Row]:
            connection.execute(
                sql.SQL("CREATE ROLE {} WITH {}").format(
                    sql.Identifier(name), _options(connection, inputs, set(self.fields))
                )
            )
            for granted in inputs.get("roles") or []:
                _grant(connection, granted, name)
            _configure(connection, inputs, {n for n in inputs if inputs[n] is not None})
            return connection.execute(READ, [name]).fetchall()

        try:
            rows = transact(cfg, work)
        except PostgresError as error:
            if error.sqlstate in ALREADY_EXISTS:
                message = f"role {name!r} already exists"
                raise PostgresError(message, error.sqlstate, already_exists=True) from None
            raise
        return name, outputs_of(self.fields, name, inputs, _shown(rows, name, inputs) or {})

    def find(self, cfg: Props, inputs: Props) -> str | None:
        return inputs["name"] if role_exists(cfg, inputs["name"]) else None

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        known = known_of(self.fields, inputs, outputs)
        actual = _shown(query(cfg, READ, [id]), id, known)
        return actual and refreshed(self.fields, id, known, actual)

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        changes = {*self.diff(cfg, id, {}, old_outputs, news).changes}
        old_roles, new_roles = (set(props.get("roles") or []) for props in (old_outputs, news))

        def work(connection: Connection) -> list[Row]:
            options = _options(connection, news, changes)
            if options.as_string(connection):
                connection.execute(
                    sql.SQL("ALTER ROLE {} WITH {}").format(sql.Identifier(id), options)
                )
            for granted in sorted(old_roles - new_roles):
                _revoke(connection, granted, id)
            for granted in sorted(new_roles - old_roles):
                _grant(connection, granted, id)
            _configure(connection, news, changes)
            return connection.execute(READ, [id]).fetchall()

        rows = transact(cfg, work)
        return outputs_of(self.fields, id, news, _shown(rows, id, news) or {})

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        drop_role(
            cfg,
            id,
            reassign=not outputs.get("skipReassignOwned"),
            drop=not outputs.get("skipDropRole"),
        )


def role_exists(cfg: Props, name: str) -> bool:
    return bool(query(cfg, "SELECT 1 FROM pg_roles WHERE rolname = %s", [name]))


def drop_role(cfg: Props, name: str, *, reassign: bool = True, drop: bool = True) -> None:
    """A role that is gone already is fine. What it owns in other databases is not seen from here:
    they go first."""

    def work(connection: Connection) -> None:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone():
            return
        role = sql.Identifier(name)
        if reassign:
            connection.execute(sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(role))
            connection.execute(sql.SQL("DROP OWNED BY {}").format(role))
        if drop:
            connection.execute(sql.SQL("DROP ROLE {}").format(role))

    transact(cfg, work)


def _options(connection: Connection, inputs: Props, changed: set[str]) -> sql.Composable:
    """The WITH clause for the changed inputs."""
    options: list[sql.Composable] = []
    for name, (word, _) in FLAGS.items():
        if name in changed:
            options.append(sql.SQL(word if inputs.get(name) else f"NO{word}"))
    if "connectionLimit" in changed:
        options.append(sql.SQL("CONNECTION LIMIT {}").format(inputs["connectionLimit"]))
    if "validUntil" in changed:
        options.append(sql.SQL("VALID UNTIL {}").format(inputs["validUntil"] or "infinity"))
    for written, drives in (("passwordWo", "passwordWoVersion"), ("password", "password")):
        if drives in changed and not is_zero(inputs.get(written)):
            options.append(sql.SQL("PASSWORD {}").format(_verifier(connection, inputs, written)))
            break
    return sql.SQL(" ").join(options)


def _verifier(connection: Connection, inputs: Props, written: str) -> str | None:
    password: str = inputs[written]
    if password.upper() == "NULL":
        return None
    if password.startswith(("SCRAM-SHA-256$", "md5")):
        return password
    name = inputs["name"].encode()
    return connection.pgconn.encrypt_password(password.encode(), name, b"scram-sha-256").decode()


def _configure(connection: Connection, inputs: Props, changed: set[str]) -> None:
    role = sql.Identifier(inputs["name"])
    for name, setting in SETTINGS.items():
        if name in changed and not is_zero(inputs.get(name)):
            connection.execute(
                sql.SQL("ALTER ROLE {} SET {} TO {}").format(
                    role, sql.Identifier(setting), str(inputs[name])
                )
            )
        elif name in changed:
            connection.execute(
                sql.SQL("ALTER ROLE {} RESET {}").format(role, sql.Identifier(setting))
            )
    if "searchPaths" in changed:
        paths = [sql.Identifier(path) for path in inputs.get("searchPaths") or []]
        value = sql.SQL(", ").join(paths) if paths else sql.SQL("DEFAULT")
        connection.execute(sql.SQL("ALTER ROLE {} SET search_path TO {}").format(role, value))


def _grant(connection: Connection, granted: str, role: str) -> None:
    connection.execute(
        sql.SQL("GRANT {} TO {}").format(sql.Identifier(granted), sql.Identifier(role))
    )


def _revoke(connection: Connection, granted: str, role: str) -> None:
    connection.execute(
        sql.SQL("REVOKE {} FROM {}").format(sql.Identifier(granted), sql.Identifier(role))
    )


def _shown(rows: list[Row], name: str, known: Props) -> Props | None:
    """A role as READ found it, or None."""
    if not rows:
        return None
    *flags, connection_limit, valid_until, settings, roles = rows[0]
    values = dict(setting.split("=", 1) for setting in settings)
    search_path = values.get("search_path")
    return {
        "name": name,
        **dict(zip(FLAGS, flags, strict=True)),
        "connectionLimit": connection_limit,
        "validUntil": valid_until,
        "statementTimeout": int(values.get("statement_timeout", 0)),
        "idleInTransactionSessionTimeout": int(
            values.get("idle_in_transaction_session_timeout", 0)
        ),
        "assumeRole": values.get("role", ""),
        "searchPaths": search_path and [path.strip('"') for path in search_path.split(", ")],
        # Memberships belong to GrantRole resources unless this role lists its own.
        "roles": roles if known.get("roles") else None,
    }
