"""How the two processes of `make test` share the tests (pytest-xdist).

Owns who gets what: a platform costs half a minute and 2 GB, so all of its tests go to one process,
which begins with them since they take longest; the others go file by file to whoever is free.
"""

from functools import cache
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).parents[1]


class _ByPlatform(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        # `--dist loadgroup` would ask each test's marker, which xdist 3.8 writes into an attribute
        # that pytest 9.2 no longer has.
        file = nodeid.partition("::")[0]
        return "platform" if _uses_platform(file) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log) -> LoadScopeScheduling:
    return _ByPlatform(config, log)


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    for item in items:
        if "platform" in item.fixturenames and not _uses_platform(item.location[0]):
            raise pytest.UsageError(f"{item.nodeid} needs pytest.mark.platform")
    items.sort(key=lambda item: not _uses_platform(item.location[0]))


@cache
def _uses_platform(file: str) -> bool:
    return "mark.platform" in (ROOT / file).read_text()
