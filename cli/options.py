"""Options that several commands share, so that they are spelled and explained once."""

from typing import Annotated

import typer

from cli.render import Output

OutputOption = Annotated[
    Output, typer.Option("--output", "-o", envvar="CROFT_OUTPUT", help="Form of the data.")
]
WaitOption = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Wait for the end, with progress on stderr.")
]
TimeoutOption = Annotated[
    float, typer.Option(min=1.0, metavar="SECONDS", help="How long to wait; then exit code 7.")
]
YesOption = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask; needed where there is no terminal.")
]
RevealOption = Annotated[bool, typer.Option("--reveal", help="Print secrets in full.")]
RefArgument = Annotated[
    str, typer.Argument(metavar="REF", help="The project's 20 letters.", show_default=False)
]
