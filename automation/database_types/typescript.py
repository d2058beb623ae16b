"""A project's database as the type `Database` that `createClient<Database>` of supabase-js takes.

Owns the format, which is that of Supabase's own generator, and what a PostgreSQL type is called in
TypeScript. Must not know where the catalog comes from. One difference: Supabase's follows a view's
columns to their tables to find which are never null; here any of them may be.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from automation.database_types.catalog import Argument, Catalog, Column, Function, Relation
from automation.database_types.functions import (
    computed_field_of,
    is_callable,
    refusal,
    rows_returned,
)
from automation.database_types.relationships import Relationship, relationships

# What supabase-js lets an app ask for depends on it.
POSTGREST_VERSION = "12"
_NAMES: Mapping[str, str] = {
    "bool": "boolean",
    **dict.fromkeys(["int2", "int4", "int8", "float4", "float8", "numeric"], "number"),
    **dict.fromkeys(
        ["bytea", "bpchar", "varchar", "text", "citext", "date", "time", "timetz", "timestamp",
         "timestamptz", "interval", "uuid", "vector"],
        "string",
    ),
    **dict.fromkeys(["json", "jsonb"], "Json"),
    "void": "undefined",
    "record": "Record<string, unknown>",
}  # fmt: skip

# A type as it is written, or its members; one whose name ends in `?` is optional.
Written: TypeAlias = "str | Mapping[str, Written]"
Members: TypeAlias = dict[str, Written]


def typescript(catalog: Catalog) -> str:
    schemas = sorted(catalog.schemas, key=_order)
    found = relationships(catalog)
    database: Members = {"__InternalSupabase": {"PostgrestVersion": json.dumps(POSTGREST_VERSION)}}
    database |= {_name(schema): _schema(schema, catalog, found) for schema in schemas}
    constants: Members = {_name(schema): {"Enums": _labels(schema, catalog)} for schema in schemas}
    default = "public" if "public" in schemas or not schemas else schemas[0]
    return (
        "export type Json =\n  | string\n  | number\n  | boolean\n  | null\n"
        "  | { [key: string]: Json | undefined }\n  | Json[]\n\n"
        f"export type Database = {_block(database)}\n\n"
        f"{_short_forms(default)}\n"
        f"export const Constants = {_block(constants, end=',')} as const\n"
    )


def _schema(schema: str, catalog: Catalog, found: list[Relationship]) -> Members:
    relations = sorted(
        (each for each in catalog.relations if each.schema_ == schema), key=lambda r: _order(r.name)
    )
    functions: dict[str, list[Function]] = {}
    for function in sorted(catalog.functions, key=_function_order):
        if function.schema_ == schema and is_callable(function, catalog):
            functions.setdefault(function.name, []).append(function)
    types = sorted(
        (each for each in catalog.types if each.schema_ == schema), key=lambda t: _order(t.name)
    )
    by_kind: Members = {}
    for kind, is_view in ("Tables", False), ("Views", True):
        by_kind[kind] = _or_none(
            (relation.name, _relation(relation, functions, catalog, found))
            for relation in relations
            if relation.is_view is is_view
        )
    by_kind["Functions"] = _or_none(
        (name, " | ".join(_block(_call(each, overloads, catalog)) for each in overloads))
        for name, overloads in functions.items()
    )
    by_kind["Enums"] = _or_none(
        (each.name, " | ".join(map(json.dumps, each.labels))) for each in types if each.labels
    )
    by_kind["CompositeTypes"] = _or_none(
        (each.name, {_name(a.name): _nullable(_type(a.type, catalog)) for a in each.attributes})
        for each in types
        if each.attributes
    )
    return by_kind


def _relation(
    relation: Relation,
    functions: Mapping[str, list[Function]],
    catalog: Catalog,
    found: list[Relationship],
) -> Members:
    columns = sorted(relation.columns, key=lambda column: _order(column.name))
    computed = {
        name: function
        for name, overloads in functions.items()
        for function in reversed(overloads)
        if computed_field_of(function, catalog) == relation.oid
    }
    row = _row(columns, catalog)
    row |= {_name(name): _nullable(_returned(each, catalog)) for name, each in computed.items()}
    written: Members = {
        "Row": row,
        "ComputedFields": " | ".join(map(json.dumps, computed)) or "never",
    }
    if not relation.is_view:
        written["Insert"] = _change(columns, catalog, is_insert=True)
        written["Update"] = _change(columns, catalog)
    else:
        written |= {"Insert": _change_view(columns, catalog)} if relation.takes_inserts else {}
        written |= {"Update": _change_view(columns, catalog)} if relation.takes_updates else {}
    written["Relationships"] = _relationships(relation, catalog, found)
    return written


def _row(columns: Iterable[Column], catalog: Catalog) -> Members:
    return {_name(column.name): _column(column, catalog) for column in columns}


def _change(columns: Iterable[Column], catalog: Catalog, *, is_insert: bool = False) -> Members:
    members: Members = {}
    for column in columns:
        if not column.is_writable:
            members[_name(column.name) + "?"] = "never"
            continue
        is_needed = is_insert and not (column.is_nullable or column.has_default)
        members[_name(column.name) + ("" if is_needed else "?")] = _column(column, catalog)
    return members


def _change_view(columns: Iterable[Column], catalog: Catalog) -> Members:
    return {
        _name(column.name) + "?": _nullable(_type(column.type, catalog))
        if column.is_writable
        else "never"
        for column in columns
    }


def _column(column: Column, catalog: Catalog) -> str:
    written = _type(column.type, catalog)
    if column.is_nullable:
        return _nullable(written)
    return "NonNullable<Json>" if written == "Json" else written


def _relationships(relation: Relation, catalog: Catalog, found: list[Relationship]) -> str:
    """Those within the schema: the client embeds no others."""
    shown = []
    for each in found:
        other = catalog.relation.get(each.referenced)
        if each.relation == relation.oid and other and other.schema_ == relation.schema_:
            ours = {column.number: column.name for column in relation.columns}
            theirs = {column.number: column.name for column in other.columns}
            members: Members = {
                "foreignKeyName": json.dumps(each.name),
                "columns": json.dumps([ours[number] for number in each.columns]),
                "isOneToOne": json.dumps(each.is_one_to_one),
                "referencedRelation": json.dumps(other.name),
                "referencedColumns": json.dumps([theirs[n] for n in each.referenced_columns]),
            }
            order = _order(each.name), _order(other.name), str(members["referencedColumns"])
            shown.append((order, str(members["columns"]), members))
    shown.sort(key=lambda each: each[:2])
    return (
        "["
        + "".join(_indented(f"\n{_block(members)},") for *_, members in shown)
        + ("\n]" if shown else "]")
    )


def _call(function: Function, overloads: list[Function], catalog: Catalog) -> Members:
    passed = sorted(function.passed, key=lambda argument: _order(argument.name))
    arguments: Members = {
        _name(each.name) + ("?" if each.has_default else ""): _argument(each, catalog)
        for each in passed
    }
    refused = refusal(function, overloads, catalog)
    rows = rows_returned(function, catalog)
    if refused is not None:
        returned = "{ error: true } & " + json.dumps(refused, ensure_ascii=False)
    else:
        written = _returned(function, catalog)
        returned = written if isinstance(written, str) else _block(written)
        if function.is_set and not (rows and rows.is_one):
            returned = _list(returned)
    call: Members = {"Args": arguments or "Record<PropertyKey, never>", "Returns": returned}
    if rows:
        call["SetofOptions"] = {
            "from": json.dumps(rows.source),
            "to": json.dumps(rows.target),
            "isOneToOne": json.dumps(rows.is_one),
            "isSetofReturn": json.dumps(function.is_set),
        }
    return call


def _argument(argument: Argument, catalog: Catalog) -> str:
    """A row is passed as it is stored: without the fields that functions add to it."""
    written = _type(argument.type, catalog)
    if argument.name and (relation := _path_of_row(argument.type, catalog)):
        return f'Omit<{written}, {relation}["ComputedFields"]>'
    return written


def _returned(function: Function, catalog: Catalog) -> Written:
    """One of its results."""
    columns = sorted(
        (each for each in function.arguments if each.mode == "t"), key=lambda a: _order(a.name)
    )
    if columns:
        return {_name(each.name): _type(each.type, catalog) for each in columns}
    type = catalog.type.get(function.returns)
    relation = catalog.relation.get(type.relation) if type else None
    if relation and relation.schema_ == function.schema_:
        return _row(sorted(relation.columns, key=lambda c: _order(c.name)), catalog)
    return _type(function.returns, catalog)


def _type(oid: int, catalog: Catalog) -> str:
    type = catalog.type.get(oid)
    if type is None:
        return "unknown"
    if type.base:
        return _type(type.base, catalog)
    if type.element:
        return _list(_type(type.element, catalog))
    is_shown = type.schema_ in catalog.schemas
    if type.labels:
        labels = " | ".join(map(json.dumps, type.labels))
        return _path(type.schema_, "Enums", type.name) if is_shown else labels
    if relation := _path_of_row(oid, catalog):
        return f'{relation}["Row"]'
    if type.attributes:
        return _path(type.schema_, "CompositeTypes", type.name) if is_shown else "unknown"
    return _NAMES.get(type.name, "unknown")


def _path_of_row(type: int, catalog: Catalog) -> str | None:
    relation = catalog.relation.get(catalog.type[type].relation) if type in catalog.type else None
    if relation is None:
        return None
    return _path(relation.schema_, "Views" if relation.is_view else "Tables", relation.name)


def _path(schema: str, kind: str, name: str) -> str:
    return f"Database[{json.dumps(schema)}][{json.dumps(kind)}][{json.dumps(name)}]"


def _list(written: str) -> str:
    is_one_word = re.fullmatch(r'\w+|Database(\["[^"\\]*"\])+', written)
    return f"{written}[]" if is_one_word or written.startswith("{") else f"({written})[]"


def _nullable(written: Written) -> str:
    text = written if isinstance(written, str) else _block(written)
    return text if text == "unknown" else f"{text} | null"


def _labels(schema: str, catalog: Catalog) -> Members:
    types = sorted(catalog.types, key=lambda type: _order(type.name))
    return {
        _name(each.name): json.dumps(each.labels)
        for each in types
        if each.schema_ == schema and each.labels
    }


# --- the form -------------------------------------------------------------------------------------


def _or_none(members: Iterable[tuple[str, Written]]) -> Members:
    return {_name(name): written for name, written in members} or {"[_ in never]": "never"}


def _name(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_$][A-Za-z0-9_$]*", name) else json.dumps(name)


def _block(members: Mapping[str, Written], *, end: str = "") -> str:
    lines = "".join(
        f"\n{name}: {written if isinstance(written, str) else _block(written, end=end)}{end}"
        for name, written in members.items()
    )
    return "{" + _indented(lines) + "\n}" if members else "{}"


def _indented(lines: str) -> str:
    return lines.replace("\n", "\n  ")


def _order(name: str) -> tuple[list[tuple[bool, bool, str]], str]:
    """As people sort words: symbols, digits, letters; of equal letters lower case first."""
    return [(c.isalnum(), c.isalpha(), c) for c in name.casefold()], name.swapcase()


def _function_order(function: Function) -> tuple[object, ...]:
    return _order(function.name), _order(function.signature), _order(function.result), function.oid


def _short_forms(default: str) -> str:
    """What apps are written with: Tables<"books">, Enums<{ schema: "shop" }, "genre">..."""

    def of(kind: str, schema: str) -> str:
        named = f'{schema}["{kind}"]'
        return f'({named} & {schema}["Views"])' if kind == "Tables" and form == "Tables" else named

    text = (
        'type Schemas = Omit<Database, "__InternalSupabase">\n'
        f"type DefaultSchema = Schemas[Extract<keyof Schemas, {json.dumps(default)}>]\n"
        "type Part<T, K extends string> = T extends { [P in K]: infer V } ? V : never\n"
    )
    for form, kind, part in (
        ("Tables", "Tables", "Row"),
        ("TablesInsert", "Tables", "Insert"),
        ("TablesUpdate", "Tables", "Update"),
        ("Enums", "Enums", ""),
        ("CompositeTypes", "CompositeTypes", ""),
    ):
        here, there = of(kind, "DefaultSchema"), of(kind, 'Schemas[Name["schema"]]')
        found = f"{here}[Name]", f"{there}[Member]"
        ours, theirs = (f'Part<{each}, "{part}">' for each in found) if part else found
        text += (
            f"\nexport type {form}<\n"
            f"  Name extends keyof {here} | {{ schema: keyof Schemas }},\n"
            "  Member extends Name extends { schema: keyof Schemas }\n"
            f"    ? keyof {there}\n"
            "    : never = never,\n"
            "> = Name extends { schema: keyof Schemas }\n"
            f"  ? {theirs}\n"
            f"  : Name extends keyof {here}\n"
            f"    ? {ours}\n"
            "    : never\n"
        )
    return text
