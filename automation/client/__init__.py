"""The Management API as typed functions: what the CLI and embedders call.

Owns which call is which route, a module for each noun. Must not know how a request travels
(automation/transport.py), the registry, or how anything is printed.
"""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx2 as httpx

from automation.client.answers import Started as Started
from automation.client.audit import AuditCalls
from automation.client.keys import KeyCalls
from automation.client.operations import OperationCalls
from automation.client.organizations import OrganizationCalls
from automation.client.plans import PlanCalls
from automation.client.projects import ProjectCalls
from automation.client.tokens import TokenCalls
from automation.transport import Token as Token
from automation.transport import Transport
from contracts import errors
from contracts.home import Home


class Client(
    OrganizationCalls,
    TokenCalls,
    AuditCalls,
    ProjectCalls,
    PlanCalls,
    KeyCalls,
    OperationCalls,
):
    """One connection pool to one control plane. Every method raises `contracts.errors` only."""

    def __init__(
        self, url: str, token: Token, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.url = url
        self._at = Transport(url, token, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._at.close()

    def request(self, method: str, path: str, *, body: Any = None) -> str:
        """Whatever the answer is, unparsed."""
        return self._at.ask(method, path, **({} if body is None else {"json": body})).text


def client_for(home: Home, environ: Mapping[str, str]) -> Client:
    """A client of the platform at `home`, or of the one that CROFT_URL and CROFT_TOKEN name."""
    token = environ.get("CROFT_TOKEN") or installed_token(home)
    return client_at(environ.get("CROFT_URL") or home.api_url, token)


def client_at(url: str, token: Token) -> Client:
    if isinstance(token, str) and not token.isascii():
        raise errors.Unauthorized("the token is not one of ours", fix="check CROFT_TOKEN")
    try:
        return Client(url, token)
    except httpx.InvalidURL as error:
        raise errors.InvalidInput(
            f"{url!r} is no address: {error}", fix="check CROFT_URL"
        ) from None


def installed_token(home: Home) -> str:
    """The operator's token of this machine's installation."""
    try:
        return home.token.read_text().strip()
    except OSError as error:
        raise errors.Unauthorized(
            f"no token: {home.token} cannot be read ({error.strerror})",
            code="token_missing",
            fix="run: croft up, or set CROFT_TOKEN",
        ) from error
