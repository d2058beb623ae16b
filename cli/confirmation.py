"""Consent to what cannot be undone: `--yes`, or on a terminal the name of the thing typed out.

Owns how a person is asked. Must not know what is asked for.
"""

import sys

import typer

from cli.errors import one_line
from contracts.errors import InvalidInput


def confirm(consequence: str, *, typed: str, yes: bool) -> None:
    """Return when the person agrees. `consequence` is a sentence, `typed` what proves that it was
    read: the project's ref, the organization's slug. Raises InvalidInput (`not_confirmed`)."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidInput(
            f"{one_line(consequence)} There is no terminal to confirm it on.",
            code="not_confirmed",
            fix="add --yes",
        )
    answer = typer.prompt(f"{one_line(consequence)} Type {typed}", err=True)
    if answer.strip() != typed:
        raise InvalidInput(
            f"that is not {typed}; nothing was changed", code="not_confirmed", fix="try again"
        )
