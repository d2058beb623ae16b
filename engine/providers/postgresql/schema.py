"""postgresql:index/schema:Schema.

Owns CREATE, ALTER and DROP SCHEMA. Its privileges are Grant resources: the plugin's deprecated
`policies` are refused.
"""

from psycopg import sql

from engine.provider import Props
from engine.providers.postgresql.connection import Connection, PostgresError, transact
from engine.providers.postgresql.placed import PlacedHandler, database_of, id_of
from engine.providers.schema import Field, outputs_of

DUPLICATE_SCHEMA = "42P06"

READ = "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = %s"


class Schema(PlacedHandler):
    fields = {
        "name": Field(required=True, replaces=True),
        "database": Field(computed=True, replaces=True),
        "owner": Field(computed=True),
        "ifNotExists": Field(kind="bool", default=True, local=True),
        "dropCascade": Field(kind="bool", default=False, local=True),
        "policies": Field(output=True, local=True),
    }
    word = "SCHEMA"
    row = READ
    columns = ("owner",)

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        name, database, owner = inputs["name"], database_of(cfg, inputs), inputs.get("owner")

        def work(connection: Connection) -> None:
            if inputs["ifNotExists"] and connection.execute(READ, [name]).fetchone():
                if owner:
                    connection.execute(_owned(name, owner))
                return
            statement = sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name))
            if owner:
                statement += sql.SQL(" AUTHORIZATION {}").format(sql.Identifier(owner))
            connection.execute(statement)

        try:
            transact(cfg, work, database)
        except PostgresError as error:
            if error.sqlstate == DUPLICATE_SCHEMA:
                message = f"schema {name!r} already exists in database {database!r}"
                raise PostgresError(message, error.sqlstate, already_exists=True) from None
            raise
        id = id_of(cfg, inputs)
        return id, outputs_of(self.fields, id, inputs, self.actual(cfg, database, name) or {})

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        name, database, owner = news["name"], database_of(cfg, news), news.get("owner")
        if owner and "owner" in self.diff(cfg, id, {}, old_outputs, news).changes:
            statement = _owned(name, owner)
            transact(cfg, lambda connection: connection.execute(statement), database)
        return outputs_of(self.fields, id, news, self.actual(cfg, database, name) or {})


def _owned(name: str, owner: str) -> sql.Composed:
    return sql.SQL("ALTER SCHEMA {} OWNER TO {}").format(
        sql.Identifier(name), sql.Identifier(owner)
    )
