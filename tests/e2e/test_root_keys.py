"""A root key in the environment of who types `croft up`: workers have it, and nothing else does."""

import base64
import json
import os
import secrets
import shutil
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from contracts.units import UnitStatus
from tests.fixtures.platform import Platform, eventually

pytestmark = pytest.mark.platform

FILE, ENVIRONMENT = {"kind": "file"}, {"kind": "environment"}


@pytest.fixture(scope="module")
def key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


@pytest.fixture(scope="module")
def before(platform: Platform, key: str) -> Iterator[dict[str, UnitStatus]]:
    """The units as they were before the platform's root key moved out of its file, to where it lies
    again in the end."""
    settings = platform.home.etc / "root-keys.json"

    def use(*kinds: dict[str, str]) -> None:
        settings.write_text(json.dumps(kinds))
        shutil.chown(settings, platform.home.etc.owner(), platform.home.etc.group())
        platform.croft("up", environ={"CROFT_ROOT_KEY": key}, check=True)
        _left(platform)  # at once: `croft up` has waited until the workers answer
        # Nobody asked for it; by the clock alone it could take twice that long.
        eventually(lambda: _left(platform) == 0, timeout_s=30)

    units = platform.units()
    try:
        use(ENVIRONMENT, FILE)
        yield units
        use(FILE, ENVIRONMENT)
    finally:
        settings.unlink()
        platform.croft("up", check=True)


def test_only_workers_are_started_anew_and_they_open_everything(
    platform: Platform, project: dict[str, Any], before: dict[str, UnitStatus]
) -> None:
    after = platform.units()
    changed = {name for name in before if before[name].pid != after[name].pid}
    assert changed == {name for name in before if name.startswith("worker-")}
    assert _revealed(platform, project) == project["anon_key"]


@pytest.mark.usefixtures("before")
def test_nobody_has_to_type_it_again_for_a_worker_that_died(
    platform: Platform, project: dict[str, Any]
) -> None:
    worker = platform.units()["worker-0"].pid
    assert worker is not None
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: platform.units()["worker-0"].pid not in (worker, None), timeout_s=30)
    eventually(lambda: _revealed(platform, project) == project["anon_key"], timeout_s=30)


@pytest.mark.usefixtures("before")
def test_it_is_in_no_environment_command_line_or_file(platform: Platform, key: str) -> None:
    needles = (key.encode(), key[8:40].encode(), base64.b64decode(key))
    seen: dict[object, bytes] = dict(_processes())
    worker = platform.units()["worker-0"].pid
    assert b"--slot" in seen["cmdline", worker], "the search is blind"
    assert b"CROFT_HOME" in seen["environ", worker], "the search is blind"
    seen |= {path: path.read_bytes() for path in _files(platform.home.root)}
    assert [where for where, text in seen.items() if any(each in text for each in needles)] == []


@pytest.mark.usefixtures("before")
def test_without_it_nothing_is_started_or_stopped(platform: Platform) -> None:
    before = {name: unit.pid for name, unit in platform.units().items()}
    up = platform.croft("up")
    assert up.returncode != 0
    assert "root_key_missing" in up.stderr and "CROFT_ROOT_KEY" in up.stderr
    assert {name: unit.pid for name, unit in platform.units().items()} == before


def _left(platform: Platform) -> int:
    return int(platform.json("encryption", "status")["keys_left"])


def _revealed(platform: Platform, project: dict[str, Any]) -> str:
    found = platform.json("projects", "keys", project["ref"], "--reveal")
    return str(found["anon_key"])


def _processes() -> Iterator[tuple[tuple[str, int], bytes]]:
    for process in Path("/proc").glob("[0-9]*"):
        for part in ("cmdline", "environ"):
            with suppress(OSError):  # it ended, or is none of ours
                yield (part, int(process.name)), (process / part).read_bytes()


def _files(root: Path) -> Iterator[Path]:
    """But for the servers' own, which are large and hold what they are sent."""
    for folder in ("units", "etc", "secrets", "state", "work", "log", "run"):
        yield from (path for path in (root / folder).rglob("*") if path.is_file())
