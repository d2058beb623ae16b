"""What `croft up` was told is remembered, and what a person wrote by hand is checked."""

from pathlib import Path

import pytest

from automation.boot import own_units
from automation.platform_settings import read_settings, remember_settings
from contracts.errors import InvalidInput
from contracts.home import Home, Ports
from contracts.platform_settings import PlatformSettings
from contracts.units import Unit


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path, tmp_path / "tools", Ports(20000))
    home.etc.mkdir()
    return home


def test_what_was_asked_for_once_holds_until_something_else_is(home: Home) -> None:
    assert remember_settings(home, {"workers": None, "deleted_kept_days": None}).workers == 1
    assert not home.platform_settings.exists()
    remember_settings(home, {"workers": 3})
    remember_settings(home, {"deleted_kept_days": 0.5})
    assert read_settings(home) == PlatformSettings(workers=3, deleted_kept_days=0.5)
    assert home.platform_settings.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text", ["workers = 0", "workers = 99", 'workers = "two"', "works = 1", "workers", "\0", "= 1"]
)
def test_a_file_that_cannot_be_used_is_named(home: Home, text: str) -> None:
    home.platform_settings.write_text(text)
    with pytest.raises(InvalidInput, match=r"platform\.toml"):
        read_settings(home)


def test_workers_are_units_with_a_slot_each(home: Home) -> None:
    units = own_units(home, Path("/python"), {}, PlatformSettings(workers=3))
    assert [unit.name for unit in units] == ["worker-0", "worker-1", "worker-2", "api"]
    assert [unit.argv[-2:] for unit in units[:3]] == [["--slot", str(n)] for n in range(3)]
    one = own_units(home, Path("/python"), {}, PlatformSettings())
    assert one == [units[0], units[3]]  # another number of workers restarts none that stays
    other = own_units(home, Path("/python"), {}, PlatformSettings(deleted_kept_days=1))
    assert other[0] != one[0]


def test_another_root_key_restarts_workers_and_stands_in_no_unit(home: Home) -> None:
    key = "A" * 43 + "="

    def units(**credentials: str) -> list[Unit]:
        return own_units(home, Path("/python"), {}, PlatformSettings(), credentials)

    before = units()
    (home.etc / "root-keys.json").write_text('[{"kind": "environment", "variable": "KEY"}]')
    (worker, api), (other, same) = units(KEY=key), units(KEY="B" + key[1:])
    assert worker not in (before[0], other) and api == same == before[1]
    assert key not in repr(worker)
