"""postgresql:index/publication:Publication.

Owns publications: their tables, what they publish, and their owner.
"""

from collections.abc import Collection

from psycopg import sql

from engine.provider import Props
from engine.providers.postgresql.connection import Connection
from engine.providers.postgresql.placed import PlacedHandler
from engine.providers.schema import Field, is_unknown

OPERATIONS = ("insert", "update", "delete", "truncate")

# The tables that were listed. (pg_publication_tables would show a partitioned one's partitions.)
READ = """
SELECT pg_get_userbyid(pubowner), puballtables, pubviaroot,
       array_remove(ARRAY[CASE WHEN pubinsert THEN 'insert' END,
                          CASE WHEN pubupdate THEN 'update' END,
                          CASE WHEN pubdelete THEN 'delete' END,
                          CASE WHEN pubtruncate THEN 'truncate' END], NULL),
       ARRAY(SELECT nspname || '.' || relname FROM pg_publication_rel
             JOIN pg_class c ON c.oid = prrelid JOIN pg_namespace n ON n.oid = relnamespace
             WHERE prpubid = p.oid ORDER BY 1)
FROM pg_publication p WHERE pubname = %s
"""


def _same_tables(new: list[str], old: list[str]) -> bool:
    return {_qualified(table) for table in new} == {_qualified(table) for table in old}


def _same_operations(new: list[str], old: list[str]) -> bool:
    return set(new) == set(old)


class Publication(PlacedHandler):
    fields = {
        "name": Field(required=True, replaces=True),
        "database": Field(computed=True, replaces=True),
        "owner": Field(computed=True),
        "tables": Field(kind="set", computed=True, same=_same_tables),
        "allTables": Field(kind="bool", computed=True, replaces=True),
        "publishParams": Field(kind="list", computed=True, same=_same_operations),
        "publishViaPartitionRootParam": Field(kind="bool", default=False),
        "dropCascade": Field(kind="bool", default=False, local=True),
    }
    word = "PUBLICATION"
    duplicate = "42710"
    row = READ
    columns = ("owner", "allTables", "publishViaPartitionRootParam", "publishParams", "tables")

    def validate(self, inputs: Props) -> None:
        if inputs.get("tables") and inputs.get("allTables") is True:
            raise ValueError("tables and allTables exclude one another")
        operations = inputs.get("publishParams") or []
        if not is_unknown(operations):
            if wrong := sorted(set(operations) - {*OPERATIONS}):
                raise ValueError(f"{wrong[0]} is not one of {', '.join(OPERATIONS)}")

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        def work(connection: Connection) -> None:
            publication = sql.Identifier(inputs["name"])
            statement = sql.SQL("CREATE PUBLICATION {}").format(publication)
            if inputs.get("allTables"):
                statement += sql.SQL(" FOR ALL TABLES")
            elif inputs.get("tables"):
                statement += sql.SQL(" FOR TABLE {}").format(_listed({*inputs["tables"]}))
            connection.execute(statement)
            _set(connection, inputs, ("publishParams", "publishViaPartitionRootParam", "owner"))

        return self.made(cfg, inputs, work)

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        name = news["name"]
        changes = self.diff(cfg, id, {}, old_outputs, news).changes

        def work(connection: Connection) -> None:
            if "tables" in changes:
                row = connection.execute(READ, [name]).fetchone()
                _set_tables(connection, name, {*(row[4] if row else ())}, {*news["tables"]})
            _set(connection, news, changes)

        return self.changed(cfg, id, news, work)


def _set(connection: Connection, inputs: Props, changes: Collection[str]) -> None:
    """Bring the named properties to their inputs; an absent one stays as the server has it."""
    parameters: list[sql.Composable] = []
    if "publishParams" in changes and inputs.get("publishParams") is not None:
        parameters.append(sql.SQL("publish = {}").format(", ".join(inputs["publishParams"])))
    if "publishViaPartitionRootParam" in changes:
        via_root = bool(inputs.get("publishViaPartitionRootParam"))
        parameters.append(sql.SQL("publish_via_partition_root = {}").format(via_root))
    publication = sql.Identifier(inputs["name"])
    if parameters:
        connection.execute(
            sql.SQL("ALTER PUBLICATION {} SET ({})").format(
                publication, sql.SQL(", ").join(parameters)
            )
        )
    if "owner" in changes and inputs.get("owner"):
        connection.execute(
            sql.SQL("ALTER PUBLICATION {} OWNER TO {}").format(
                publication, sql.Identifier(inputs["owner"])
            )
        )


def _set_tables(connection: Connection, name: str, old: set[str], new: set[str]) -> None:
    wanted = {_qualified(table) for table in new}
    for words, tables in (("DROP", old - wanted), ("ADD", wanted - old)):
        if tables:
            connection.execute(
                sql.SQL(f"ALTER PUBLICATION {{}} {words} TABLE {{}}").format(
                    sql.Identifier(name), _listed(tables)
                )
            )


def _listed(tables: set[str]) -> sql.Composed:
    parts = [_qualified(table).partition(".") for table in sorted(tables)]
    return sql.SQL(", ").join(sql.Identifier(schema, table) for schema, _, table in parts)


def _qualified(table: str) -> str:
    return table if "." in table else f"public.{table}"
