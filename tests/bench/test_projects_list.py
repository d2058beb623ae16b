"""The bench of lists runs, on few projects, and leaves no database behind."""

import psycopg

from bench import projects_list
from tests.fixtures.postgres import Postgres


def test_it_measures_and_leaves_nothing(postgres: Postgres) -> None:
    said: list[str] = []
    times = projects_list.measure(postgres.home, 3, said.append, many=300)
    assert len(times) == 5 and len(said) == 2
    assert all(len(each.few) == len(each.many) == 3 for each in times)
    assert all(projects_list.p95(each.many) > 0 for each in times)
    with psycopg.connect(postgres.admin_dsn()) as conn:
        left = conn.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE 'bench%'"
        ).fetchall()
    assert left == []
