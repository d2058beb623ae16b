"""`croft webhooks`: list, add, rotate, remove, test, deliveries.

Owns arguments and confirmation. Must not know how something is signed or delivered.
"""

from typing import Annotated

import typer

from cli.confirmation import confirm
from cli.control_plane import open_client
from cli.options import OrganizationArgument, OutputOption, YesOption
from cli.render import Output, print_view, print_views
from contracts.webhooks import OVERLAP_HOURS, OVERLAP_HOURS_MAX

app = typer.Typer(
    help="Who is told of changes to an organization's projects.", no_args_is_help=True
)

WebhookArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The webhook's id.", show_default=False)
]


@app.command("list", epilog="Example: croft webhooks list shop")
def list_(
    context: typer.Context, slug: OrganizationArgument, output: OutputOption = Output.table
) -> None:
    """List an organization's webhooks."""
    with open_client(context) as client:
        found = client.webhooks(slug)
    print_views(found, output, columns=("id", "url", "events", "created_at"))


@app.command(epilog="Example: croft webhooks add shop https://hooks.example.org/croft")
def add(
    context: typer.Context,
    slug: OrganizationArgument,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to post to.")],
    event: Annotated[
        list[str] | None,
        typer.Option("--event", metavar="EVENT", help="May be repeated; default: all."),
    ] = None,
    output: OutputOption = Output.table,
) -> None:
    """Send events of changes to a URL, and print the secret that signs them.

    The secret is shown only once. Only an operator may add an address that is not public.
    """
    with open_client(context) as client:
        print_view(client.add_webhook(slug, url, event or []), output)


@app.command(epilog="Example: croft webhooks rotate shop 4f0c1c1e-0c7a-4f1e-9d0b-2b7a5a0a8d11")
def rotate(
    context: typer.Context,
    slug: OrganizationArgument,
    webhook_id: WebhookArgument,
    overlap_hours: Annotated[
        int, typer.Option(min=0, max=OVERLAP_HOURS_MAX, help="How long older secrets keep signing.")
    ] = OVERLAP_HOURS,
    output: OutputOption = Output.table,
) -> None:
    """Make a new signing secret and print it. Older ones sign too until the overlap ends.

    The secret is shown only once.
    """
    with open_client(context) as client:
        print_view(client.rotate_webhook(slug, webhook_id, overlap_hours=overlap_hours), output)


@app.command(epilog="Example: croft webhooks remove shop 4f0c1c1e-0c7a-4f1e-9d0b-2b7a5a0a8d11")
def remove(
    context: typer.Context,
    slug: OrganizationArgument,
    webhook_id: WebhookArgument,
    yes: YesOption = False,
    output: OutputOption = Output.table,
) -> None:
    """Remove a webhook. Pending deliveries are dropped."""
    confirm(f"This removes webhook {webhook_id} of {slug}.", typed=webhook_id, yes=yes)
    with open_client(context) as client:
        print_view(client.remove_webhook(slug, webhook_id), output)


@app.command(epilog="Example: croft webhooks test shop 4f0c1c1e-0c7a-4f1e-9d0b-2b7a5a0a8d11")
def test(
    context: typer.Context,
    slug: OrganizationArgument,
    webhook_id: WebhookArgument,
    output: OutputOption = Output.table,
) -> None:
    """Send a test event. `croft webhooks deliveries` shows how it was answered."""
    with open_client(context) as client:
        print_view(client.test_webhook(slug, webhook_id), output)


@app.command(epilog="Example: croft webhooks deliveries shop 4f0c1c1e-0c7a-4f1e-9d0b-2b7a5a0a8d11")
def deliveries(
    context: typer.Context,
    slug: OrganizationArgument,
    webhook_id: WebhookArgument,
    output: OutputOption = Output.table,
) -> None:
    """List deliveries, sent and pending, newest first."""
    with open_client(context) as client:
        found = client.webhook_deliveries(slug, webhook_id)
    columns = ("created_at", "event", "project_ref", "status", "attempts", "last_answer", "id")
    print_views(found, output, columns=columns)
