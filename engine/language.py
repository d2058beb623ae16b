"""Running a program: the client side of Pulumi's LanguageRuntime.

Owns calling a language runtime that is already serving (`--client`), and starting one for a local
program folder. Must not know what the program registers or how its update goes.
"""

import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import grpc
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

from engine.errors import EngineError, UsageError
from engine.project import Project
from engine.transport import OPTIONS

_START_TIMEOUT_S = 120
_STOP_TIMEOUT_S = 10


@dataclass(frozen=True)
class Run:
    """What a language runtime is told about one run of a program."""

    project: str
    stack: str
    config: Mapping[str, str]
    config_secret_keys: Sequence[str]
    dry_run: bool
    parallel: int
    organization: str = "organization"


@contextmanager
def connected(runtime: str) -> Iterator[language_pb2_grpc.LanguageRuntimeStub]:
    """A language runtime by its address."""
    with grpc.insecure_channel(runtime, options=OPTIONS) as channel:
        yield language_pb2_grpc.LanguageRuntimeStub(channel)


def run_program(
    runtime: language_pb2_grpc.LanguageRuntimeStub, run: Run, *, engine: str, folder: Path
) -> str:
    """Run the program behind a language runtime to its end; its error message, if it had one.
    `engine` is the address of the monitor, too."""
    request = language_pb2.RunRequest(
        project=run.project,
        stack=run.stack,
        pwd=str(folder),
        args=[engine],
        config=run.config,
        configSecretKeys=run.config_secret_keys,
        dryRun=run.dry_run,
        parallel=run.parallel,
        monitor_address=engine,
        organization=run.organization,
    )
    try:
        response = runtime.Run(request)
    except grpc.RpcError as error:
        raise EngineError(f"the language runtime failed: {error.details()}") from error
    return str(response.error)


@contextmanager
def local_runtime(project: Project, environ: Mapping[str, str]) -> Iterator[str]:
    """Start a language runtime for the program in a project's folder; its address.

    It is a process of its own: a program's working directory, imports and environment are its own
    too, and must not be those of a process that runs other stacks.
    """
    if project.runtime != "python":
        raise UsageError(f"the embedded engine runs python programs, not '{project.runtime}'")
    program = (project.root / project.main).resolve()
    host = subprocess.Popen(
        [_python(project), "-m", "engine.language_host", str(program)],
        cwd=project.root,
        env={**environ, "PYTHONPATH": _importable(environ)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert host.stdin is not None and host.stdout is not None, "both are pipes"
    try:
        yield _address_of(host, host.stdout)
    finally:
        # The end of its input tells the host to stop; nothing outlives the engine that way.
        host.stdin.close()
        try:
            host.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            host.kill()
            host.wait()
        host.stdout.close()


def _address_of(host: "subprocess.Popen[str]", stdout: IO[str]) -> str:
    """Its first line. Raises EngineError when it ends without one, or says nothing in time."""
    ready, _, _ = select.select([stdout], [], [], _START_TIMEOUT_S)
    if not ready:
        host.kill()
        raise EngineError(f"the language runtime did not start within {_START_TIMEOUT_S} s")
    address = stdout.readline().strip()
    if not address:
        with suppress(subprocess.TimeoutExpired):
            host.wait(_STOP_TIMEOUT_S)
        raise EngineError(f"the language runtime did not start (exit code {host.returncode})")
    return address


def _python(project: Project) -> str:
    """The interpreter of the project's virtual environment, where it has one: this engine makes
    none, and without one the program runs on what the engine itself runs on."""
    own = project.root / project.virtualenv / "bin" / "python"
    return str(own) if project.virtualenv and own.exists() else sys.executable


def _importable(environ: Mapping[str, str]) -> str:
    """A path on which the child finds this very engine, installed or not."""
    here = str(Path(__file__).resolve().parent.parent)
    return os.pathsep.join(filter(None, [here, environ.get("PYTHONPATH")]))
