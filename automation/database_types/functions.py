"""Which functions the REST API can call, and what it makes of a call.

Owns PostgREST's rules: what it resolves, what it embeds. Must not know a language.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from automation.database_types.catalog import Catalog, Function

# json, jsonb and text: what a lone argument without a name may be; it is the request's body.
BODY_TYPES = frozenset({114, 3802, 25})
_RENAME = (
    "Try renaming the parameters or the function itself in the database so function overloading"
    " can be resolved"
)


@dataclass(frozen=True)
class RowsReturned:
    """The rows of a relation that a function returns; a call can embed and select from them."""

    source: str
    """The relation whose row it takes; `*` where it takes none."""
    target: str
    is_one: bool


def is_callable(function: Function, catalog: Catalog) -> bool:
    unnamed = [argument for argument in function.passed if not argument.name]
    if all(argument.has_default and argument.type in BODY_TYPES for argument in unnamed):
        return True
    return len(function.passed) == 1 and (
        unnamed[0].type in BODY_TYPES or _is_row(unnamed[0].type, catalog)
    )


def refusal(function: Function, overloads: Sequence[Function], catalog: Catalog) -> str | None:
    """What PostgREST answers to every call of it, if that can be nothing else."""
    place = f"{function.schema_}.{function.name}"
    passed = function.passed
    if not passed:
        for other in overloads:
            if [(a.name, a.has_default) for a in other.passed] == [("", True)]:
                named = _type_name(other.returns, catalog)
                return _ambiguous([f"{place}()", f"{place}( => {named})"])
    if len(passed) != 1:
        return None
    (only,) = passed
    if not only.name:
        return _no_match(place) if _is_row(only.type, catalog) else None
    same = {
        other.passed[0].type
        for other in overloads
        if [argument.name for argument in other.passed] == [only.name]
    }
    if same == {only.type}:
        return None
    types = sorted(same)
    return _ambiguous([f"{place}({only.name} => {_type_name(oid, catalog)})" for oid in types])


def computed_field_of(function: Function, catalog: Catalog) -> int:
    """The relation that has the function as a computed column; 0 if none has."""
    if len(function.passed) != 1:
        return 0
    type = catalog.type.get(function.passed[0].type)
    relation = catalog.relation.get(type.relation) if type else None
    if relation is None or relation.schema_ != function.schema_:
        return 0
    taken = {column.name for column in relation.columns}
    return 0 if function.name in taken else relation.oid


def rows_returned(function: Function, catalog: Catalog) -> RowsReturned | None:
    if not _is_row(function.returns, catalog):
        return None
    source = "*"
    if len(function.arguments) == 1 and _is_row(function.arguments[0].type, catalog):
        source = catalog.type[function.arguments[0].type].label
    is_one = not (function.is_set and function.rows > 1)
    return RowsReturned(source, catalog.type[function.returns].name, is_one)


def _is_row(type: int, catalog: Catalog) -> bool:
    return type in catalog.type and catalog.type[type].relation != 0


def _type_name(type: int, catalog: Catalog) -> str:
    return catalog.type[type].name if type in catalog.type else "unknown"


def _ambiguous(candidates: Sequence[str]) -> str:
    return (
        f"Could not choose the best candidate function between: {', '.join(candidates)}. {_RENAME}"
    )


def _no_match(place: str) -> str:
    return (
        f"the function {place} with parameter or with a single unnamed json/jsonb parameter, but no"
        " matches were found in the schema cache"
    )
