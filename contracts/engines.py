"""Which Pulumi engine updates the projects: the setting that `croft up` hands to every daemon.

Owns the variable, its values, and what of a person's environment daemons need for the CLI. Must not
know how an engine is run.
"""

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from contracts.errors import InvalidInput

VARIABLE = "CROFT_ENGINE"


class Engine(StrEnum):
    embedded = "embedded"
    """The one in `engine/`, which needs nothing but Python."""
    cli = "cli"
    """The pulumi CLI on PATH, with its plugins."""


def engine_from(environ: Mapping[str, str]) -> Engine:
    """Raises InvalidInput. A pulumi that happens to be on PATH chooses nothing."""
    given = environ.get(VARIABLE) or Engine.embedded
    if given not in set(Engine):
        raise InvalidInput(
            f"{VARIABLE} is {given!r}, not one of: {', '.join(Engine)}",
            fix="unset it to use the embedded engine",
        )
    return Engine(given)


def engine_environ(environ: Mapping[str, str], *plugins: Path) -> dict[str, str]:
    """The variables by which a child process chooses the same engine. The CLI and what it needs are
    found as the person finds them, our own plugins in the folders `plugins`."""
    if engine_from(environ) is Engine.embedded:
        return {}
    path = os.pathsep.join([*map(str, plugins), environ.get("PATH", os.defpath)])
    return {VARIABLE: Engine.cli, "PATH": path}
