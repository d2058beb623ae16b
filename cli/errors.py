"""Errors on stderr: one line of message, then the code, the cure and the request id.

Owns their printed form. Must not know which errors there are: codes and exit codes stand in
`contracts.errors`, usage errors (exit 2) and Ctrl-C (130) are Typer's.
"""

from rich.console import Console
from rich.text import Text

from contracts.errors import PlatformError


def stderr_console() -> Console:
    """Where everything goes that is not data. Rich itself honors NO_COLOR."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def report(error: PlatformError, console: Console) -> int:
    """Print `error` and return the exit code it asks for."""
    # Text, not markup: a message may quote a project name such as "[red]".
    console.print(Text.assemble(("error: ", "bold red"), one_line(error.message)))
    console.print(Text.assemble(("code:  ", "dim"), error.code))
    if error.fix:
        console.print(Text.assemble(("fix:   ", "bold"), one_line(error.fix)))
    if error.request_id:
        console.print(Text.assemble(("request: ", "dim"), error.request_id))
    return error.exit_code


def one_line(text: str) -> str:
    """Text from elsewhere, safe for a terminal: no control character survives."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
