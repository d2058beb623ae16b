"""The engine as a `pulumi_command`: what `pulumi.automation` runs instead of the pulumi CLI.

Owns that one object. Must not know what any command does.
"""

import os
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pulumi.automation import CommandResult, PulumiCommand
from pulumi.automation.errors import create_command_error

from engine import sdk_repairs
from engine.commands import COMMANDS, Context
from engine.commands.arguments import help_for, parse
from engine.errors import EngineError
from engine.provider import Credentials, Package
from engine.providers import builtin_packages
from engine.selection import Selection, SelectionInMemory
from engine.version import VERSION

OnOutput = Callable[[str], Any]

# What the CLI exits with on any failure.
_FAILURE_CODE = 255


class EmbeddedPulumi(PulumiCommand):
    """Pass it as `LocalWorkspaceOptions(pulumi_command=EmbeddedPulumi(...))`. One object serves any
    number of stacks and threads.

    A PulumiCommand by type alone: it shares no code with the SDK's, whose constructor would look
    for the CLI."""

    command = "engine"
    version = VERSION

    def __init__(
        self,
        packages: Iterable[Package] = (),
        credentials: Credentials | None = None,
        selection: Selection | None = None,
        ask: Callable[[str], str] | None = None,
    ) -> None:
        """`packages` come on top of the built-in ones. `credentials` are merged into a provider's
        configuration at each call, and stand in no state. `ask` puts a question to a person."""
        sdk_repairs.install()
        self._packages = (*builtin_packages(), *packages)
        self._credentials = credentials
        self._selection = selection or SelectionInMemory()
        self._ask = ask

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnOutput | None = None,
        on_error: OnOutput | None = None,
    ) -> CommandResult:
        """Run one command, as if a process of the pulumi CLI had been started."""
        out: list[str] = []
        err: list[str] = []
        code = self._run(
            args,
            Path(cwd),
            {**os.environ, **additional_env},
            _tee(out, on_output),
            _tee(err, on_error),
        )
        result = CommandResult("\n".join(out), "\n".join(err), code)
        if code != 0:
            raise create_command_error(result)
        return result

    def _run(
        self,
        args: list[str],
        cwd: Path,
        environ: Mapping[str, str],
        out: Callable[[str], None],
        err: Callable[[str], None],
    ) -> int:
        context = None
        try:
            if (lines := help_for(args)) is not None:
                for line in lines:
                    out(line)
                return 0
            arguments = parse(args)
            context = Context(
                arguments=arguments,
                folder=(cwd / (arguments.value("--cwd") or ".")).resolve(),
                environ=environ,
                out=out,
                err=err,
                packages=self._packages,
                credentials=self._credentials,
                selection=self._selection,
                ask=self._ask,
            )
            COMMANDS[arguments.command](context)
        except EngineError as error:
            for line in f"error: {error}".splitlines():
                err(line)
            return _FAILURE_CODE
        except Exception:  # noqa: BLE001  as from a process: a traceback and an exit code
            for line in f"error: the engine failed\n{traceback.format_exc()}".splitlines():
                err(line)
            return _FAILURE_CODE
        finally:
            if context is not None:
                context.close()
        return 0


def _tee(lines: list[str], callback: OnOutput | None) -> Callable[[str], None]:
    def line(text: str) -> None:
        lines.append(text)
        if callback is not None:
            callback(text)

    return line
