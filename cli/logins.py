"""`croft login`, `logout` and `whoami`: who one is to a control plane.

Owns arguments and what a person is shown. Must not know how a login is made
(automation/login_client.py) or kept (cli/preferences.py).
"""

import sys
from typing import Annotated

import typer

from automation import login_client
from automation.client import client_at
from cli.control_plane import Operator, open_client
from cli.errors import one_line, report, stderr_console
from cli.options import OutputOption
from cli.preferences import Credential, preferences_of
from cli.render import Output, print_view
from contracts.errors import BackendDown, Unauthorized

app = typer.Typer(no_args_is_help=True)


@app.command(epilog="Example: croft login")
def login(
    context: typer.Context,
    token_stdin: Annotated[
        bool,
        typer.Option(
            "--token-stdin", help="Read an access token from stdin and keep that instead."
        ),
    ] = False,
) -> None:
    """Log in to the control plane: open the address it shows in a browser on any machine."""
    operator: Operator = context.obj
    url, name = operator.chosen()
    if token_stdin:
        credential: Credential = sys.stdin.readline().strip()
        token = str(credential)
    else:
        pending = login_client.begin(url)
        typer.echo(f"Open   {one_line(pending.code.verification_uri_complete)}", err=True)
        typer.echo(f"Check  that it shows {one_line(pending.code.user_code)}", err=True)
        credential = login_client.finish(pending)
        token = credential.access_token
    with client_at(url, token) as client:
        profile = client.profile()  # refused now rather than at each later command
    preferences = preferences_of(operator.environ)
    kept = preferences.credentials_by_name()
    preferences.save_credentials({**kept, name or url.rstrip("/"): credential})
    typer.echo(f"logged in to {url} as {one_line(profile.username)}", err=True)
    if operator.environ.get("CROFT_TOKEN"):
        typer.echo("CROFT_TOKEN is set, and goes before this login", err=True)


@app.command(epilog="Example: croft logout")
def logout(context: typer.Context) -> None:
    """Forget the login, and end its session. An access token is forgotten, not revoked."""
    operator: Operator = context.obj
    url, name = operator.chosen()
    preferences = preferences_of(operator.environ)
    kept = preferences.credentials_by_name()
    key = name or url.rstrip("/")
    if key not in kept:
        raise Unauthorized(f"not logged in to {url}", code="not_logged_in", fix="run: croft login")
    preferences.save_credentials({other: kept[other] for other in kept if other != key})
    session = kept[key]
    if not isinstance(session, str):
        try:
            login_client.end(session)
        except BackendDown as error:  # forgotten here all the same
            raise typer.Exit(report(error, stderr_console())) from None
    typer.echo(f"logged out of {url}", err=True)


@app.command(epilog="Example: croft whoami -o json")
def whoami(context: typer.Context, output: OutputOption = Output.table) -> None:
    """Show who you are to the control plane, and what you may do there."""
    with open_client(context) as client:
        print_view(client.profile(), output)
