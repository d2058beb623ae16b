"""What lies in one database: schemas, default privileges, extensions, publications."""

import pytest

from engine.provider import UNKNOWN
from engine.providers.postgresql import handlers
from engine.providers.postgresql.connection import PostgresError, query, transact
from engine.providers.postgresql.database import drop_database
from tests.engine.providers.asked import changes, check, delete_for_good

HANDLERS = handlers()
ROLE, SCHEMA, PRIVILEGES, EXTENSION, PUBLICATION = (
    HANDLERS[f"postgresql:index/{name[0].lower()}{name[1:]}:{name}"]
    for name in ("Role", "Schema", "DefaultPrivileges", "Extension", "Publication")
)
PLACED = [SCHEMA, EXTENSION, PUBLICATION]
ON_TABLES = {"role": "r", "database": "d", "owner": "o", "objectType": "table"}
ON_TABLES |= {"privileges": ["SELECT"]}


@pytest.mark.parametrize(
    ("handler", "news"),
    [
        (SCHEMA, {"name": "s", "policies": [{"role": "r", "usage": True}]}),
        (PRIVILEGES, {**ON_TABLES, "objectType": "database"}),
        (PRIVILEGES, {**ON_TABLES, "privileges": ["EXECUTE"]}),
        (PRIVILEGES, {**ON_TABLES, "objectType": "schema", "schema": "s", "privileges": []}),
        (PRIVILEGES, {**ON_TABLES, "role": "public", "withGrantOption": True}),
        (PUBLICATION, {"name": "p", "tables": ["t"], "allTables": True}),
        (PUBLICATION, {"name": "p", "publishParams": ["insert", "select"]}),
    ],
)
def test_nonsense_is_refused(handler, news):
    with pytest.raises(ValueError):
        check(handler, **news)


def test_unknown_values_pass_in_a_preview():
    check(PRIVILEGES, **{**ON_TABLES, "objectType": UNKNOWN, "privileges": UNKNOWN})
    check(PUBLICATION, name=UNKNOWN, tables=UNKNOWN, publishParams=[UNKNOWN])
    check(SCHEMA, name=UNKNOWN, owner=UNKNOWN)


@pytest.mark.parametrize(
    ("handler", "old", "new", "replaces"),
    [
        (SCHEMA, {"name": "a"}, {"name": "b"}, ["name"]),
        (SCHEMA, {"name": "a", "database": "d"}, {"name": "a", "database": "e"}, ["database"]),
        (SCHEMA, {"name": "a", "owner": "o"}, {"name": "a", "owner": "p"}, []),
        (PRIVILEGES, ON_TABLES, {**ON_TABLES, "owner": "p"}, ["owner"]),
        (PRIVILEGES, ON_TABLES, {**ON_TABLES, "privileges": ["ALL"]}, []),
        (EXTENSION, {"name": "a", "version": "1"}, {"name": "a", "version": "2"}, []),
        (EXTENSION, {"name": "a", "schema": "s"}, {"name": "a", "schema": "t"}, []),
        (PUBLICATION, {"name": "a", "allTables": False}, {"name": "a", "allTables": True}, None),
        (PUBLICATION, {"name": "a", "tables": ["t"]}, {"name": "a", "tables": ["u"]}, []),
    ],
)
def test_what_replaces(handler, old, new, replaces):
    diff = handler.diff({}, "id", {}, old, check(handler, **new))
    assert diff.changes
    assert diff.replaces == (["allTables"] if replaces is None else replaces)
    # Under the same name the new one meets the old one.
    assert diff.delete_before_replace is (not replaces)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"tables": ["public.b", "s.a"]}, {"tables": ["s.a", "b"]}),
        ({"publishParams": ["insert", "update"]}, {"publishParams": ["update", "insert"]}),
        ({"tables": ["public.a"], "owner": "o", "allTables": False}, {}),
    ],
)
def test_a_publication_in_other_words_is_no_change(old, new):
    assert changes(PUBLICATION, {"name": "p", **old}, check(PUBLICATION, name="p", **new)) == []


# With a real PostgreSQL


@pytest.fixture(scope="module")
def cfg(postgresql_cfg):
    return postgresql_cfg


@pytest.fixture
def database(cfg, postgres_server):
    name = postgres_server.new_database()
    yield name
    drop_database(cfg, name)


@pytest.fixture
def roles(cfg, database):
    """Two roles that go when the database, with what is theirs, is gone."""
    names = [f"{database}_owner", f"{database}_reader"]
    made = [ROLE.create(cfg, check(ROLE, name=name)) for name in names]
    yield names
    drop_database(cfg, database)
    for id, outputs in made:
        ROLE.delete(cfg, id, outputs)


def run(cfg, database, statement):
    transact(cfg, lambda connection: connection.execute(statement), database)


def test_a_schema_lives_from_create_to_delete(cfg, database, roles):
    inputs = check(SCHEMA, name="app", database=database)
    id, outputs = SCHEMA.create(cfg, inputs)
    assert (id, outputs["owner"]) == (f"{database}.app", cfg["username"])
    assert changes(SCHEMA, outputs, inputs) == []
    assert SCHEMA.read(cfg, id, inputs, outputs) == outputs
    assert SCHEMA.read(cfg, id, {}, {}) == outputs | {"ifNotExists": None}  # an import
    assert SCHEMA.find(cfg, inputs) == id
    SCHEMA.create(cfg, inputs)
    with pytest.raises(PostgresError, match="'app' already exists"):
        SCHEMA.create(cfg, {**inputs, "ifNotExists": False})

    news = {**inputs, "owner": roles[0]}
    updated = SCHEMA.update(cfg, id, outputs, news)
    assert SCHEMA.read(cfg, id, news, updated) == updated
    run(cfg, database, "ALTER SCHEMA app OWNER TO croft_admin")
    assert changes(SCHEMA, SCHEMA.read(cfg, id, news, updated), news) == ["owner"]

    run(cfg, database, "CREATE TABLE app.t ()")
    with pytest.raises(PostgresError, match="depend"):
        SCHEMA.delete(cfg, id, updated)
    delete_for_good(SCHEMA, cfg, id, inputs, {**updated, "dropCascade": True})


@pytest.mark.parametrize("schema", [None, "public"])
@pytest.mark.parametrize(
    ("kind", "first", "then"),
    [
        ("table", ["SELECT", "INSERT"], ["ALL"]),
        ("sequence", ["ALL"], ["USAGE"]),
        ("function", ["EXECUTE"], []),
        ("routine", ["EXECUTE"], []),
        ("type", ["USAGE"], []),
    ],
)
def test_default_privileges_live_from_create_to_delete(
    cfg, database, roles, schema, kind, first, then
):
    where = {"role": roles[1], "database": database, "owner": roles[0], "objectType": kind}
    inputs = check(PRIVILEGES, **where, schema=schema, privileges=first)
    id, outputs = PRIVILEGES.create(cfg, inputs)
    assert id == f"{roles[1]}_{database}_{schema or 'noschema'}_{roles[0]}_{kind}"
    assert changes(PRIVILEGES, outputs, inputs) == []
    assert PRIVILEGES.read(cfg, id, inputs, outputs) == outputs
    news = {**inputs, "privileges": then}
    updated = PRIVILEGES.update(cfg, id, outputs, news)
    assert PRIVILEGES.read(cfg, id, news, updated) == updated
    PRIVILEGES.delete(cfg, id, updated)
    PRIVILEGES.delete(cfg, id, updated)
    assert PRIVILEGES.read(cfg, id, inputs, outputs) is None


def test_default_privileges_are_what_new_objects_get(cfg, database, roles):
    owner, reader = roles
    inputs = check(PRIVILEGES, **{**ON_TABLES, "database": database, "owner": owner})
    inputs |= {"role": reader, "schema": "public"}
    id, outputs = PRIVILEGES.create(cfg, inputs)
    run(cfg, database, f"GRANT CREATE ON SCHEMA public TO {owner}")
    run(cfg, database, f"SET ROLE {owner}; CREATE TABLE t (); RESET ROLE")
    can = "SELECT has_table_privilege(%s, 't', 'SELECT'), has_table_privilege(%s, 't', 'INSERT')"
    assert query(cfg, can, [reader, reader], database) == [(True, False)]

    run(
        cfg,
        database,
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public GRANT DELETE ON TABLES"
        f" TO {reader}",
    )
    refreshed = PRIVILEGES.read(cfg, id, inputs, outputs)
    assert refreshed["privileges"] == ["DELETE", "SELECT"]
    assert changes(PRIVILEGES, refreshed, inputs) == ["privileges"]


def test_what_public_may_by_default_can_be_taken_away(cfg, database, roles):
    inputs = check(
        PRIVILEGES,
        role="public",
        database=database,
        owner=roles[0],
        objectType="function",
        privileges=[],
    )
    built_in = PRIVILEGES.read(cfg, "id", inputs, {})
    assert changes(PRIVILEGES, built_in, inputs) == ["privileges"]
    id, outputs = PRIVILEGES.create(cfg, inputs)
    assert PRIVILEGES.read(cfg, id, inputs, outputs) == outputs


def test_an_extension_lives_from_create_to_delete(cfg, database):
    name = "pg_trgm"
    if not query(cfg, "SELECT 1 FROM pg_available_extensions WHERE name = %s", [name]):
        pytest.skip("this PostgreSQL has no contrib extensions")
    inputs = check(EXTENSION, name=name, database=database)
    id, outputs = EXTENSION.create(cfg, inputs)
    assert (id, outputs["schema"]) == (f"{database}.{name}", "public")
    assert changes(EXTENSION, outputs, inputs) == []
    assert EXTENSION.read(cfg, id, inputs, outputs) == outputs
    assert EXTENSION.find(cfg, inputs) == id

    run(cfg, database, "CREATE SCHEMA extensions")
    news = {**inputs, "schema": "extensions", "version": outputs["version"]}
    updated = EXTENSION.update(cfg, id, outputs, news)
    assert EXTENSION.read(cfg, id, news, updated) == updated
    run(cfg, database, f"ALTER EXTENSION {name} SET SCHEMA public")
    assert changes(EXTENSION, EXTENSION.read(cfg, id, news, updated), news) == ["schema"]
    delete_for_good(EXTENSION, cfg, id, inputs, updated)


def test_an_extension_that_is_there_is_adopted(cfg, database):
    inputs = check(EXTENSION, name="plpgsql", database=database)
    _, outputs = EXTENSION.create(cfg, inputs)
    assert outputs["schema"] == "pg_catalog"
    with pytest.raises(PostgresError):
        EXTENSION.create(cfg, {**inputs, "version": "no such version"})
    with pytest.raises(PostgresError):
        EXTENSION.create(cfg, {**inputs, "name": "no such extension"})


def test_a_publication_lives_from_create_to_delete(cfg, database, roles):
    run(cfg, database, 'CREATE TABLE a (); CREATE TABLE "B c" (); CREATE TABLE d ()')
    inputs = check(PUBLICATION, name="p", database=database, tables=["a", "public.B c"])
    id, outputs = PUBLICATION.create(cfg, inputs)
    assert (id, outputs["allTables"]) == (f"{database}.p", False)
    assert outputs["publishParams"] == ["insert", "update", "delete", "truncate"]
    assert changes(PUBLICATION, outputs, inputs) == []
    assert PUBLICATION.read(cfg, id, inputs, outputs) == outputs
    assert PUBLICATION.find(cfg, inputs) == id
    with pytest.raises(PostgresError, match="'p' already exists"):
        PUBLICATION.create(cfg, inputs)

    news = {**inputs, "tables": ["a", "d"], "publishParams": ["update", "insert"]}
    news |= {"owner": roles[0], "publishViaPartitionRootParam": True}
    updated = PUBLICATION.update(cfg, id, outputs, news)
    assert PUBLICATION.read(cfg, id, news, updated) == updated
    run(cfg, database, 'ALTER PUBLICATION p DROP TABLE d; ALTER PUBLICATION p ADD TABLE "B c"')
    drifted = PUBLICATION.read(cfg, id, news, updated)
    assert changes(PUBLICATION, drifted, news) == ["tables"]
    healed = PUBLICATION.update(cfg, id, drifted, news)
    assert PUBLICATION.read(cfg, id, news, healed) == healed
    emptied = PUBLICATION.update(cfg, id, healed, {**news, "tables": []})
    assert PUBLICATION.read(cfg, id, {}, emptied)["tables"] == []
    delete_for_good(PUBLICATION, cfg, id, inputs, updated)


def test_a_publication_of_all_tables(cfg, database):
    inputs = check(PUBLICATION, name="all", database=database, allTables=True)
    id, outputs = PUBLICATION.create(cfg, inputs)
    assert outputs["allTables"] is True
    assert PUBLICATION.read(cfg, id, inputs, outputs) == outputs


def test_with_its_database_all_is_gone(cfg, database, roles):
    made = []
    for handler in PLACED:
        inputs = check(handler, name="plpgsql" if handler is EXTENSION else "x", database=database)
        made.append((handler, inputs, *handler.create(cfg, inputs)))
    inputs = check(PRIVILEGES, **{**ON_TABLES, "role": roles[1], "owner": roles[0]})
    inputs["database"] = database
    made.append((PRIVILEGES, inputs, *PRIVILEGES.create(cfg, inputs)))
    drop_database(cfg, database)
    for handler, inputs, id, outputs in made:
        delete_for_good(handler, cfg, id, inputs, outputs)


def test_an_import_says_what_its_id_must_be(cfg):
    with pytest.raises(ValueError, match=r"not of the form database\.name"):
        SCHEMA.read(cfg, "nonsense", {}, {})
