"""`croft encryption`: status, rotate.

Owns arguments. Must not know how anything is encrypted.
"""

from typing import Annotated

import typer

from cli.control_plane import open_client
from cli.options import OutputOption
from cli.render import Output, print_view

app = typer.Typer(help="The keys that secrets are encrypted with.", no_args_is_help=True)

# No project is called like this: a ref has 20 letters.
ROOT, PLATFORM = "root", "platform"


@app.command(epilog="Example: croft encryption status")
def status(
    context: typer.Context,
    ref: Annotated[
        str, typer.Argument(metavar="[REF]", help="A project's key only.", show_default=False)
    ] = "",
    output: OutputOption = Output.table,
) -> None:
    """Show what is not yet wrapped with the newest key: of the platform (operators only), or of a
    project."""
    with open_client(context) as client:
        print_view(client.encryption_key(ref) if ref else client.encryption(), output)


@app.command(epilog="Example: croft encryption rotate root")
def rotate(
    context: typer.Context,
    key: Annotated[
        str,
        typer.Argument(
            metavar="root|platform|REF",
            help="The root key or the platform's own (operators only), or a project's.",
            show_default=False,
        ),
    ],
    output: OutputOption = Output.table,
) -> None:
    """Make a new key, and let workers re-wrap with it whatever the older one wrapped.

    Nothing stops meanwhile, and if a worker dies the next one continues; `croft encryption status`
    shows what is left. The older key is destroyed once nothing needs it: after rotating the root
    key, save its file again with your backup of the registry.
    """
    with open_client(context) as client:
        if key == ROOT:
            print_view(client.rotate_root_key(), output)
        elif key == PLATFORM:
            print_view(client.rotate_platform_key(), output)
        else:
            print_view(client.rotate_encryption_key(key), output)
