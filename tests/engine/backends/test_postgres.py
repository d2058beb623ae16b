import json

import psycopg
import pytest

from engine.backends.postgres import PostgresBucket
from engine.errors import BackendError, UsageError


@pytest.fixture
def database(postgres_server):
    return postgres_server.new_database()


@pytest.fixture
def url(postgres_server, database):
    return postgres_server.url(database)


def rows(url, query, *parameters):
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query, parameters)
        return cursor.fetchall() if cursor.description else []


def test_rows_are_the_clis(url, database):
    bucket = PostgresBucket(url)
    bucket.put(".pulumi/meta.yaml", b"version: 1\n")
    # The CLI's library puts the URL's path before every key.
    ((key, data),) = rows(url, "SELECT key, data FROM pulumi_state")
    assert key == f"{database}/.pulumi/meta.yaml"
    assert data == {"data": "dmVyc2lvbjogMQo="}
    indexes = [
        name
        for (name,) in rows(
            url, "SELECT indexname FROM pg_indexes WHERE tablename = 'pulumi_state'"
        )
    ]
    assert "pulumi_state_key_prefix_idx" in indexes
    # And what the CLI writes is read.
    rows(
        url,
        "INSERT INTO pulumi_state (key, data) VALUES (%s, %s)",
        f"{database}/x",
        json.dumps({"data": "aGk="}),
    )
    assert bucket.get("x") == b"hi"
    bucket.close()


def test_a_user_who_may_not_create_tables_uses_one_that_is_there(url, postgres_server, database):
    PostgresBucket(url).close()
    role = f"poor_{database}"
    for statement in (
        f"CREATE ROLE {role} LOGIN PASSWORD 'pw'",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON pulumi_state TO {role}",
    ):
        rows(url, statement)
    poor = PostgresBucket(f"postgres://{role}:pw@127.0.0.1:{postgres_server.port}/{database}")
    poor.put("a", b"1")
    assert poor.get("a") == b"1"
    poor.close()


def test_who_lost_the_connection_lost_the_right_to_write(url):
    bucket = PostgresBucket(url)
    with bucket.hold("p/s"):
        bucket.put("a", b"1")
        rows(url, "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        with pytest.raises(BackendError):
            bucket.put("a", b"2")
        with pytest.raises(BackendError):
            bucket.put("a", b"3")
        other = PostgresBucket(url)
        with other.hold("p/s"):
            assert other.get("a") == b"1"
        other.close()
    # No longer holding anything, it may connect again.
    bucket.put("a", b"4")
    assert bucket.get("a") == b"4"
    bucket.close()


def test_errors_do_not_show_the_password(postgres_server):
    secret = "pa55-w0rd"
    for url in (
        f"postgres://who:{secret}@127.0.0.1:{postgres_server.port}/db",
        f"postgres://who:{secret}@127.0.0.1:1/db",
        f"postgres://who:{secret}@127.0.0.1:1/db?nonsense=1",
    ):
        with pytest.raises(BackendError) as caught:
            PostgresBucket(url)
        assert secret not in str(caught.value)


@pytest.mark.parametrize("table", ["a b", "x;drop", 'q"', "1st", "a.b"])
def test_tables_have_plain_names(url, table):
    with pytest.raises(UsageError):
        PostgresBucket(f"{url}?table={table}")


def test_a_location_for_people_has_no_password(url, postgres_server, database):
    bucket = PostgresBucket(url)
    assert (
        bucket.describe(".pulumi/x")
        == f"postgres://****:****@127.0.0.1:{postgres_server.port}/{database}/.pulumi/x"
    )
    bucket.close()
