"""Units on disk: one JSON file each, and the files that a unit brings along.

Owns CROFT_HOME/units. Must not know processes.
"""

import os
import re
import shutil
import signal
from pathlib import Path

from pydantic import ValidationError

from contracts.home import Home
from contracts.units import Unit

FILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


class BadUnit(ValueError):
    """A unit that asks for something it may not have."""


def check(unit: Unit) -> None:
    """Refuse now what could never be started, or would be written outside the unit's folder."""
    for name in unit.files:
        if not FILE_NAME.fullmatch(name):
            raise BadUnit(f"not a plain file name: {name!r}")
    for name in unit.env:
        if not name or "=" in name:
            raise BadUnit(f"not the name of an environment variable: {name!r}")
    if "\0" in "".join([*unit.argv, *unit.health.argv, *unit.env, *unit.env.values(), unit.cwd]):
        raise BadUnit("a command, environment or folder cannot contain a NUL character")
    if unit.stop_signal not in signal.Signals.__members__:
        raise BadUnit(f"no such signal: {unit.stop_signal!r}")
    if not (1 if unit.health.kind in ("tcp", "http") else 0) <= unit.health.port < 65536:
        raise BadUnit(f"no such port: {unit.health.port}")
    if unit.health.kind == "command" and not unit.health.argv:
        raise BadUnit("a health command without a command")


def files_folder(home: Home, name: str) -> Path:
    return home.units / f"{name}.files"


def save(home: Home, unit: Unit) -> None:
    """Write `unit` and its files so that a crash leaves the old or the new one, never half."""
    folder = files_folder(home, unit.name)
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, text in unit.files.items():
        _replace(folder / name, expand(home, unit.name, text))
    for old in folder.iterdir():
        if old.name not in unit.files:
            old.unlink()
    _replace(home.units / f"{unit.name}.json", unit.model_dump_json())


def remove(home: Home, name: str) -> None:
    (home.units / f"{name}.json").unlink(missing_ok=True)
    shutil.rmtree(files_folder(home, name), ignore_errors=True)


def load(home: Home) -> tuple[dict[str, Unit], list[str]]:
    """All units, and one complaint for each file that holds none."""
    units, complaints = {}, []
    for path in sorted(home.units.glob("*.json")):
        try:
            unit = Unit.model_validate_json(path.read_bytes())
        except ValidationError as error:
            complaints.append(f"{path}: {error.errors()[0]['msg']}")
            continue
        units[unit.name] = unit
    return units, complaints


def expand(home: Home, name: str, text: str) -> str:
    """Replace the words that contracts.units.Unit promises to replace."""
    files = str(files_folder(home, name))
    for word, value in (("tools", str(home.tools)), ("home", str(home.root)), ("files", files)):
        text = text.replace(f"{{{word}}}", value)
    return text


def _replace(path: Path, text: str) -> None:
    new = path.with_name(f".{path.name}.new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)
