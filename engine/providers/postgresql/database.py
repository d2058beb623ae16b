"""postgresql:index/database:Database.

Owns CREATE, ALTER and DROP DATABASE. Like the plugin it copies template0 and encodes in UTF8
unless told otherwise.
"""

from psycopg import sql

from engine.provider import Props
from engine.providers.postgresql.connection import PostgresError, execute_alone, query, transact
from engine.providers.schema import Field, SchemaHandler, known_of, outputs_of, refreshed

# The second: two made it at the same moment.
ALREADY_EXISTS = ("42P04", "23505")

READ = """
SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype, spcname,
       datconnlimit, datallowconn, datistemplate
FROM pg_database JOIN pg_tablespace t ON t.oid = dattablespace WHERE datname = %s
"""
DROP_SLOTS = """
SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots
WHERE database = %s AND active_pid IS NOT NULL
"""


class Database(SchemaHandler):
    fields = {
        "name": Field(required=True, replaces=True),
        "owner": Field(computed=True),
        "template": Field(computed=True, replaces=True, local=True, default=""),
        "encoding": Field(computed=True, replaces=True),
        "lcCollate": Field(computed=True, replaces=True),
        "lcCtype": Field(computed=True, replaces=True),
        "tablespaceName": Field(computed=True),
        "connectionLimit": Field(kind="int", default=-1, minimum=-1),
        "allowConnections": Field(kind="bool", default=True),
        "isTemplate": Field(kind="bool", computed=True),
        "alterObjectOwnership": Field(kind="bool", default=False, local=True),
    }
    key = ("name",)
    autoname = "name"

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        name = inputs["name"]
        options = [
            _named("OWNER", inputs.get("owner")),
            _named("TEMPLATE", inputs.get("template") or "template0"),
            _quoted("ENCODING", inputs.get("encoding") or "UTF8"),
            _quoted("LC_COLLATE", inputs.get("lcCollate")),
            _quoted("LC_CTYPE", inputs.get("lcCtype")),
            _named("TABLESPACE", inputs.get("tablespaceName")),
            sql.SQL("ALLOW_CONNECTIONS {}").format(inputs["allowConnections"]),
            sql.SQL("CONNECTION LIMIT {}").format(inputs["connectionLimit"]),
            sql.SQL("IS_TEMPLATE {}").format(bool(inputs.get("isTemplate"))),
        ]
        statement = sql.SQL("CREATE DATABASE {} {}").format(
            sql.Identifier(name), sql.SQL(" ").join(option for option in options if option)
        )
        try:
            execute_alone(cfg, statement)
        except PostgresError as error:
            if error.sqlstate in ALREADY_EXISTS:
                message = f"database {name!r} already exists"
                raise PostgresError(message, error.sqlstate, already_exists=True) from None
            raise
        return name, outputs_of(self.fields, name, inputs, _read(cfg, name, inputs) or {})

    def find(self, cfg: Props, inputs: Props) -> str | None:
        return inputs["name"] if database_exists(cfg, inputs["name"]) else None

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        known = known_of(self.fields, inputs, outputs)
        actual = _read(cfg, id, known)
        return actual and refreshed(
            self.fields, id, {**known, "template": actual["template"]}, actual
        )

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        changes = self.diff(cfg, id, {}, old_outputs, news).changes
        if "owner" in changes and news.get("alterObjectOwnership") and old_outputs.get("owner"):
            _reassign(cfg, id, old_outputs["owner"], news["owner"])
        clauses = {
            "owner": _named("OWNER TO", news.get("owner")),
            "tablespaceName": _named("SET TABLESPACE", news.get("tablespaceName")),
            "connectionLimit": sql.SQL("CONNECTION LIMIT {}").format(news["connectionLimit"]),
            "allowConnections": sql.SQL("ALLOW_CONNECTIONS {}").format(news["allowConnections"]),
            "isTemplate": sql.SQL("IS_TEMPLATE {}").format(bool(news.get("isTemplate"))),
        }
        for name, clause in clauses.items():
            if name in changes and clause:
                statement = sql.SQL("ALTER DATABASE {} {}").format(sql.Identifier(id), clause)
                execute_alone(cfg, statement)
        return outputs_of(self.fields, id, news, _read(cfg, id, news) or {})

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        drop_database(cfg, id)


def database_exists(cfg: Props, name: str) -> bool:
    return bool(query(cfg, "SELECT 1 FROM pg_database WHERE datname = %s", [name]))


def drop_database(cfg: Props, name: str) -> None:
    """A database that is gone already is fine. Sessions and replication slots in it are ended:
    FORCE ends sessions only, and a leftover slot would block the drop and pin WAL."""
    if not database_exists(cfg, name):
        return
    database = sql.Identifier(name)
    execute_alone(
        cfg, sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false IS_TEMPLATE false").format(database)
    )
    query(cfg, DROP_SLOTS, [name])
    query(
        cfg,
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = %s",
        [name],
    )
    execute_alone(cfg, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))


def _reassign(cfg: Props, database: str, old_owner: str, new_owner: str) -> None:
    statement = sql.SQL("REASSIGN OWNED BY {} TO {}").format(
        sql.Identifier(old_owner), sql.Identifier(new_owner)
    )
    transact(cfg, lambda connection: connection.execute(statement), database)


def _named(words: str, name: str | None) -> sql.Composable | None:
    if name is None:
        return None
    value = sql.SQL("DEFAULT") if name.upper() == "DEFAULT" else sql.Identifier(name)
    return sql.SQL(f"{words} {{}}").format(value)


def _quoted(words: str, text: str | None) -> sql.Composable | None:
    if text is None:
        return None
    value = sql.SQL("DEFAULT") if text.upper() == "DEFAULT" else sql.Literal(text)
    return sql.SQL(f"{words} {{}}").format(value)


def _read(cfg: Props, name: str, known: Props) -> Props | None:
    rows = query(cfg, READ, [name])
    if not rows:
        return None
    owner, encoding, collate, ctype, tablespace, limit, allow, is_template = rows[0]
    return {
        "name": name,
        "owner": owner,
        "template": known.get("template") or "template0",
        "encoding": encoding,
        "lcCollate": collate,
        "lcCtype": ctype,
        "tablespaceName": tablespace,
        "connectionLimit": limit,
        "allowConnections": allow,
        "isTemplate": is_template,
    }
