"""The unmodified @supabase/supabase-js on Node."""

import time
from typing import Any

import pytest

from tests.e2e.conftest import RunJs
from tests.fixtures.platform import connect

pytestmark = pytest.mark.platform

FRESH = """
create table {p}_authors (id bigint generated always as identity primary key, name text);
create table {p}_books (
  id bigint generated always as identity primary key, title text,
  author_id bigint references {p}_authors
);
create function {p}_add(a int, b int) returns int language sql immutable as 'select a + b';
"""


def test_rows(notes: dict[str, Any], run_js: RunJs) -> None:
    done = run_js("rows.test.mjs", notes)
    assert done.returncode == 0, done.stdout + done.stderr


def test_schema_made_two_seconds_ago(project: dict[str, Any], run_js: RunJs) -> None:
    with connect(project["db_url"]) as conn:
        conn.execute(FRESH.format(p="fresh"))
    time.sleep(2.0)
    done = run_js("fresh_schema.test.mjs", project, PREFIX="fresh")
    assert done.returncode == 0, done.stdout + done.stderr
