"""`croft members`: list, add, token, update, remove.

Owns arguments, confirmation and that a new member's token is shown. Must not know what a role
allows.
"""

from typing import Annotated

import typer

from cli.confirmation import confirm
from cli.control_plane import open_client
from cli.options import OrganizationArgument, OutputOption, YesOption
from cli.render import Output, print_view, print_views
from contracts.organizations import Role

app = typer.Typer(help="The members of an organization, and their roles.", no_args_is_help=True)

RoleOption = Annotated[Role, typer.Option(help="What they may do.", show_default=False)]
NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="A member's name or id.", show_default=False)
]


@app.command("list", epilog="Example: croft members list shop")
def list_(
    context: typer.Context, slug: OrganizationArgument, output: OutputOption = Output.table
) -> None:
    """List the members of an organization."""
    with open_client(context) as client:
        found = client.members(slug)
    print_views(found, output, columns=("user_name", "role_name", "is_shut_out", "user_id"))


@app.command(epilog="Example: croft members add shop ada@example.org --role developer")
def add(
    context: typer.Context,
    slug: OrganizationArgument,
    name: NameArgument,
    role: RoleOption,
    service_account: Annotated[
        bool, typer.Option("--service-account", help="Not a person: for CI and the like.")
    ] = False,
    output: OutputOption = Output.table,
) -> None:
    """Add a member, and print a token for them.

    It is shown only once, and is valid in this organization only. People who log in need none.
    """
    with open_client(context) as client:
        added = client.add_member(slug, name, role, service_account=service_account)
        print_view(added, output)


@app.command(epilog="Example: croft members token shop ci")
def token(
    context: typer.Context,
    slug: OrganizationArgument,
    name: NameArgument,
    output: OutputOption = Output.table,
) -> None:
    """Replace a service account's token and print the new one. The old one stops working."""
    with open_client(context) as client:
        print_view(client.renew_member_token(slug, name), output)


@app.command(epilog="Example: croft members update shop ada@example.org --role administrator")
def update(
    context: typer.Context,
    slug: OrganizationArgument,
    name: NameArgument,
    role: RoleOption,
    output: OutputOption = Output.table,
) -> None:
    """Change a member's role."""
    with open_client(context) as client:
        print_view(client.change_member(slug, name, role), output)


@app.command(epilog="Example: croft members remove shop ada@example.org")
def remove(
    context: typer.Context,
    slug: OrganizationArgument,
    name: NameArgument,
    yes: YesOption = False,
    output: OutputOption = Output.table,
) -> None:
    """Remove a member. Their token for this organization stops working."""
    with open_client(context) as client:
        confirm(f"This removes {name} from organization {slug}.", typed=name, yes=yes)
        print_view(client.remove_member(slug, name), output)
