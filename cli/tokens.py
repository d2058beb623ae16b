"""`croft tokens`: create, list, rotate, revoke: one's own access tokens.

Owns arguments and what is printed. Must not know what a scope opens.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from cli.confirmation import confirm
from cli.control_plane import open_client
from cli.options import OutputOption, YesOption
from cli.render import Output, print_view, print_views
from contracts.errors import InvalidInput
from contracts.tokens import SCOPES

DAYS_MAX = 3650

app = typer.Typer(help="Your own access tokens, for scripts and tools.", no_args_is_help=True)

TokenArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The token's id.", show_default=False)
]


@app.command("list", epilog="Example: croft tokens list")
def list_(context: typer.Context, output: OutputOption = Output.table) -> None:
    """List your tokens with their scopes, expiry and last use."""
    with open_client(context) as client:
        found = client.tokens()
    columns = ("id", "name", "token_alias", "scopes", "organization_slug", "expires_at")
    print_views(found, output, columns=(*columns, "last_used_at"))


@app.command(epilog="Example: croft tokens create deploys --scope projects:write --expires 30d")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)],
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", metavar="SCOPE", help=f"May be repeated: {', '.join(SCOPES)}."),
    ] = None,
    organization: Annotated[
        str | None, typer.Option("--org", metavar="ORG", help="Valid in this organization only.")
    ] = None,
    expires: Annotated[
        str, typer.Option(metavar="DAYS", help="After how long: 30d, or never.")
    ] = "90d",
    output: OutputOption = Output.table,
) -> None:
    """Create a token and print it. It is shown only once."""
    expires_at = _moment(expires)
    with open_client(context) as client:
        created = client.create_token(
            name, scopes=scope or ["all"], organization_slug=organization, expires_at=expires_at
        )
    print_view(created, output)


@app.command(epilog="Example: croft tokens rotate 4f0c1c1e-0c7a-4f1e-9d0b-2b7a5a0a8d11")
def rotate(
    context: typer.Context, token_id: TokenArgument, output: OutputOption = Output.table
) -> None:
    """Replace a token's secret and print the new one. The old one stops working."""
    with open_client(context) as client:
        print_view(client.rotate_token(token_id), output)


@app.command(epilog="Example: croft tokens revoke 4f0c1c1e-0c7a-4f1e-9d0b-2b7a5a0a8d11 --yes")
def revoke(
    context: typer.Context,
    token_id: TokenArgument,
    yes: YesOption = False,
    output: OutputOption = Output.table,
) -> None:
    """Revoke a token, and the tokens that were made with it."""
    confirm(f"This revokes token {token_id}.", typed=token_id, yes=yes)
    with open_client(context) as client:
        print_view(client.revoke_token(token_id), output)


def _moment(expires: str) -> datetime | None:
    if expires == "never":
        return None
    days = re.fullmatch(r"([1-9][0-9]{0,3})d", expires)
    if days is None or int(days[1]) > DAYS_MAX:
        raise InvalidInput(
            f"{expires!r} is not a valid lifetime",
            code="expiry_invalid",
            fix=f"say 1d to {DAYS_MAX}d, or never",
        )
    return datetime.now(UTC) + timedelta(days=int(days[1]))
