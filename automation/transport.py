"""How a client talks to the Management API: one connection pool, and how an answer is read.

Owns HTTP, retries of lost answers, and the reading of an answer as a `contracts` shape or as a
`contracts.errors` error. Must not know what is asked for, the registry, or how anything is printed.
"""

import secrets
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import quote

import httpx2 as httpx
from pydantic import TypeAdapter, ValidationError

from automation.http_client import http_client
from contracts.errors import BackendDown, PlatformError, TimedOut

REQUEST_TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 5.0

# Kinds that share a status are told apart by their default codes.
_KINDS = PlatformError.__subclasses__()
_BY_STATUS = {kind.status: kind for kind in _KINDS if kind.status != PlatformError.status}
_BY_CODE = {kind.default_code: kind for kind in _KINDS}

T = TypeVar("T")


# A login's token is renewed while requests go on, so it is asked for on each.
Token = str | Callable[[], str]


class Transport:
    """Requests to one control plane, as the holder of `token`. Raises `contracts.errors` only."""

    def __init__(self, url: str, token: Token, *, transport: httpx.BaseTransport | None) -> None:
        self.url = url
        self._http = http_client(
            url,
            base_url=url,
            auth=_signing(token),
            timeout=httpx.Timeout(REQUEST_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            transport=transport,
        )

    def close(self) -> None:
        self._http.close()

    def pages(self, kind: type[T], path: str) -> Iterator[T]:
        """Every element of a list that comes in pages."""
        following: str | None = path
        while following is not None:
            answer = self.ask("GET", following)
            yield from read(list[kind], answer)  # type: ignore[valid-type]
            following = answer.links.get("next", {}).get("url")

    def ask(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        if method == "POST":
            # A request that is sent again after its answer got lost is done once.
            arguments["headers"] = {"Idempotency-Key": secrets.token_hex(16)}
        try:
            response = self._send(method, path, **arguments)
        except httpx.TimeoutException as error:
            if isinstance(error, httpx.ConnectTimeout):
                raise down(self.url, error) from error
            raise TimedOut(
                f"the API at {self.url} took longer than {REQUEST_TIMEOUT_S:.0f} s to answer",
                code="api_timeout",
                fix="see: croft status",
            ) from error
        except httpx.TransportError as error:
            raise down(self.url, error) from error
        if not response.is_success:
            raise error_of(response)
        return response

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **arguments)
        except httpx.TransportError as error:
            lost = isinstance(error, httpx.ReadError | httpx.RemoteProtocolError)
            if method not in ("GET", "POST") or not lost:
                raise
            return self._http.request(method, path, **arguments)

    def lines(
        self,
        path: str,
        *,
        kind: str,
        headers: dict[str, str] | None = None,
        silence_max_s: float = REQUEST_TIMEOUT_S,
    ) -> Iterator[str]:
        """The lines of a long answer of media type `kind`, as they come. A break, or a silence of
        `silence_max_s`, is BackendDown: whoever can resume does."""
        timeout = httpx.Timeout(REQUEST_TIMEOUT_S, connect=CONNECT_TIMEOUT_S, read=silence_max_s)
        try:
            with self._http.stream("GET", path, headers=headers, timeout=timeout) as response:
                if not response.headers.get("Content-Type", "").startswith(kind):
                    response.read()
                    raise error_of(response)
                yield from _lines(response.iter_text())
        except httpx.TransportError as error:
            raise down(self.url, error) from error


def _signing(token: Token) -> Callable[[httpx.Request], httpx.Request]:
    def sign(request: httpx.Request) -> httpx.Request:
        bearer = token if isinstance(token, str) else token()
        request.headers["Authorization"] = f"Bearer {bearer}"
        return request

    return sign


def error_of(response: httpx.Response) -> PlatformError:
    """The error that the API rendered as problem+json; anything else is a stranger's answer."""
    try:
        problem = response.json()
        code, message = str(problem["code"]), str(problem["message"])
    except (ValueError, KeyError, TypeError):
        return _stranger(response)
    kind = _BY_CODE.get(code) or _BY_STATUS.get(response.status_code) or PlatformError
    error = kind(message, code=code, fix=str(problem.get("fix", "")))
    error.request_id = str(problem.get("request_id", ""))
    return error


def read(kind: type[T], response: httpx.Response) -> T:
    try:
        return TypeAdapter(kind).validate_json(response.content)
    except ValidationError as error:
        raise _stranger(response) from error


def _stranger(response: httpx.Response) -> BackendDown:
    return BackendDown(
        f"{response.url.host}:{response.url.port} answered {response.status_code},"
        " but not as the platform's API does",
        code="not_our_api",
        fix="see: croft status",
    )


def _lines(texts: Iterator[str]) -> Iterator[str]:
    """Not split at U+2028 and the like, which JSON leaves as they are."""
    rest = ""
    for text in texts:
        *whole, rest = (rest + text).split("\n")
        yield from whole
    if rest:
        yield rest


def segment(text: str) -> str:
    """`text` as one segment of a path: what a person typed cannot lead to another route."""
    return quote(text, safe="") or "-"


def down(url: str, error: Exception) -> BackendDown:
    return BackendDown(
        f"nobody answers at {url}: {error or type(error).__name__}",
        code="api_down",
        fix="start the platform with: croft up",
    )
