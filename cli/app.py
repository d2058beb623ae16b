"""The command `croft`: its nouns, and the one place where an error becomes an exit code.

Owns the entry point and what is read from the environment. Must not know what a command does.
`croft up` starts the platform; everything else asks its control plane.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from cli import (
    audit,
    contexts,
    databases,
    doctor,
    encryption,
    environment,
    keys,
    links,
    logins,
    members,
    operations,
    organizations,
    plans,
    platform,
    projects,
    requests,
    services,
    shell,
    tokens,
    webhooks,
)
from cli.control_plane import Caller, Operator
from cli.errors import report, stderr_console
from contracts.errors import PlatformError
from contracts.home import home_from

app = typer.Typer(
    name="croft",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(platform.app)
app.add_typer(doctor.app)
app.add_typer(projects.app, name="projects")
projects.app.add_typer(plans.app)
projects.app.add_typer(environment.project_app)
app.add_typer(keys.app, name="keys")
app.add_typer(services.app, name="config")
app.add_typer(databases.app, name="db")
app.add_typer(requests.app)
app.add_typer(operations.app, name="operations")
app.add_typer(organizations.app, name="orgs")
app.add_typer(members.app, name="members")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(tokens.app, name="tokens")
app.add_typer(encryption.app, name="encryption")
app.add_typer(audit.app, name="audit")
app.add_typer(contexts.app, name="context")
app.add_typer(links.app)
app.add_typer(environment.app)
app.add_typer(logins.app)
app.add_typer(shell.app)


@app.callback()
def croft(
    context: typer.Context,
    url: Annotated[
        str, typer.Option(help="Address of the control plane; overrides CROFT_URL.")
    ] = "",
    name: Annotated[
        str,
        typer.Option("--context", help="Name of the control plane, as in `croft context list`."),
    ] = "",
) -> None:
    """Many Supabase-style backends on your own machines.

    `croft up` starts the platform on this machine; `croft projects create NAME` makes a project.
    """
    home = home_from(os.environ, uid=os.geteuid())
    context.obj = context.obj or Operator(home, os.environ, Path.cwd(), url, name)


def main(args: Sequence[str] | None = None, caller: Caller | None = None) -> None:
    """Usage errors (2), Ctrl-C (130) and a closed pipe are Typer's; the rest carries its own."""
    shell.prepare_completion(os.environ)
    try:
        app(args, prog_name="croft", obj=caller)
    except PlatformError as error:
        sys.exit(report(error, stderr_console()))


if __name__ == "__main__":
    main()
