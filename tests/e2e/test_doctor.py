"""`croft doctor` on a real platform, on one with something wrong, and where nothing runs."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from automation.settings import settings_from
from contracts.refs import new_ref
from tests.fixtures.platform import Platform, connect


def states(platform: Platform, *args: str) -> dict[str, str]:
    found: list[dict[str, Any]] = json.loads(platform.croft("doctor", "-o", "json", *args).stdout)
    assert all(finding["fix"] for finding in found if finding["state"] != "ok")
    return {finding["check"]: finding["state"] for finding in found}


@pytest.mark.platform
def test_a_platform_in_order(platform: Platform) -> None:
    found = states(platform)
    assert "problem" not in found.values(), found
    assert {
        "toolbox",
        "ports",
        "account",
        "keycloak",
        "registry",
        "disk",
        "orphans",
    } <= found.keys()


@pytest.mark.platform
def test_what_is_left_of_a_destroyed_project_is_found_and_swept(platform: Platform) -> None:
    ref, stranger = new_ref(), new_ref()
    with psycopg.connect(settings_from(platform.home).control_dsn) as registry:
        registry.execute(
            "INSERT INTO projects (ref, organization_id, name, region, state, rest_port)"
            " SELECT %s, id, %s, 'local', 'REMOVED', 1 FROM organizations LIMIT 1",
            [ref, ref],
        )
    with connect(platform.admin_url()) as conn:
        conn.execute(f"create role {ref}_postgres")
        conn.execute(f"create role {stranger}")
    (platform.home.routes / f"{ref}.yml").write_text("{}")
    try:
        assert states(platform)["orphans"] == "problem"
        # The tombstone says that it was ours; what nobody knows is told of, and stays.
        assert states(platform, "--fix")["orphans"] == "warning"
        assert platform.orphans(ref) == []
        with connect(platform.admin_url()) as conn:
            query = "select count(*) from pg_roles where rolname = %s"
            assert conn.execute(query, [stranger]).fetchone() == (1,)
    finally:
        with connect(platform.admin_url()) as conn:
            conn.execute(f"drop role {stranger}")


@pytest.mark.platform
def test_a_file_that_stands_open_is_closed(platform: Platform) -> None:
    platform.home.token.chmod(0o644)
    done = platform.croft("doctor")
    assert done.returncode == 1
    assert "code:  problems_found" in done.stderr
    assert states(platform, "--fix")["secrets"] == "ok"
    assert platform.home.token.stat().st_mode & 0o777 == 0o600


@pytest.mark.platform
def test_where_nothing_runs_it_says_so_and_changes_nothing(
    platform: Platform, tmp_path: Path
) -> None:
    home = {"CROFT_HOME": str(tmp_path / "none"), "CROFT_PORT_BASE": "30999"}
    done = platform.croft("doctor", "-o", "json", environ=home)
    found = {finding["check"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == 0, done.stderr
    assert (found["servers"]["state"], found["servers"]["fix"]) == ("warning", "croft up")
    assert "postgres" not in found
    assert not (tmp_path / "none").exists()
