"""Foreign keys as the REST API follows them: between tables, and between the views over them.

Owns where a view's columns come from. Must not know a language.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from automation.database_types.catalog import Catalog

# A column of a table or a view: the relation's oid, the column's number.
Origin = tuple[int, int]


@dataclass(frozen=True)
class Relationship:
    name: str
    relation: int
    columns: tuple[int, ...]
    is_one_to_one: bool
    referenced: int
    referenced_columns: tuple[int, ...]


def relationships(catalog: Catalog) -> list[Relationship]:
    """Where a view shows all columns at one end of a key, the key has an end there too."""
    origins = column_origins({view.oid: view.tree for view in catalog.views})
    return [
        Relationship(key.name, *source, key.is_one_to_one, *target)
        for key in catalog.foreign_keys
        for source in _ends(key.relation, key.columns, origins)
        for target in _ends(key.referenced, key.referenced_columns, origins)
    ]


def _ends(
    relation: int, columns: list[int], origins: Mapping[int, Mapping[int, Origin]]
) -> Iterator[tuple[int, tuple[int, ...]]]:
    yield relation, tuple(columns)
    for view, columns_of_view in origins.items():
        shown = [
            [number for number, origin in columns_of_view.items() if origin == (relation, column)]
            for column in columns
        ]
        for combination in product(*shown):
            yield view, combination


def column_origins(trees: Mapping[int, str]) -> dict[int, dict[int, Origin]]:
    """By view: which columns are a table's own, through any number of views."""
    direct = {view: dict(_targets(tree)) for view, tree in trees.items()}

    def table_column(origin: Origin) -> Origin | None:
        for _ in range(len(direct) + 1):  # views may have been made to refer to each other
            relation, column = origin
            if relation not in direct:
                return origin
            if column not in direct[relation]:
                return None
            origin = direct[relation][column]
        return None

    return {
        view: {
            number: found
            for number, origin in columns.items()
            if (found := table_column(origin)) is not None
        }
        for view, columns in direct.items()
    }


# A bracket, or a word in which a backslash escapes what follows it.
_TOKEN = re.compile(r"[{}()]|(?:\\.|[^\s{}()\\])+", re.DOTALL)
_ENTRY_DEPTH = 4  # ({QUERY :targetList ({TARGETENTRY


def _targets(tree: str) -> Iterator[tuple[int, Origin]]:
    """The columns that the query itself returns unchanged: their numbers and where they come from.
    Subqueries and expressions are nested deeper."""
    depth, words, field = 0, iter(_TOKEN.findall(tree)), ""
    entry: dict[str, str] = {}
    for word in words:
        if word in ("{", "("):
            depth += 1
            if depth == _ENTRY_DEPTH:
                entry = {}
        elif word in ("}", ")"):
            depth -= 1
            if depth == _ENTRY_DEPTH - 1 and "TARGETENTRY" in entry:
                if field == ":targetList" and int(entry.get(":resorigtbl", 0)):
                    origin = int(entry[":resorigtbl"]), int(entry[":resorigcol"])
                    yield int(entry[":resno"]), origin
                entry = {}
        elif depth == 2 and word.startswith(":"):
            field = word
        elif depth == _ENTRY_DEPTH and (word.startswith(":") or word == "TARGETENTRY"):
            # The value of :resname could begin with a colon itself, so it is taken with its name.
            entry[word] = next(words, "") if word in _VALUES else ""


_VALUES = frozenset({":resno", ":resname", ":resorigtbl", ":resorigcol"})
