import threading

import psycopg
import pytest

from automation.registry.migrate import FOLDER, migrate
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
