"""Functions of postgresql against a real server."""

import psycopg
import pytest

from engine.providers import builtin_packages
from engine.providers.postgresql.connection import PostgresError

FUNCTIONS = next(p for p in builtin_packages() if p.name == "postgresql").functions


@pytest.fixture
def database(postgres_server):
    name = postgres_server.new_database()
    with psycopg.connect(postgres_server.url(name), autocommit=True) as connection:
        for statement in (
            "CREATE SCHEMA app",
            "CREATE SCHEMA other",
            "CREATE TABLE app.users (id bigserial)",
            "CREATE VIEW app.everyone AS SELECT * FROM app.users",
            "CREATE TABLE other.things ()",
        ):
            connection.execute(statement)
    return name


@pytest.fixture
def ask(postgresql_cfg, database):
    def ask(name, **args):
        function = FUNCTIONS[f"postgresql:index/{name}:{name}"]
        return function(postgresql_cfg, {"database": database, **args})

    return ask


@pytest.mark.parametrize(
    ("args", "schemas"),
    [
        ({}, ["app", "other", "public"]),
        ({"likeAnyPatterns": ["a%", "pub%"]}, ["app", "public"]),
        ({"likeAllPatterns": ["%p%", "a%"]}, ["app"]),
        ({"notLikeAllPatterns": ["a%"], "regexPattern": "^o"}, ["other"]),
        (
            {"includeSystemSchemas": True, "likeAnyPatterns": ["information%"]},
            ["information_schema"],
        ),
    ],
)
def test_schemas(ask, args, schemas):
    answer = ask("getSchemas", **args)
    assert answer["schemas"] == schemas
    assert answer["id"] and answer.items() >= args.items()


def test_tables_and_sequences(ask):
    assert [(t["schemaName"], t["objectName"]) for t in ask("getTables")["tables"]] == [
        ("app", "everyone"),
        ("other", "things"),
        ("app", "users"),
    ]
    views = ask("getTables", schemas=["app"], tableTypes=["VIEW"])["tables"]
    assert views == [{"objectName": "everyone", "schemaName": "app", "tableType": "VIEW"}]
    assert ask("getTables", schemas=["other"], regexPattern="x")["tables"] == []
    assert ask("getSequences")["sequences"] == [
        {"objectName": "users_id_seq", "schemaName": "app", "dataType": "bigint"}
    ]


def test_what_cannot_be_listed(ask):
    with pytest.raises(PostgresError):
        ask("getSchemas", database="ghost")
    with pytest.raises(ValueError, match="database"):
        ask("getTables", database="")
