"""postgresql:index/grantRole:GrantRole.

Owns one membership of a role in another.
"""

from psycopg import sql

from engine.provider import Props
from engine.providers.postgresql.connection import Connection, PostgresError, query, transact
from engine.providers.schema import Field, SchemaHandler, known_of, outputs_of, refreshed

UNDEFINED_OBJECT = "42704"

# From PostgreSQL 16 on a membership may have several rows, one per grantor.
READ = """
SELECT bool_or(admin_option) FROM pg_auth_members
WHERE pg_get_userbyid(member) = %s AND pg_get_userbyid(roleid) = %s HAVING count(*) > 0
"""


class GrantRole(SchemaHandler):
    fields = {
        "role": Field(required=True, replaces=True),
        "grantRole": Field(required=True, replaces=True),
        "withAdminOption": Field(kind="bool", default=False, replaces=True),
    }
    key = ("role", "grantRole")

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        def work(connection: Connection) -> None:
            _revoke(connection, inputs)
            statement = sql.SQL("GRANT {} TO {}").format(
                sql.Identifier(inputs["grantRole"]), sql.Identifier(inputs["role"])
            )
            if inputs.get("withAdminOption"):
                statement += sql.SQL(" WITH ADMIN OPTION")
            connection.execute(statement)

        transact(cfg, work)
        id = _id(inputs)
        return id, outputs_of(self.fields, id, inputs, {})

    def find(self, cfg: Props, inputs: Props) -> str | None:
        return _id(inputs) if query(cfg, READ, [inputs["role"], inputs["grantRole"]]) else None

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        known = known_of(self.fields, inputs, outputs, self.key)
        rows = query(cfg, READ, [known["role"], known["grantRole"]])
        if not rows:
            return None
        actual = {
            "role": known["role"],
            "grantRole": known["grantRole"],
            "withAdminOption": rows[0][0],
        }
        return refreshed(self.fields, id, known, actual)

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        raise AssertionError("every property of a membership replaces it")

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        try:
            transact(cfg, lambda connection: _revoke(connection, outputs))
        except PostgresError as error:
            if error.sqlstate != UNDEFINED_OBJECT:  # one of the roles is gone, so is the membership
                raise


def _id(inputs: Props) -> str:
    admin = "true" if inputs.get("withAdminOption") else "false"
    return f"{inputs['role']}_{inputs['grantRole']}_{admin}"


def _revoke(connection: Connection, membership: Props) -> None:
    connection.execute(
        sql.SQL("REVOKE {} FROM {}").format(
            sql.Identifier(membership["grantRole"]), sql.Identifier(membership["role"])
        )
    )
