"""Another program in the place of `croft`: its exit code and the signals it gets are its own.

Owns what that takes. What it is given goes into its environment, never onto a command line, where
every process could read it. Must not know which program, or why.
"""

import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import ClassVar, NoReturn

from contracts.errors import PlatformError

# Python ignores them, and what is ignored stays so in the program that takes its place.
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


class CommandNotFound(PlatformError):
    exit_code: ClassVar[int] = 127  # a shell's, as the next one's
    default_code = "command_not_found"


class CommandNotStarted(PlatformError):
    exit_code: ClassVar[int] = 126
    default_code = "command_not_started"


def find_program(name: str, path: str | None) -> str:
    program = shutil.which(name, path=path)
    if program is None:
        raise CommandNotFound(f"no command {name!r}", fix="check its name and your PATH")
    return program


def hand_over(program: str, words: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Returns only by an error: CommandNotStarted."""
    for each in _IGNORED_BY_PYTHON:
        signal.signal(each, signal.SIG_DFL)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execve(program, list(words), dict(environ))
    except OSError as error:
        raise CommandNotStarted(
            f"{program} cannot be run: {error.strerror}", fix="run it by its interpreter"
        ) from None
