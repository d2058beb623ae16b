"""Updates as plans on a real platform: looked at, applied, found again after somebody meddled."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from automation.registry import pulumi_state
from automation.settings import settings_from
from tests.fixtures.platform import Platform, connect

pytestmark = pytest.mark.platform


def state(platform: Platform, ref: str) -> dict[str, str]:
    """Everything that Pulumi keeps of the project, locks included."""
    with psycopg.connect(settings_from(platform.home).control_dsn) as conn:
        return {key: pulumi_state.text(conn, key) for key in pulumi_state.keys(conn, ref)}


def connection_limit(platform: Platform, ref: str) -> int:
    with connect(platform.admin_url()) as conn:
        query = "select rolconnlimit from pg_roles where rolname = %s"
        row = conn.execute(query, [f"{ref}_postgres"]).fetchone()
    assert row is not None
    return int(row[0])


def test_a_project_is_changed_by_its_file(
    platform: Platform, project: dict[str, Any], tmp_path: Path
) -> None:
    ref = project["ref"]
    file = tmp_path / "project.yaml"
    platform.croft("projects", "init", ref, "--file", str(file), check=True)
    unchanged = ["projects", "preview", ref, "--file", str(file), "--expect-no-changes"]
    assert platform.croft(*unchanged).returncode == 0
    file.write_text(file.read_text().replace("connections_max: 30", "connections_max: 25"))

    before = state(platform, ref)
    previews = [platform.croft(*unchanged, "-o", "json") for _ in range(2)]
    assert [preview.returncode for preview in previews] == [8, 8]
    assert previews[0].stdout == previews[1].stdout
    plan = json.loads(previews[0].stdout)
    assert [(r["op"], r["name"], r["properties"]) for r in plan["resources"]] == [
        ("update", "postgres", ["connectionLimit"])
    ]
    # Neither a lock nor a line of history is left by looking.
    assert state(platform, ref) == before
    assert connection_limit(platform, ref) == 30

    platform.croft("projects", "up", ref, "--file", str(file), check=True)
    assert connection_limit(platform, ref) == 25
    assert platform.croft(*unchanged).returncode == 0

    # Somebody meddles: a refresh sees it, an update puts it right.
    with connect(platform.admin_url()) as conn:
        conn.execute(f'alter role "{ref}_postgres" connection limit 3')
    drifted = platform.json("projects", "refresh", ref)
    assert [r["name"] for r in drifted["resources"]] == ["postgres"]
    assert platform.croft(*unchanged).returncode == 8
    platform.croft("projects", "up", ref, "--yes", check=True)
    assert connection_limit(platform, ref) == 25

    history = platform.json("projects", "history", ref)
    assert [update["kind"] for update in history][:3] == ["up", "refresh", "up"]
    assert [update["version"] for update in history] == list(range(len(history), 0, -1))
    assert platform.json("projects", "outputs", ref)["bucket"] == f"p-{ref}"


def test_an_export_holds_secrets_only_when_asked(
    platform: Platform, project: dict[str, Any]
) -> None:
    ref = project["ref"]
    password = platform.secret(ref, "postgres_password")
    shown = platform.croft("projects", "export", ref, "--show-secrets", check=True).stdout
    hidden = platform.croft("projects", "export", ref, check=True).stdout
    assert password in shown and password not in hidden
    assert platform.secret(ref, "passphrase") not in shown + hidden
    urns = [resource["urn"] for resource in json.loads(hidden)["deployment"]["resources"]]
    assert len(urns) == len(set(urns)) > 20
    assert not list(platform.home.work.glob("reading-*"))
