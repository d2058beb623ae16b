"""The bench of rewrapping runs, on few secrets, and leaves neither database nor root key behind."""

import psycopg

from automation.platform_secrets import read_secret
from bench import rewrap
from tests.fixtures.postgres import Postgres


def test_it_measures_and_leaves_nothing(postgres: Postgres) -> None:
    said: list[str] = []
    root_key = read_secret(postgres.home, "root.key")
    done = rewrap.measure(postgres.home, said.append, secrets=300)
    assert done.projects_keys_s > 0 and done.root_key_s > 0
    assert said == [
        "300 secrets wrapped anew, 100 retired keys destroyed",
        "100 keys wrapped anew, 1 root keys destroyed",
    ]
    assert read_secret(postgres.home, "root.key") == root_key
    with psycopg.connect(postgres.admin_dsn()) as conn:
        left = conn.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE 'bench%'"
        ).fetchall()
    assert left == []
