"""Options that several commands share, so that they are spelled and explained once.

Where REF may be left out it is CROFT_PROJECT's, then the linked project's.
"""

from pathlib import Path
from typing import Annotated

import typer

from cli.preferences import find_link
from cli.render import Output

OutputOption = Annotated[
    Output, typer.Option("--output", "-o", envvar="CROFT_OUTPUT", help="Output format.")
]
WaitOption = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Wait until it has finished; progress on stderr.")
]
TimeoutOption = Annotated[
    float,
    typer.Option(min=1.0, metavar="SECONDS", help="How long to wait; after that, exit code 7."),
]
YesOption = Annotated[
    bool,
    typer.Option("--yes", "-y", help="Do not ask for confirmation; needed without a terminal."),
]
RevealOption = Annotated[bool, typer.Option("--reveal", help="Print secrets in full.")]
RefArgument = Annotated[
    str, typer.Argument(metavar="REF", help="The project's ref: 20 letters.", show_default=False)
]
OrganizationArgument = Annotated[
    str, typer.Argument(metavar="ORG", help="The organization's slug.", show_default=False)
]


def _linked(context: typer.Context, ref: str) -> str:
    """For commands that change nothing for good: without REF, the project that is linked here."""
    link = None if ref or context.resilient_parsing else find_link(Path.cwd())
    if not ref and link is None:
        raise typer.BadParameter("name a project, or link one to this folder with: croft link REF")
    return link.ref if link else ref


ProjectOption = Annotated[
    str,
    typer.Option(
        "--project",
        metavar="REF",
        help="The project's ref; default: the linked project.",
        envvar="CROFT_PROJECT",
        callback=_linked,
        show_default=False,
    ),
]
LinkedRefArgument = Annotated[
    str,
    typer.Argument(
        metavar="REF",
        help="The project's ref; default: the linked project.",
        envvar="CROFT_PROJECT",
        callback=_linked,
        show_default=False,
    ),
]
