"""A root key in the environment of who types `croft up`: workers have it, and nothing else does."""

import base64
import json
import os
import secrets
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.platform import Platform, eventually

pytestmark = pytest.mark.platform

FILE, ENVIRONMENT = {"kind": "file"}, {"kind": "environment"}


@pytest.fixture
def key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


@pytest.fixture
def use(platform: Platform, key: str) -> Iterator[Callable[..., Any]]:
    """Makes the platform keep its root key so; in the end it is in the file again."""
    settings = platform.home.etc / "root-keys.json"

    def use(*kinds: dict[str, str]) -> None:
        settings.write_text(json.dumps(kinds))
        shutil.chown(settings, platform.home.etc.owner(), platform.home.etc.group())
        platform.croft("up", environ={"CROFT_ROOT_KEY": key}, check=True)

    yield use
    use(FILE, ENVIRONMENT)
    platform.croft("encryption", "rotate", "root", check=True)
    eventually(lambda: _left(platform) == 0, timeout_s=60)
    settings.unlink()
    platform.croft("up", check=True)


def test_a_root_key_in_the_environment_is_the_workers_alone(
    platform: Platform, project: dict[str, Any], key: str, use: Callable[..., Any]
) -> None:
    before = platform.units()
    use(ENVIRONMENT, FILE)
    eventually(lambda: _left(platform) == 0, timeout_s=60)
    use(ENVIRONMENT)
    after = platform.units()
    changed = {name for name in before if before[name].pid != after[name].pid}
    assert changed == {name for name in before if name.startswith("worker-")}
    assert _revealed(platform, project) == project["anon_key"]

    # Nobody has to type it again for a worker that died.
    worker = after["worker-0"].pid
    assert worker is not None
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: platform.units()["worker-0"].pid not in (worker, None), timeout_s=30)
    eventually(lambda: _revealed(platform, project) == project["anon_key"], timeout_s=30)

    needles = (key.encode(), key[8:40].encode(), base64.b64decode(key))
    places = dict(_processes())
    assert b"--slot" in places["cmdline", platform.units()["worker-0"].pid], "the search is blind"
    places |= {path: path.read_bytes() for path in _files(platform.home.root)}
    assert [where for where, text in places.items() if any(each in text for each in needles)] == []


def test_without_the_root_key_nothing_is_started_or_stopped(
    platform: Platform, key: str, use: Callable[..., Any]
) -> None:
    use(ENVIRONMENT, FILE)
    before = {name: unit.pid for name, unit in platform.units().items()}
    for value in (None, "", "c2hvcnQ="):
        environ = {} if value is None else {"CROFT_ROOT_KEY": value}
        up = platform.croft("up", environ=environ)
        assert up.returncode != 0
        assert "root_key_" in up.stderr and "CROFT_ROOT_KEY" in up.stderr
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
