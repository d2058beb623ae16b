"""`croft orgs`: list, create, get, delete, limits.

Owns arguments, confirmation and which fields are shown. Must not know what a limit is enforced by.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from cli.confirmation import confirm
from cli.control_plane import open_client
from cli.options import OrganizationArgument, OutputOption, YesOption
from cli.render import Output, print_view, print_views
from contracts.errors import InvalidInput
from contracts.organizations import LIMIT_MAX, OrganizationLimits

app = typer.Typer(
    help="Organizations: their members share projects and limits.", no_args_is_help=True
)


@app.command("list", epilog="Example: croft orgs list")
def list_(context: typer.Context, output: OutputOption = Output.table) -> None:
    """List your organizations."""
    with open_client(context) as client:
        found = client.organizations()
    print_views(found, output, columns=("slug", "name", "id"))


@app.command(epilog='Example: croft orgs create "Our shop" --slug shop')
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Any text.", show_default=False)],
    slug: Annotated[
        str | None, typer.Option(help="Its name in paths; default: made from the name.")
    ] = None,
    output: OutputOption = Output.table,
) -> None:
    """Create an organization, which you then own."""
    with open_client(context) as client:
        print_view(client.create_organization(name, slug=slug), output)


@app.command(epilog="Example: croft orgs get shop")
def get(
    context: typer.Context, slug: OrganizationArgument, output: OutputOption = Output.table
) -> None:
    """Show one organization."""
    with open_client(context) as client:
        print_view(client.organization(slug), output)


@app.command(epilog="Example: croft orgs delete shop")
def delete(
    context: typer.Context,
    slug: OrganizationArgument,
    yes: YesOption = False,
    output: OutputOption = Output.table,
) -> None:
    """Delete an organization that has no projects left. Its members lose access."""
    with open_client(context) as client:
        confirm(f"This deletes organization {slug}.", typed=slug, yes=yes)
        print_view(client.delete_organization(slug), output)


@app.command(epilog="Example: croft orgs limits shop --set projects_max=10")
def limits(
    context: typer.Context,
    slug: OrganizationArgument,
    plan: Annotated[str | None, typer.Option(help="Change the plan (operators only).")] = None,
    own: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="LIMIT=NUMBER",
            help="Set a limit of its own; LIMIT=plan goes back to the plan's (operators only).",
        ),
    ] = None,
    output: OutputOption = Output.table,
) -> None:
    """Show an organization's limits and what it uses, or change its limits."""
    changed = _parsed(own or [])
    with open_client(context) as client:
        if plan is None and not changed:
            found = client.organization_limits(slug)
        else:
            found = client.set_organization_limits(slug, plan=plan, limits=changed)
    if output is Output.table:
        print_views(_rows(found), output, columns=("limit", "allowed", "from", "used"))
    else:
        print_view(found, output)


def _parsed(settings: Sequence[str]) -> dict[str, int | None]:
    parsed: dict[str, int | None] = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        number = int(value) if value.isascii() and value.isdecimal() and len(value) < 20 else None
        if not name or (number is None and value != "plan") or (number or 0) > LIMIT_MAX:
            raise InvalidInput(
                f"{setting!r} is not LIMIT=NUMBER",
                code="limit_invalid",
                fix="for example: --set projects_max=10, or --set projects_max=plan",
            )
        parsed[name] = number
    return parsed


def _rows(found: OrganizationLimits) -> list[dict[str, Any]]:
    # A limit is named for what it limits: projects_max, api_requests_month_max.
    return [
        {
            "limit": name,
            "allowed": "unlimited" if value is None else value,
            "from": "its own" if name in found.own else f"plan {found.plan}",
            "used": found.used.get(name.removesuffix("_max").removesuffix("_month")),
        }
        for name, value in found.limits.items()
    ]
