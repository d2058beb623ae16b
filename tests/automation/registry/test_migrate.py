import threading

import psycopg
import pytest

from automation.registry.migrate import FIRST_WITH_KEYS, FOLDER, migrate
from contracts.errors import SetupFailed


@pytest.fixture
def dsn(empty_dsn):
    return empty_dsn


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "0001_one.sql").write_text("CREATE TABLE one (id int); CREATE TABLE uno (id int);")
    return tmp_path


def test_each_file_is_applied_once_and_in_order(dsn, folder):
    (folder / "0002_two.sql").write_text("ALTER TABLE one ADD COLUMN name text;")
    (folder / "notes.sql").write_text("nonsense")
    assert migrate(dsn, folder) == ["0001_one.sql", "0002_two.sql"]
    assert migrate(dsn, folder) == []
    (folder / "0003_three.sql").write_text("DROP TABLE uno;")
    assert migrate(dsn, folder) == ["0003_three.sql"]


def test_a_failing_file_leaves_nothing_and_may_be_mended(dsn, folder):
    second = folder / "0002_two.sql"
    second.write_text("CREATE TABLE two (id int); SELECT 1 / 0;")
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(dsn, folder)
    second.write_text("CREATE TABLE two (id int);")
    assert migrate(dsn, folder) == ["0002_two.sql"]


def test_a_changed_file_is_refused(dsn, folder):
    migrate(dsn, folder)
    (folder / "0001_one.sql").write_text("CREATE TABLE other (id int);")
    with pytest.raises(SetupFailed) as caught:
        migrate(dsn, folder)
    assert caught.value.code == "migration_changed"


def test_two_boots_at_once(dsn, folder):
    applied = []
    boot = lambda: applied.extend(migrate(dsn, folder))  # noqa: E731
    threads = [threading.Thread(target=boot) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert applied == ["0001_one.sql"]


def test_ours(dsn):
    assert migrate(dsn) == sorted(path.name for path in FOLDER.glob("*.sql"))
    assert migrate(dsn) == []


@pytest.fixture
def old(dsn, tmp_path):
    """As a version left it that knew no keys of projects."""
    for path in FOLDER.glob("*.sql"):
        if path.name < FIRST_WITH_KEYS:
            (tmp_path / path.name).write_text(path.read_text())
    migrate(dsn, tmp_path)
    return dsn


def dump(dsn):
    with psycopg.connect(dsn) as conn:
        tables = conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {
            name: conn.execute(f"SELECT t::text FROM {name} t ORDER BY 1").fetchall()
            for (name,) in tables.fetchall()
        }


SEALED = "kek_id, wrapped_dek, nonce, ciphertext) VALUES ({}, 'root', '', '', '')"


@pytest.mark.parametrize(
    "secret",
    [
        "INSERT INTO projects (ref, organization_id, name, region, rest_port)"
        " SELECT repeat('a', 20), id, 'shop', 'local', 1 FROM organizations;"
        "INSERT INTO project_secrets (project_ref, name, " + SEALED.format("repeat('a', 20), 'x'"),
        "INSERT INTO webhooks (id, organization_id, url, may_be_private, "
        + SEALED.format("gen_random_uuid(), (SELECT id FROM organizations), 'https://x', false"),
    ],
    ids=["a project's", "a webhook's"],
)
def test_secrets_that_no_version_opens_any_more_are_kept_and_told(old, secret):
    with psycopg.connect(old) as conn:
        conn.execute(secret)
    before = dump(old)
    with pytest.raises(SetupFailed) as caught:
        migrate(old)
    assert caught.value.code == "registry_too_old"
    assert "nothing was changed" in caught.value.message and "pg_dump" in caught.value.fix
    assert dump(old) == before


def test_an_old_registry_without_secrets_is_upgraded(old):
    assert migrate(old)[0] == FIRST_WITH_KEYS
    assert migrate(old) == []
