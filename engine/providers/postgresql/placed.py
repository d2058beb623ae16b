"""Objects that lie in one database: schemas, extensions, publications.

Owns which database a resource means, its id (`database.name`), reading where the database may be
gone, and the verbs that are the same for all of them. Must not know what the objects are.
"""

from collections.abc import Callable
from typing import Any, ClassVar, LiteralString

from psycopg import sql

from engine.provider import Props
from engine.providers.postgresql.connection import (
    Connection,
    PostgresError,
    Row,
    query,
    target_of,
    transact,
)
from engine.providers.postgresql.database import database_exists
from engine.providers.schema import SchemaHandler, known_of, outputs_of, refreshed


class PlacedHandler(SchemaHandler):
    """find, read and delete by name within a database; create and update are each type's own."""

    key = ("name", "database")
    autoname = "name"
    # As in DROP SCHEMA.
    word: ClassVar[LiteralString]
    # A statement with the name as its one parameter, and the outputs that its columns are.
    row: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]
    # What CREATE is refused with where the name is taken; none where it cannot be.
    duplicate: ClassVar[str | None] = None

    def made(
        self, cfg: Props, inputs: Props, work: Callable[[Connection], object]
    ) -> tuple[str, Props]:
        """The work of a create, in the object's database; its id and outputs."""
        id = id_of(cfg, inputs)
        try:
            return id, self.changed(cfg, id, inputs, work)
        except PostgresError as error:
            if self.duplicate is None or error.sqlstate != self.duplicate:
                raise
            name, database = inputs["name"], database_of(cfg, inputs)
            message = f"{self.word.lower()} {name!r} already exists in database {database!r}"
            raise PostgresError(message, error.sqlstate, already_exists=True) from None

    def changed(
        self, cfg: Props, id: str, inputs: Props, work: Callable[[Connection], object]
    ) -> Props:
        """The work of a change, in the object's database; the outputs after it."""
        name, database = inputs["name"], database_of(cfg, inputs)

        def work_and_look(connection: Connection) -> Row | None:
            work(connection)
            return connection.execute(self.row, [name]).fetchone()

        found = transact(cfg, work_and_look, database)
        return outputs_of(self.fields, id, inputs, self._shown(database, name, found) or {})

    def find(self, cfg: Props, inputs: Props) -> str | None:
        there = self.actual(cfg, database_of(cfg, inputs), inputs["name"])
        return id_of(cfg, inputs) if there else None

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        known = known_of(self.fields, inputs, outputs)
        actual = self.actual(cfg, *named_by(cfg, id, known))
        return actual and refreshed(self.fields, id, known, actual)

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        database, name = named_by(cfg, id, outputs)
        if self.actual(cfg, database, name) is None:
            return
        statement = sql.SQL("DROP {} IF EXISTS {} {}").format(
            sql.SQL(self.word),
            sql.Identifier(name),
            sql.SQL("CASCADE" if outputs.get("dropCascade") else "RESTRICT"),
        )
        transact(cfg, lambda connection: connection.execute(statement), database)

    def actual(self, cfg: Props, database: str, name: str) -> Props | None:
        """The object as the server has it; None where it, or its whole database, is gone."""
        return self._shown(database, name, row_in(cfg, database, self.row, name))

    def _shown(self, database: str, name: str, found: Row | None) -> Props | None:
        if found is None:
            return None
        return {"name": name, "database": database, **dict(zip(self.columns, found, strict=True))}


def database_of(cfg: Props, props: Props) -> str:
    """The resource's own, or the provider's."""
    return str(props.get("database") or target_of(cfg).database)


def id_of(cfg: Props, inputs: Props) -> str:
    return f"{database_of(cfg, inputs)}.{inputs['name']}"


def named_by(cfg: Props, id: str, known: Props) -> tuple[str, str]:
    """Database and name: the state's, or, for an import, those that the id is made of."""
    if known.get("name"):
        return database_of(cfg, known), str(known["name"])
    database, dot, name = id.partition(".")
    if not (database and dot and name):
        raise ValueError(f"{id!r} is not of the form database.name")
    return database, name


def row_in(cfg: Props, database: str, statement: str, name: str) -> tuple[Any, ...] | None:
    """None, too, when there is no such database: it took everything with it."""
    if not database_exists(cfg, database):
        return None
    rows = query(cfg, statement, [name], database)
    return rows[0] if rows else None
