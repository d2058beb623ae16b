"""A thin client of Cloudflare's API, version 4.

Owns credentials, the envelope that every answer comes in, pages, timeouts and bounded retries.
Must not know resource types.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from engine.provider import Props
from engine.providers.clients import Clients
from engine.providers.provider_resource import text
from engine.providers.server_error import ServerError

BASE_URL = "https://api.cloudflare.com/client/v4"
TIMEOUT_S = 30.0
ATTEMPTS_MAX = 4
BACKOFF_S = 0.25
# Limits are counted over five minutes; who is told to wait longer than this is told so.
RETRY_AFTER_MAX_S = 60.0
PER_PAGE, PAGES_MAX = 100, 500
REPEATABLE = {"GET", "PUT", "PATCH", "DELETE"}  # twice comes to the same
NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


class CloudflareError(ServerError):
    """What the API answered: HTTP status and error codes, none where there was no answer."""

    def __init__(
        self,
        message: str,
        status: int | None = None,
        codes: frozenset[int] = frozenset(),
        **marks: bool,
    ) -> None:
        super().__init__(message, **marks)
        self.status, self.codes = status, codes


@dataclass(frozen=True)
class Login:
    url: str
    token: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    email: str = ""
    user_service_key: str = field(default="", repr=False)
    user_agent: str = "pulumi"

    def headers(self) -> dict[str, str]:
        if self.token:
            who = {"Authorization": f"Bearer {self.token}"}
        elif self.user_service_key:
            who = {"X-Auth-User-Service-Key": self.user_service_key}
        elif self.key and self.email:
            who = {"X-Auth-Key": self.key, "X-Auth-Email": self.email}
        else:
            raise CloudflareError("the cloudflare provider needs apiToken, or apiKey and email")
        return {**who, "User-Agent": self.user_agent}


class CloudflareApi:
    """Safe to share between threads. Paths are relative to the base URL."""

    def __init__(self, login: Login) -> None:
        self._http = httpx2.Client(base_url=login.url, headers=login.headers(), timeout=TIMEOUT_S)
        self._zones: dict[str, str] = {}

    def close(self) -> None:
        self._http.close()

    def find(self, path: str) -> Any | None:
        """None for what is not there."""
        try:
            return self._request("GET", path).get("result")
        except CloudflareError as error:
            if error.status == 404:
                return None
            raise

    def each(self, path: str, query: Mapping[str, str]) -> Iterator[Any]:
        """What all pages of a list hold."""
        for page in range(1, PAGES_MAX + 1):
            paging = {"page": str(page), "per_page": str(PER_PAGE)}
            answer = self._request("GET", path, query={**query, **paging})
            yield from answer.get("result") or []
            if page >= int((answer.get("result_info") or {}).get("total_pages") or 1):
                return
        raise CloudflareError(f"Cloudflare, GET {path}: more than {PAGES_MAX} pages")

    def post(self, path: str, body: Any) -> Any:
        return self._request("POST", path, body)["result"]

    def put(self, path: str, body: Any) -> Any:
        return self._request("PUT", path, body)["result"]

    def patch(self, path: str, body: Any) -> Any:
        return self._request("PATCH", path, body)["result"]

    def delete(self, path: str) -> None:
        """What is gone already is fine."""
        try:
            self._request("DELETE", path)
        except CloudflareError as error:
            if error.status != 404:
                raise

    def zone_name(self, zone: str) -> str:
        """Empty where the token may not read zones: names are then taken to be complete."""
        if zone not in self._zones:
            try:
                self._zones[zone] = str((self.find(f"/zones/{zone}") or {}).get("name") or "")
            except CloudflareError as error:
                if error.status != 403:
                    raise
                self._zones[zone] = ""
        return self._zones[zone]

    def _request(
        self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None
    ) -> Any:
        for attempt in range(1, ATTEMPTS_MAX + 1):
            pause_s = BACKOFF_S * 2**attempt
            try:
                response = self._http.request(method, path, json=body, params=query)
            except httpx2.TransportError as error:
                failure, again = _unanswered(method, path, error)
            else:
                answer = _envelope(response)
                if response.is_success and answer and answer.get("success"):
                    return answer
                failure, again = _refusal(method, path, response, answer)
                if response.status_code == httpx2.codes.TOO_MANY_REQUESTS:
                    pause_s = _retry_after_s(response) or pause_s
            if attempt == ATTEMPTS_MAX or not again or pause_s > RETRY_AFTER_MAX_S:
                raise failure
            time.sleep(pause_s)
        raise AssertionError("unreachable")


def _envelope(response: httpx2.Response) -> Any | None:
    """None for what is no envelope: a gateway's page, or half an answer."""
    try:
        answer = response.json()
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _unanswered(
    method: str, path: str, error: httpx2.TransportError
) -> tuple[CloudflareError, bool]:
    """What to say of a request without an answer, and whether to send it again."""
    sent = not isinstance(error, NEVER_SENT)
    failure = CloudflareError(
        f"Cloudflare, {method} {path}: {str(error) or type(error).__name__}",
        outcome_unknown=sent and method != "GET",
    )
    slow = isinstance(error, httpx2.TimeoutException)
    return failure, not slow and (not sent or method in REPEATABLE)


def _refusal(
    method: str, path: str, response: httpx2.Response, answer: Any | None
) -> tuple[CloudflareError, bool]:
    errors = (answer or {}).get("errors") or []
    reasons = [f"{error.get('message')} ({error.get('code')})" for error in errors]
    status, limited = response.status_code, httpx2.codes.TOO_MANY_REQUESTS
    # Neither a failed server nor one that answers gibberish says whether it did what it was asked.
    unclear = status >= httpx2.codes.INTERNAL_SERVER_ERROR or (answer is None and status < 300)
    if status == limited and (wait_s := _retry_after_s(response)):
        reasons.append(f"it asks to wait for {wait_s:.0f} s")
    failure = CloudflareError(
        f"Cloudflare, {method} {path}: {status} {'; '.join(reasons) or response.reason_phrase}",
        status,
        frozenset(int(error.get("code") or 0) for error in errors),
        outcome_unknown=unclear and method != "GET",
    )
    return failure, status == limited or (unclear and method in REPEATABLE)


def _retry_after_s(response: httpx2.Response) -> float:
    """Cloudflare gives seconds; anything else counts as nothing."""
    try:
        return max(0.0, float(response.headers.get("Retry-After", "")))
    except ValueError:
        return 0.0


def login_of(cfg: Props) -> Login:
    suffix = text(cfg, "userAgentOperatorSuffix")
    return Login(
        url=(text(cfg, "baseUrl") or BASE_URL).rstrip("/"),
        token=text(cfg, "apiToken"),
        key=text(cfg, "apiKey"),
        email=text(cfg, "email"),
        user_service_key=text(cfg, "apiUserServiceKey"),
        user_agent=f"pulumi {suffix}".strip(),
    )


_clients = Clients(CloudflareApi)
close_all = _clients.close_all


def api_of(cfg: Props) -> CloudflareApi:
    return _clients.of(login_of(cfg))
