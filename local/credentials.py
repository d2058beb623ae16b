"""What a process is given beside its environment: a file without a name, in memory only, that it
inherits open, reads once and closes.

Owns both ends. An environment can be read by every process of the same account for as long as the
process lives, and is handed on to its children; a file stays on the disk, and in backups. Must not
know what is given.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

VARIABLE = "CROFT_CREDENTIALS_FD"


@dataclass(frozen=True)
class Handed:
    """What a child process that is to have them is started with."""

    environ: dict[str, str] = field(default_factory=dict)
    descriptors: tuple[int, ...] = ()


@contextmanager
def handing(values: Mapping[str, str]) -> Iterator[Handed]:
    """While the block runs a child can be started with `values`."""
    if not values:
        yield Handed()
        return
    with os.fdopen(os.memfd_create("credentials"), "w+b") as file:
        file.write(json.dumps(dict(values)).encode())
        file.seek(0)
        yield Handed({VARIABLE: str(file.fileno())}, (file.fileno(),))


def take(environ: Mapping[str, str]) -> dict[str, str]:
    """What this process was given; can be read only once."""
    if VARIABLE not in environ:
        return {}
    with os.fdopen(int(environ[VARIABLE]), "rb") as file:
        found: dict[str, str] = json.load(file)
    return found
