"""What breaks in mid-create is whole or undone in the end; what is destroyed leaves nothing."""

import json
import os
import secrets
import signal
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from tests.fixtures.platform import Platform, eventually

pytestmark = pytest.mark.platform

OPERATION_TIMEOUT_S = 240.0


def test_after_destroy_nothing_of_the_project_remains(platform: Platform) -> None:
    project = platform.create_project("short-lived")
    ref = project["ref"]
    assert platform.orphans(ref), "the search is blind: it must see a living project"
    with psycopg.connect(project["db_url"]):  # a client that stays must not keep the database
        platform.destroy(ref)
    assert platform.orphans(ref) == []
    assert ref not in [each["ref"] for each in platform.json("projects", "list")]
    assert platform.croft("projects", "get", ref).returncode == 5
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(project["db_url"], connect_timeout=5)
    headers = {"apikey": project["anon_key"]}

    def is_gone() -> bool:
        url = f"{project['api_url']}/rest/v1/"
        return httpx2.get(url, headers=headers, timeout=5).status_code == 404

    eventually(is_gone, timeout_s=5)


def test_the_name_is_free_again_after_destroy(platform: Platform) -> None:
    first = platform.create_project("phoenix")
    platform.destroy(first["ref"])
    second = platform.json("projects", "create", first["name"])
    assert second["name"] == first["name"] and second["ref"] != first["ref"]
    platform.destroy(second["ref"])


def test_destroy_twice(platform: Platform) -> None:
    project = platform.create_project()
    commands = [
        platform.start("projects", "destroy", project["ref"], "--now", "--yes") for _ in range(2)
    ]
    codes = [command.wait(timeout=OPERATION_TIMEOUT_S) for command in commands]
    for command in commands:
        command.communicate()
    # The later one is told that another operation holds the project, or that it is gone.
    assert 0 in codes and set(codes) <= {0, 5, 6}, codes
    assert platform.orphans(project["ref"]) == []


def test_two_creates_of_one_name(platform: Platform) -> None:
    name = f"twins {secrets.token_hex(4)}"
    commands = [platform.start("projects", "create", name, "-o", "json") for _ in range(2)]
    outs = [command.communicate(timeout=OPERATION_TIMEOUT_S) for command in commands]
    codes = sorted(command.returncode for command in commands)
    assert codes == [0, 6], outs
    for out, _ in outs:
        if out:
            platform.destroy(json.loads(out)["ref"])


def test_a_worker_killed_in_mid_create(platform: Platform) -> None:
    started = _create_in_background(platform, "interrupted")
    worker = platform.units()["worker-0"].pid
    assert worker
    os.kill(worker, signal.SIGKILL)

    operation = _wait(platform, started["operation_id"])
    if operation["status"] == "finished":
        keys = platform.json("projects", "keys", started["ref"], "--reveal")
        url = f"{keys['api_url']}/rest/v1/"
        headers = {"apikey": keys["anon_key"]}
        assert httpx2.get(url, headers=headers, timeout=10).status_code == 200
        platform.destroy(started["ref"])
    else:
        assert operation["status"] == "failed"
    assert platform.orphans(started["ref"]) == []


def test_of_three_updates_at_once_one_process_dies_alone(platform: Platform) -> None:
    worker = platform.units()["worker-0"].pid
    assert worker
    names = [f"three {secrets.token_hex(4)}" for _ in range(3)]
    started = [platform.json("projects", "create", name, "--no-wait") for name in names]
    # Each update is a child of the worker's fork server; as after a segmentation fault:
    (victim, *_) = eventually(
        lambda: [child for server in _children(worker) for child in _children(server)],
        timeout_s=60,
        poll_interval_s=0.02,
    )
    os.kill(victim, signal.SIGSEGV)
    operations = [_wait(platform, each["operation_id"]) for each in started]
    failed = [each for each in operations if each["status"] == "failed"]
    assert [each["error"]["code"] for each in failed] == ["program_crashed"], operations
    for each, operation in zip(started, operations, strict=True):
        if operation["status"] == "finished":
            platform.destroy(each["ref"])
        assert platform.orphans(each["ref"]) == []
    assert platform.units()["worker-0"].pid == worker


def _children(pid: int) -> list[int]:
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for thread in threads for child in thread.read_text().split()]


def _create_in_background(platform: Platform, name: str) -> dict[str, Any]:
    """A create whose first resource is being made: {ref, operation_id}."""
    unique = f"{name} {secrets.token_hex(4)}"
    started: dict[str, Any] = platform.json("projects", "create", unique, "--no-wait")
    with psycopg.connect(platform.admin_url(), autocommit=True) as admin:

        def has_begun() -> bool:
            query = "select 1 from pg_roles where starts_with(rolname, %s)"
            return admin.execute(query, (started["ref"],)).fetchone() is not None

        eventually(has_begun, timeout_s=60, poll_interval_s=0.02)
    return started


def _wait(platform: Platform, operation_id: str) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        done = platform.croft("operations", "get", operation_id, "-o", "json")
        if done.returncode != 0:
            return None
        operation: dict[str, Any] = json.loads(done.stdout)
        return operation if operation["finished_at"] else None

    operation = eventually(ended, timeout_s=OPERATION_TIMEOUT_S, poll_interval_s=1.0)
    assert operation is not None
    return operation
