"""docs/embedding.md is true: its lines are run as they stand there, by another process."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.platform import Platform

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
