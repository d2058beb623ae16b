"""postgresql:index/extension:Extension.

Owns CREATE, ALTER and DROP EXTENSION. One that is there already is taken as it is and brought to
the schema and version asked for, as with the plugin: a template may have brought it.
"""

from psycopg import sql

from engine.provider import Props
from engine.providers.postgresql.connection import Connection
from engine.providers.postgresql.placed import PlacedHandler
from engine.providers.schema import Field

READ = """
SELECT nspname, extversion FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace
WHERE extname = %s
"""


class Extension(PlacedHandler):
    fields = {
        "name": Field(required=True, replaces=True),
        "database": Field(computed=True, replaces=True),
        "schema": Field(computed=True),
        "version": Field(computed=True),
        "createCascade": Field(kind="bool", default=False, local=True),
        "dropCascade": Field(kind="bool", default=False, local=True),
    }
    word = "EXTENSION"
    row = READ
    columns = ("schema", "version")

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        return self.made(cfg, inputs, lambda connection: _ensure(connection, inputs))

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        return self.changed(cfg, id, news, lambda connection: _ensure(connection, news))


def _ensure(connection: Connection, inputs: Props) -> None:
    extension = sql.Identifier(inputs["name"])
    schema, version = inputs.get("schema"), inputs.get("version")
    there = connection.execute(READ, [inputs["name"]]).fetchone()
    if there is None:
        statement = sql.SQL("CREATE EXTENSION {}").format(extension)
        if schema:
            statement += sql.SQL(" SCHEMA {}").format(sql.Identifier(schema))
        if version:
            statement += sql.SQL(" VERSION {}").format(sql.Literal(version))
        if inputs.get("createCascade"):
            statement += sql.SQL(" CASCADE")
        connection.execute(statement)
        return
    if schema and schema != there[0]:
        connection.execute(
            sql.SQL("ALTER EXTENSION {} SET SCHEMA {}").format(extension, sql.Identifier(schema))
        )
    if version and version != there[1]:
        connection.execute(
            sql.SQL("ALTER EXTENSION {} UPDATE TO {}").format(extension, sql.Literal(version))
        )
