"""postgresql:index/grant:Grant.

Owns the privileges of one role on a database, a schema, or the tables, sequences or routines of a
schema. Every change revokes all first and then grants, in one transaction.
"""

from psycopg import sql

from engine.provider import Props
from engine.providers.postgresql.connection import Connection, PostgresError, query, transact
from engine.providers.postgresql.database import database_exists
from engine.providers.schema import (
    Field,
    SchemaHandler,
    is_unknown,
    known_of,
    outputs_of,
    refreshed,
    set_order,
)

# Object type -> all its privileges (as ALL grants them).
PRIVILEGES = {
    "database": {"CREATE", "CONNECT", "TEMPORARY"},
    "schema": {"CREATE", "USAGE"},
    "table": {
        *("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"),
        "MAINTAIN",
    },
    "sequence": {"USAGE", "SELECT", "UPDATE"},
    "function": {"EXECUTE"},
    "procedure": {"EXECUTE"},
    "routine": {"EXECUTE"},
    "column": {"SELECT", "INSERT", "UPDATE", "REFERENCES"},
}
GONE = {"3D000", "3F000", "42704", "42P01", "42883"}  # database, schema, role, table, function

# Object type -> catalog, owner, ACL, type letter of its default ACL, and which rows.
CATALOGS = {
    "database": ("pg_database", "datdba", "datacl", "d", "datname = %(database)s"),
    "schema": ("pg_namespace", "nspowner", "nspacl", "n", "nspname = %(schema)s"),
    "table": ("pg_class", "relowner", "relacl", "r", "relkind IN ('r', 'p', 'v', 'm', 'f')"),
    "sequence": ("pg_class", "relowner", "relacl", "s", "relkind = 'S'"),
    "function": ("pg_proc", "proowner", "proacl", "f", "prokind <> 'p'"),
    "procedure": ("pg_proc", "proowner", "proacl", "f", "prokind = 'p'"),
    "routine": ("pg_proc", "proowner", "proacl", "f", "true"),
    "column": ("pg_attribute", "0", "attacl", "c", "attname = ANY (%(columns)s)"),
}
NAMESPACE = "quote_ident(%(schema)s)::regnamespace"
IN_SCHEMA = {
    "pg_class": f""" AND relnamespace = {NAMESPACE}
        AND (%(objects)s::text[] IS NULL OR relname = ANY (%(objects)s))""",
    "pg_proc": f""" AND pronamespace = {NAMESPACE}
        AND (%(objects)s::text[] IS NULL OR proname = ANY (%(objects)s))""",
    "pg_attribute": f""" AND attrelid = (SELECT oid FROM pg_class
        WHERE relnamespace = {NAMESPACE} AND relname = ANY (%(objects)s))""",
}


class Grant(SchemaHandler):
    fields = {
        "role": Field(required=True, replaces=True),
        "database": Field(required=True, replaces=True),
        "schema": Field(replaces=True),
        "objectType": Field(required=True, replaces=True, choices=PRIVILEGES),
        "objects": Field(kind="set", replaces=True),
        "columns": Field(kind="set", replaces=True),
        "privileges": Field(kind="set", required=True),
        "withGrantOption": Field(kind="bool", default=False, replaces=True),
    }
    key = ("role", "database", "schema", "objectType", "objects", "columns")

    def validate(self, inputs: Props) -> None:
        kind = inputs["objectType"]
        if is_unknown(kind):
            return
        objects, columns = inputs.get("objects") or [], inputs.get("columns") or []
        if kind != "database" and not inputs.get("schema"):
            raise ValueError(f"schema is required when objectType is {kind}")
        if objects and kind in ("database", "schema"):
            raise ValueError(f"objects cannot be given when objectType is {kind}")
        if bool(columns) != (kind == "column"):
            raise ValueError("columns go with objectType column, and only with it")
        if kind == "column" and not len(objects) == len(inputs["privileges"]) == 1:
            raise ValueError("objectType column takes exactly one table and one privilege")
        if not is_unknown(inputs["privileges"]):
            allowed = PRIVILEGES[kind] | {"ALL", "TEMP"}
            if wrong := sorted(set(inputs["privileges"]) - allowed):
                raise ValueError(f"{wrong[0]} is not a privilege on a {kind}")

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        id = _id(inputs)
        _apply(cfg, inputs, revoked=inputs)
        return id, outputs_of(self.fields, id, inputs, {})

    def find(self, cfg: Props, inputs: Props) -> str | None:
        return None  # creating again is harmless, and privileges cannot tell who granted them

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        known = known_of(self.fields, inputs, outputs, ["role", "database", "objectType"])
        if not database_exists(cfg, known["database"]):
            return None
        try:
            granted = _granted(cfg, known)
        except PostgresError as error:
            if error.sqlstate in GONE:
                return None
            raise
        if granted is None:
            return None
        kind, wanted = known["objectType"], set(known.get("privileges") or [])
        other = next(
            (found for found in granted if not same_privileges(PRIVILEGES[kind], wanted, found)),
            None,
        )
        actual = known if other is None else {**known, "privileges": sorted(other)}
        return refreshed(self.fields, id, known, actual)

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        _apply(cfg, news, revoked=old_outputs)
        return outputs_of(self.fields, id, news, {})

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        if not database_exists(cfg, outputs["database"]):
            return
        try:
            _apply(cfg, {**outputs, "privileges": []}, revoked=outputs)
        except PostgresError as error:
            if error.sqlstate not in GONE:
                raise


def _id(inputs: Props) -> str:
    schema = [] if inputs["objectType"] == "database" else [inputs["schema"]]
    objects, columns = (set_order(inputs.get(name) or []) for name in ("objects", "columns"))
    return "_".join(
        [inputs["role"], inputs["database"], *schema, inputs["objectType"], *objects, *columns]
    )


def _where(grant: Props) -> str | None:
    """The database to stand in. One's own row in pg_database can be granted on from anywhere: from
    the maintenance database, so that all such grants wait for the same lock."""
    return None if grant["objectType"] == "database" else grant["database"]


def _apply(cfg: Props, grant: Props, revoked: Props) -> None:
    role = sql.Identifier(grant["role"])

    def work(connection: Connection) -> None:
        words = _words(revoked, revoke=True)
        if words is not None:
            connection.execute(
                sql.SQL("REVOKE {} ON {} FROM {}").format(words, _object(revoked), role)
            )
        words = _words(grant, revoke=False)
        if words is not None:
            statement = sql.SQL("GRANT {} ON {} TO {}").format(words, _object(grant), role)
            if grant.get("withGrantOption"):
                statement += sql.SQL(" WITH GRANT OPTION")
            connection.execute(statement)

    transact(cfg, work, _where(grant))


def _words(grant: Props, *, revoke: bool) -> sql.Composable | None:
    """What to grant or revoke, None for nothing. Single tables and columns lose only the named
    privileges, as with the plugin: REVOKE ALL on a table takes grants on its columns along."""
    kind, privileges = grant["objectType"], grant.get("privileges") or []
    narrow = kind == "column" or bool(grant.get("objects"))
    if revoke and not (narrow and privileges):
        return None if kind == "column" else sql.SQL("ALL PRIVILEGES")
    if not privileges:
        return None
    words = sql.SQL(", ").join(sql.SQL(word) for word in privileges)  # checked against PRIVILEGES
    if kind != "column":
        return words
    columns = sql.SQL(", ").join(map(sql.Identifier, grant["columns"]))
    return sql.SQL("{} ({})").format(words, columns)


def _object(grant: Props) -> sql.Composable:
    kind = grant["objectType"]
    if kind in ("database", "schema"):
        return sql.SQL(kind.upper() + " {}").format(sql.Identifier(grant[kind]))
    words, schema = "TABLE" if kind == "column" else kind.upper(), grant["schema"]
    if grant.get("objects"):
        objects = [sql.Identifier(schema, name) for name in grant["objects"]]
        return sql.SQL(words + " {}").format(sql.SQL(", ").join(objects))
    return sql.SQL(f"ALL {words}S IN SCHEMA {{}}").format(sql.Identifier(schema))


def _granted(cfg: Props, grant: Props) -> list[set[str]] | None:
    """What the role holds on each object; None when role, schema or database is gone."""
    role, kind = grant["role"], grant["objectType"]
    if role != "public" and not query(cfg, "SELECT 1 FROM pg_roles WHERE rolname = %s", [role]):
        return None
    catalog, owner, acl, letter, which = CATALOGS[kind]
    rows = query(
        cfg,
        f"""SELECT ARRAY(
              SELECT DISTINCT privilege_type
              FROM aclexplode(coalesce({acl}, acldefault('{letter}', {owner})))
              WHERE grantee = coalesce((SELECT oid FROM pg_roles WHERE rolname = %(role)s), 0))
            FROM {catalog} WHERE {which}{IN_SCHEMA.get(catalog, "")}""",
        {
            "role": role,
            "database": grant["database"],
            "schema": grant.get("schema"),
            "objects": grant.get("objects") or None,
            "columns": grant.get("columns"),
        },
        _where(grant),
    )
    if not rows and kind in ("database", "schema"):
        return None
    return [set(privileges) for (privileges,) in rows]


def same_privileges(every: set[str], wanted: set[str], granted: set[str]) -> bool:
    """`every` is all there are on an object of the kind, as ALL grants them."""
    if "ALL" in wanted:  # MAINTAIN exists from PostgreSQL 17 on only
        return granted >= every - {"MAINTAIN"}
    return granted == {"TEMPORARY" if word == "TEMP" else word for word in wanted}
