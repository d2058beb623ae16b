"""The control plane that a command talks to, and with which token.

Owns the precedence: flag, environment, link, context, this machine's installation. A token goes to
the address that it was given for and to no other. Must not know nouns.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import typer

from automation.client import Client, Token, client_at, installed_token
from cli.preferences import find_link, preferences_of
from cli.sessions import token_of
from contracts.errors import Unauthorized
from contracts.home import Home


class Caller(Protocol):
    """Who asks: what cli/app.py puts into the context as `obj`, and tests replace."""

    def client(self) -> Client: ...


@dataclass(frozen=True)
class Operator:
    """The person at this machine, standing in folder `here`."""

    home: Home
    environ: Mapping[str, str]
    here: Path
    url: str = ""
    context: str = ""

    def client(self) -> Client:
        """Opened only now: `croft up` comes before there is a token."""
        return client_at(*self.address())

    def address(self) -> tuple[str, Token]:
        """URL and token."""
        url, context = self.chosen()
        return url, self.environ.get("CROFT_TOKEN") or self._token(url, context)

    def chosen(self) -> tuple[str, str]:
        """The URL, and the context that it came from, if one did."""
        contexts = preferences_of(self.environ).contexts()
        if self.url:
            return self.url, ""
        if self.context:
            return contexts.url(self.context), self.context
        if url := self.environ.get("CROFT_URL"):
            return url, ""
        if name := self.environ.get("CROFT_CONTEXT"):
            return contexts.url(name), name
        link = find_link(self.here)
        if link is not None and link.context:
            return contexts.url(link.context), link.context
        if contexts.current:
            return contexts.url(contexts.current), contexts.current
        return self.home.api_url, ""

    def _token(self, url: str, context: str) -> Token:
        preferences = preferences_of(self.environ)
        kept, urls = preferences.credentials_by_name(), preferences.contexts().urls
        for name in [context] if context else urls:
            if name in kept and urls.get(name) == url:
                return token_of(preferences, name)
        if not context and url.rstrip("/") in kept:
            return token_of(preferences, url.rstrip("/"))
        if url.rstrip("/") == self.home.api_url:
            return installed_token(self.home)
        raise Unauthorized(
            f"no token for {url}",
            code="token_missing",
            fix="log in with: croft login, or set CROFT_TOKEN",
        )


def open_client(context: typer.Context) -> Client:
    caller: Caller = context.obj
    return caller.client()
