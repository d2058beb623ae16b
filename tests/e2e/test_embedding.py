"""docs/embedding.md is true: its lines are run as they stand there, by another process."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.platform import Platform, eventually
from tests.fixtures.receiver import receiving

PAGE = Path(__file__).parents[2] / "docs" / "embedding.md"
LINES_MAX = 10


def documented(index: int) -> str:
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)[index]


@pytest.mark.platform
def test_ten_lines_create_watch_and_destroy_a_project(platform: Platform, tmp_path: Path) -> None:
    code = documented(0)
    assert len(code.strip().splitlines()) <= LINES_MAX
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=platform.environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "step {'name': 'up_stack'}" in done.stdout
    assert "end {'error': None, 'status': 'finished'}" in done.stdout
    match = re.search(r"/p/([a-z]{20}) eyJ", done.stdout)
    assert match is not None, done.stdout
    assert platform.orphans(match[1]) == []
    assert "shop from python" not in platform.croft("projects", "list", check=True).stdout


@pytest.mark.platform
def test_a_change_is_told_to_a_receiver_that_fails_at_first(
    platform: Platform, project: dict[str, Any]
) -> None:
    documented_receiver: dict[str, Any] = {}
    exec(documented(1), documented_receiver)
    with receiving() as receiver:
        receiver.answers = [500]
        added = platform.json("webhooks", "add", "default", receiver.url)
        platform.croft("projects", "up", project["ref"], "--yes", check=True)
        eventually(lambda: len(receiver.requests) == 2, timeout_s=60)
        seen: set[str] = set()
        for headers, body in receiver.requests:
            assert documented_receiver["receive"](headers, body, added["secret"], seen) == 204
            assert (
                documented_receiver["receive"](headers, body + b" ", added["secret"], set()) == 401
            )
        [event_id] = seen

        def delivered() -> bool:
            [delivery] = platform.json("webhooks", "deliveries", "default", added["id"])
            return bool(delivery["id"] == event_id and delivery["status"] == "delivered")

        eventually(delivered, timeout_s=20)
        platform.croft("webhooks", "remove", "default", added["id"], "--yes", check=True)
    assert json.loads(receiver.requests[0][1])["type"] == "project.updated"
    assert json.loads(receiver.requests[0][1])["data"]["ref"] == project["ref"]


def test_importing_the_package_loads_nothing() -> None:
    code = "import sys, automation; print({'httpx2', 'pydantic', 'psycopg'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "set()\n"


def test_every_public_name_is_there() -> None:
    import automation

    for name in automation.__all__:
        assert getattr(automation, name) is not None
    with pytest.raises(AttributeError):
        automation.nonsense  # noqa: B018
