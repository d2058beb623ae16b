"""The control plane that a command talks to.

Owns the precedence: `--url`, then CROFT_URL and CROFT_TOKEN, then this machine's installation. Must
not know nouns.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import typer

from automation.client import Client, client_for
from contracts.home import Home


class Caller(Protocol):
    """Who asks: what cli/app.py puts into the context as `obj`, and tests replace."""

    def client(self) -> Client: ...


@dataclass(frozen=True)
class Operator:
    """The person at this machine."""

    home: Home
    environ: Mapping[str, str]
    url: str = ""

    def client(self) -> Client:
        """Opened only now: `croft up` comes before there is a token."""
        chosen = {"CROFT_URL": self.url} if self.url else {}
        return client_for(self.home, {**self.environ, **chosen})


def open_client(context: typer.Context) -> Client:
    caller: Caller = context.obj
    return caller.client()
