"""postgresql:index/schema:Schema.

Owns CREATE, ALTER and DROP SCHEMA. Its privileges are Grant resources: the plugin's deprecated
`policies` are refused.
"""

from psycopg import sql

from engine.provider import Props
from engine.providers.postgresql.connection import Connection, transact
from engine.providers.postgresql.placed import PlacedHandler, database_of
from engine.providers.schema import Field, outputs_of

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
    duplicate = "42P06"
    row = READ
    columns = ("owner",)

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        name, owner = inputs["name"], inputs.get("owner")

        def work(connection: Connection) -> None:
            if inputs["ifNotExists"] and connection.execute(READ, [name]).fetchone():
                if owner:
                    connection.execute(_owned(name, owner))
                return
            statement = sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name))
            if owner:
                statement += sql.SQL(" AUTHORIZATION {}").format(sql.Identifier(owner))
            connection.execute(statement)

        return self.made(cfg, inputs, work)

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
