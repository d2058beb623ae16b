"""postgresql:index/defaultPrivileges:DefaultPrivileges.

Owns what a role will hold on objects that an owner is yet to make. Every change revokes all first
and then grants, in one transaction.
"""

from psycopg import sql

from engine.provider import Props
from engine.providers.postgresql.connection import Connection, PostgresError, query, transact
from engine.providers.postgresql.database import database_exists
from engine.providers.postgresql.grant import GONE, PRIVILEGES, same_privileges
from engine.providers.schema import (
    Field,
    SchemaHandler,
    is_unknown,
    known_of,
    outputs_of,
    refreshed,
)

# Object type -> all its privileges, its letter in pg_default_acl, and its letter in acldefault().
KINDS = {
    "table": (PRIVILEGES["table"], "r", "r"),
    "sequence": (PRIVILEGES["sequence"], "S", "s"),
    "function": (PRIVILEGES["function"], "f", "f"),
    "routine": (PRIVILEGES["routine"], "f", "f"),
    "type": ({"USAGE"}, "T", "T"),
    "schema": (PRIVILEGES["schema"], "n", "n"),
}

# Without a row the built-in defaults hold for a whole database; a schema's row adds to them.
READ = """
SELECT owner.oid IS NOT NULL
       AND (%(role)s = 'public' OR EXISTS (SELECT FROM pg_roles WHERE rolname = %(role)s))
       AND (%(schema)s::text IS NULL OR space.oid IS NOT NULL),
  ARRAY(
    SELECT DISTINCT privilege_type FROM aclexplode(coalesce(
      (SELECT defaclacl FROM pg_default_acl
       WHERE defaclrole = owner.oid AND defaclobjtype = %(letter)s
         AND defaclnamespace = coalesce(space.oid, 0)),
      CASE WHEN space.oid IS NULL THEN acldefault(%(default_letter)s, owner.oid) END))
    WHERE grantee = coalesce((SELECT oid FROM pg_roles WHERE rolname = %(role)s), 0)
    ORDER BY 1)
FROM (SELECT) AS one
LEFT JOIN pg_roles owner ON owner.rolname = %(owner)s
LEFT JOIN pg_namespace space ON space.nspname = %(schema)s
"""


class DefaultPrivileges(SchemaHandler):
    fields = {
        "role": Field(required=True, replaces=True),
        "database": Field(required=True, replaces=True),
        "owner": Field(required=True, replaces=True),
        "schema": Field(replaces=True),
        "objectType": Field(required=True, replaces=True, choices=KINDS),
        "privileges": Field(kind="set", required=True),
        "withGrantOption": Field(kind="bool", default=False, replaces=True),
    }
    key = ("role", "database", "owner", "schema", "objectType")

    def validate(self, inputs: Props) -> None:
        kind = inputs["objectType"]
        if kind == "schema" and inputs.get("schema"):
            raise ValueError("schema cannot be given when objectType is schema")
        if inputs.get("withGrantOption") is True and inputs["role"] == "public":
            raise ValueError("withGrantOption cannot be given to the role public")
        if not is_unknown(kind) and not is_unknown(inputs["privileges"]):
            if wrong := sorted(set(inputs["privileges"]) - KINDS[kind][0] - {"ALL"}):
                raise ValueError(f"{wrong[0]} is not a privilege on a {kind}")

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        id = _id(inputs)
        _apply(cfg, inputs)
        return id, outputs_of(self.fields, id, inputs, {})

    def find(self, cfg: Props, inputs: Props) -> str | None:
        return None  # creating again is harmless

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        known = known_of(self.fields, inputs, outputs, ["role", "database", "owner", "objectType"])
        granted, wanted = _granted(cfg, known), set(known.get("privileges") or [])
        if granted is None or (wanted and not granted):
            return None
        same = same_privileges(KINDS[known["objectType"]][0], wanted, granted)
        actual = known if same else {**known, "privileges": sorted(granted)}
        return refreshed(self.fields, id, known, actual)

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        _apply(cfg, news)
        return outputs_of(self.fields, id, news, {})

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        if not database_exists(cfg, outputs["database"]):
            return
        try:
            _apply(cfg, {**outputs, "privileges": []})
        except PostgresError as error:
            if error.sqlstate not in GONE:
                raise


def _id(inputs: Props) -> str:
    schema = inputs.get("schema") or "noschema"
    parts = [inputs["role"], inputs["database"], schema, inputs["owner"], inputs["objectType"]]
    return "_".join(parts)


def _apply(cfg: Props, inputs: Props) -> None:
    start = sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {}").format(sql.Identifier(inputs["owner"]))
    if inputs.get("schema"):
        start += sql.SQL(" IN SCHEMA {}").format(sql.Identifier(inputs["schema"]))
    objects, role = f"{inputs['objectType'].upper()}S", sql.Identifier(inputs["role"])

    def work(connection: Connection) -> None:
        connection.execute(start + sql.SQL(f" REVOKE ALL ON {objects} FROM {{}}").format(role))
        if inputs["privileges"]:
            words = ", ".join(sorted(inputs["privileges"]))
            grant = start + sql.SQL(f" GRANT {words} ON {objects} TO {{}}").format(role)
            if inputs.get("withGrantOption"):
                grant += sql.SQL(" WITH GRANT OPTION")
            connection.execute(grant)

    transact(cfg, work, inputs["database"])


def _granted(cfg: Props, known: Props) -> set[str] | None:
    """None when role, owner, schema or database is gone."""
    if not database_exists(cfg, known["database"]):
        return None
    _, letter, default_letter = KINDS[known["objectType"]]
    names = {name: known.get(name) or None for name in ("role", "owner", "schema")}
    letters = {"letter": letter, "default_letter": default_letter}
    [(exist, privileges)] = query(cfg, READ, {**names, **letters}, known["database"])
    return set(privileges) if exist else None
