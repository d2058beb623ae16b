"""Functions that list what a database holds: getSchemas, getTables, getSequences.

Owns the questions to `information_schema` and their filters. Must not change anything: previews
call these too.
"""

from collections.abc import Iterator, Mapping

from engine.provider import Function, Props
from engine.providers.postgresql.connection import query

# A filter's name, and the condition on the name of what is listed.
_FILTERS = {
    "likeAnyPatterns": "{name} LIKE ANY (%({key})s)",
    "likeAllPatterns": "{name} LIKE ALL (%({key})s)",
    "notLikeAllPatterns": "{name} NOT LIKE ALL (%({key})s)",
    "regexPattern": "{name} ~ %({key})s",
}
# Without a list of schemas, the server's own are left out (as in the data sources).
_NOT_A_SYSTEM_SCHEMA = "{schema} !~ '^pg_' AND {schema} <> 'information_schema'"


def functions() -> Mapping[str, Function]:
    return {
        "postgresql:index/getSchemas:getSchemas": get_schemas,
        "postgresql:index/getTables:getTables": get_tables,
        "postgresql:index/getSequences:getSequences": get_sequences,
    }


def get_schemas(cfg: Props, args: Props) -> Props:
    conditions = list(_conditions(args, "schema_name"))
    if not args.get("includeSystemSchemas"):
        conditions.append(_NOT_A_SYSTEM_SCHEMA.format(schema="schema_name"))
    rows = _listed(cfg, args, "schema_name", "information_schema.schemata", conditions)
    return _answer(args) | {"schemas": [name for (name,) in rows]}


def get_tables(cfg: Props, args: Props) -> Props:
    conditions = [*_conditions(args, "table_name"), *_in_schemas(args, "table_schema")]
    if args.get("tableTypes"):
        conditions.append("table_type = ANY (%(tableTypes)s)")
    columns = "table_name, table_schema, table_type"
    rows = _listed(cfg, args, columns, "information_schema.tables", conditions)
    tables = [
        {"objectName": name, "schemaName": schema, "tableType": kind} for name, schema, kind in rows
    ]
    return _answer(args) | {"tables": tables}


def get_sequences(cfg: Props, args: Props) -> Props:
    conditions = [*_conditions(args, "sequence_name"), *_in_schemas(args, "sequence_schema")]
    columns = "sequence_name, sequence_schema, data_type"
    rows = _listed(cfg, args, columns, "information_schema.sequences", conditions)
    sequences = [
        {"objectName": name, "schemaName": schema, "dataType": kind} for name, schema, kind in rows
    ]
    return _answer(args) | {"sequences": sequences}


def _conditions(args: Props, name: str) -> Iterator[str]:
    for key, condition in _FILTERS.items():
        if args.get(key):
            yield condition.format(name=name, key=key)


def _in_schemas(args: Props, schema: str) -> Iterator[str]:
    if args.get("schemas"):
        yield f"{schema} = ANY (%(schemas)s)"
    else:
        yield _NOT_A_SYSTEM_SCHEMA.format(schema=schema)


def _listed(
    cfg: Props, args: Props, columns: str, view: str, conditions: list[str]
) -> list[tuple[str, ...]]:
    if not args.get("database"):
        raise ValueError("database is required")
    where = " AND ".join(conditions) or "true"
    statement = f"SELECT {columns} FROM {view} WHERE {where} ORDER BY {columns}"
    return query(cfg, statement, args, args["database"])


def _answer(args: Props) -> Props:
    """The arguments come back, under an id that tells them."""
    told = [f"{key}={value}" for key, value in sorted(args.items()) if value]
    return {**args, "id": "_".join(told)}
