"""`croft db psql`: the real psql, logged in, with the password nowhere but in its environment."""

from typing import Any

import pytest

from tests.fixtures.platform import Platform

pytestmark = pytest.mark.platform


def test_psql_is_logged_in_as_the_project(platform: Platform, project: dict[str, Any]) -> None:
    done = platform.croft(
        *("db", "psql", "--project", project["ref"], "-XAtc", "select session_user"), check=True
    )
    assert done.stdout == f"{project['ref']}_postgres\n"
    look = "\\! tr '\\0' ' ' < /proc/$PPID/cmdline"
    seen = platform.croft("db", "psql", "--project", project["ref"], "-Xc", look, check=True)
    assert seen.stdout.strip().endswith(f"psql -Xc {look}")
    failed = platform.croft("db", "psql", "--project", project["ref"], "-Xc", "nonsense")
    assert failed.returncode == 1 and "syntax error" in failed.stderr


def test_query_and_types(platform: Platform, project: dict[str, Any]) -> None:
    ref = project["ref"]
    rows = platform.json("db", "query", "select 1 as a, 'é' as b", "--project", ref)
    assert rows == [{"a": 1, "b": "é"}]
    refused = platform.croft("db", "query", "--read-only", "create table t ()", "--project", ref)
    assert refused.returncode == 2 and "read-only transaction" in refused.stderr
    types = platform.croft("db", "types", ref, check=True).stdout
    assert "export type Database" in types
