"""Projects under the pulumi CLI, and under both engines in turns: `CROFT_ENGINE=cli croft up`.

Plugins of the public packages that are not on PATH are the engine's own handlers, served as
plugins.
"""

import base64
import json
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from automation.registry import pulumi_state
from automation.settings import settings_from
from engine.version import VERSION
from tests.fixtures.platform import Platform, eventually

pytestmark = [pytest.mark.platform, pytest.mark.pulumi_cli]

PACKAGES = ("postgresql", "keycloak", "minio")
Choose = Callable[[str], None]


@pytest.fixture
def choose(platform: Platform) -> Iterator[Choose]:
    """Restarts the control plane with that engine; at the end with the one it had."""
    plugins = platform.home.root / "plugins"
    plugins.mkdir(exist_ok=True)
    plugins.chmod(0o755)  # the platform's account reads it
    for name in PACKAGES:
        launcher = plugins / f"pulumi-resource-{name}"
        # The interpreter is the platform's: its folder is on the daemons' PATH.
        launcher.write_text(f'#!/bin/sh\nexec python -m engine.plugin {name} "$@"\n')
        launcher.chmod(0o755)

    def up(engine: str) -> None:
        path = os.pathsep.join([os.environ["PATH"], str(plugins)])
        environ = {"CROFT_ENGINE": engine, "PATH": path}
        platform.croft("up", environ=environ, timeout_s=600, check=True)

    yield up
    platform.croft("up", timeout_s=600, check=True)
    shutil.rmtree(plugins)


def written_by(platform: Platform, ref: str) -> str:
    """The version of the engine that wrote the project's state last."""
    with psycopg.connect(settings_from(platform.home).control_dsn) as conn:
        (key,) = (key for key in pulumi_state.keys(conn, ref) if key.endswith(f"/{ref}.json"))
        row = json.loads(pulumi_state.text(conn, key))
    state = json.loads(base64.b64decode(row["data"]))
    return str(state["checkpoint"]["latest"]["manifest"]["version"])


def cli_version() -> str:
    command = ["pulumi", "version"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def updates_of(ref: str) -> list[int]:
    """Processes of the CLI that change the stack."""
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True)
    lines = [line.split() for line in listed.stdout.splitlines()]
    return [int(pid) for pid, program, *args in lines if program.endswith("pulumi") and ref in args]


def changes(platform: Platform, ref: str) -> dict[str, int]:
    found: dict[str, int] = platform.json("projects", "preview", ref)["changes"]
    return {op: count for op, count in found.items() if op != "same"}


def test_a_project_changes_engines_and_notices_nothing(
    platform: Platform, choose: Choose, tmp_path: Path
) -> None:
    choose("cli")
    ref = platform.create_project("cli")["ref"]
    assert written_by(platform, ref) == cli_version()
    exported = platform.croft("projects", "export", ref, "--show-secrets", check=True).stdout
    for login in ("postgres_admin", "keycloak_provisioner", "minio_root"):
        assert platform.home.secret(login).read_text().strip() not in exported

    choose("embedded")
    assert changes(platform, ref) == {}
    assert platform.json("projects", "refresh", ref)["resources"] == []
    file = tmp_path / "project.yaml"
    platform.croft("projects", "init", ref, "--file", str(file), check=True)
    file.write_text(file.read_text().replace("connections_max: 30", "connections_max: 25"))
    platform.croft("projects", "up", ref, "--file", str(file), check=True)
    assert written_by(platform, ref) == f"v{VERSION}"

    choose("cli")
    assert changes(platform, ref) == {}
    assert platform.json("projects", "refresh", ref)["resources"] == []
    platform.destroy(ref)
    assert platform.orphans(ref) == []


def test_what_a_killed_cli_began_is_undone(platform: Platform, choose: Choose) -> None:
    """Its lock stays, and what it was making stands in no state but as begun."""
    choose("cli")
    name = f"killed cli {secrets.token_hex(4)}"
    started = platform.json("projects", "create", name, "--no-wait")
    ref = started["ref"]

    def at_work() -> list[int]:
        """The CLI, once something is there that it made: the state and a folder come before."""
        made = {orphan.kind for orphan in platform.orphans(ref)} & {"role", "database", "bucket"}
        return updates_of(ref) if made else []

    for pid in eventually(at_work, timeout_s=120, poll_interval_s=0.02):
        os.kill(pid, signal.SIGKILL)

    def ended() -> str | None:
        status = platform.json("operations", "get", started["operation_id"])["status"]
        return status if status in ("finished", "failed") else None

    assert eventually(ended, timeout_s=240) == "failed"
    assert platform.orphans(ref) == []
