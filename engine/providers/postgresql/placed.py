"""Objects that lie in one database: schemas, extensions, publications.

Owns which database a resource means, its id (`database.name`), and reading where the database
may be gone. Must not know what the objects are.
"""

from typing import Any

from engine.provider import Props
from engine.providers.postgresql.connection import query, target_of
from engine.providers.postgresql.database import database_exists


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
