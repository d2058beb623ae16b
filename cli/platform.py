"""`croft up`, `down`, `status` and `logs`: the platform itself, on this machine.

Owns these four commands; the only part of the CLI that may import `local`. `up` obtains the servers
as the person who typed it (so that their mirror and proxy settings hold) and then runs
`automation.boot` as the account that owns the servers. Must not know what boot does.
"""

import os
import re
import subprocess
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.errors import stderr_console
from cli.options import OutputOption
from cli.render import Output, print_views
from contracts.engines import engine_environ
from contracts.errors import BackendDown, NotFound
from contracts.home import Home, daemon_environ, home_from
from contracts.platform_settings import DELETED_KEPT_DAYS_MAX, WORKERS_MAX
from contracts.units import UNIT_NAME, UnitStatus
from local import launch, ports, toolbox
from local.accounts import Account, account, prepare_home
from local.credentials import handing
from local.daemon_python import service_python
from local.supervisor.process import survivors

SHUTDOWN_TIMEOUT_S = 180.0
FOLLOW_POLL_S = 0.3

app = typer.Typer(no_args_is_help=True)


@app.command(epilog="Example: croft up")
def up(
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=WORKERS_MAX,
            help="How many worker processes run operations; remembered. Default: as before, or 1.",
        ),
    ] = None,
    deleted_kept_days: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=DELETED_KEPT_DAYS_MAX,
            help="How long a deleted project can be restored; default: as before, or 7.",
        ),
    ] = None,
) -> None:
    """Start the platform: obtain the servers, start them, and say what to type next."""
    uid = os.getuid()
    home = home_from(os.environ, uid=uid)
    console = stderr_console()
    toolbox.obtain(home.tools, environ=os.environ, console=console, shared=uid == 0)
    owner = account(uid)
    prepare_home(home, owner)
    if not launch.is_running(home):
        # What a killed supervisor left running is ours, and is taken over by the next one.
        ports.require_free(fixed_ports(home), our_pids=survivors(home))
    python = service_python(home)
    asked = {"--workers": workers, "--deleted-kept-days": deleted_kept_days}
    options = [f"{name}={value}" for name, value in asked.items() if value is not None]
    # Of a person's environment boot picks what root keys are read from.
    with handing(os.environ) as handed:
        booted = subprocess.run(
            [str(python), "-m", "automation.boot", *options],
            env=daemon_environ(home) | engine_environ(os.environ, python.parent) | handed.environ,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=console.file,
            check=False,
            pass_fds=handed.descriptors,
            **_identity(owner),
        )
    if booted.returncode != 0:
        raise typer.Exit(booted.returncode)
    _print_addresses(home)


@app.command(epilog="Example: croft down")
def down() -> None:
    """Stop the platform. Nothing is lost: `croft up` starts it again."""
    home = home_from(os.environ, uid=os.getuid())
    was_up = launch.shut_down(home, service_python(home), timeout_s=SHUTDOWN_TIMEOUT_S)
    typer.echo("the platform is down" if was_up else "the platform is not running", err=True)


@app.command(epilog="Example: croft status -o json")
def status(
    output: OutputOption = Output.table,
) -> None:
    """Show every server: its state, process id and restarts."""
    home = home_from(os.environ, uid=os.getuid())
    units = sorted(launch.unit_status(home).values(), key=lambda unit: unit.name)
    print_views(
        [_unit_view(unit) for unit in units],
        output,
        columns=["name", "state", "pid", "restarts", "up_s", "detail"],
    )
    if down := [unit for unit in units if unit.state != "running"]:
        fix = launch.cure(down[0])
        raise BackendDown("not every server is running", code="unit_down", fix=fix)


@app.command(epilog="Example: croft logs worker-0 --follow")
def logs(
    server: Annotated[str, typer.Argument(help="A name from `croft status`.")],
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")
    ] = 50,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Keep printing until Ctrl-C.")
    ] = False,
) -> None:
    """Print a server's log."""
    home = home_from(os.environ, uid=os.getuid())
    path = _log_file(home, server)
    with path.open(errors="replace") as log:
        text = log.read().splitlines()
        for line in text[len(text) - min(lines, len(text)) :]:
            typer.echo(line)
        while follow:  # until Ctrl-C: that is what -f asks for
            if path.stat().st_size < log.tell():  # rotated: it begins anew
                log.seek(0)
            if chunk := log.read():
                typer.echo(chunk, nl=False)
            else:
                time.sleep(FOLLOW_POLL_S)


def _log_file(home: Home, server: str) -> Path:
    path = home.logs / f"{server}.log"
    # The name becomes a path: only names that units can have.
    if not re.fullmatch(UNIT_NAME, server) or not path.is_file():
        raise NotFound(
            f"no server {server!r} has written a log",
            code="unit_not_found",
            fix="see: croft status",
        )
    return path


def _unit_view(unit: UnitStatus) -> dict[str, Any]:
    up_s = int(time.time() - unit.since) if unit.state == "running" else None
    return {**unit.model_dump(exclude={"since"}), "up_s": up_s}


def fixed_ports(home: Home) -> dict[str, int]:
    numbers = home.ports
    return {
        "the API": numbers.api,
        "the gateway": numbers.gateway,
        "PostgreSQL": numbers.postgres,
        "Keycloak": numbers.keycloak,
        "Keycloak's management": numbers.keycloak_management,
        "MinIO": numbers.minio,
        "the gateway's ping": numbers.gateway_ping,
    }


def _identity(owner: Account) -> dict[str, Any]:
    """Arguments of subprocess.run that make a child the platform's account."""
    if not owner.drop:
        return {}
    return {"user": owner.uid, "group": owner.gid, "extra_groups": ()}


def _print_addresses(home: Home) -> None:
    postgres = f"postgresql://127.0.0.1:{home.ports.postgres}"
    typer.echo(
        f"""
  gateway    {home.gateway_url}
  database   {postgres}
  API        {home.api_url}   (token in {home.token})

Next: croft projects create my-first-project --wait""",
        err=True,
    )
