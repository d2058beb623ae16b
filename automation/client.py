"""The Management API as typed functions: what the CLI and embedders call.

Owns HTTP, patience and the way back from an answer to a `contracts.errors` error. Must not know
the registry or how anything is printed.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx2 as httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from contracts import errors
from contracts.audit import AuditPage, AuditRow, AuditVerdict
from contracts.errors import BackendDown, DeployFailed, PlatformError, TimedOut
from contracts.home import Home
from contracts.organizations import (
    Member,
    MemberAdd,
    MemberAdded,
    Organization,
    OrganizationCreate,
    OrganizationDetail,
    OrganizationLimits,
    Role,
)
from contracts.plans import Checkpoint, PlanRequest, Update
from contracts.project_settings import ProjectSettings
from contracts.projects import (
    ApiKey,
    Connection,
    Operation,
    OperationEvent,
    OperationPage,
    Project,
    ProjectCreate,
    invalid_input,
)
from contracts.webhooks import Delivery, Webhook, WebhookAdded, WebhookCreate

REQUEST_TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 5.0
# The API sends a heartbeat each 15 s: silence for longer means that nobody is there.
SILENCE_MAX_S = 45.0
# How long a stream waits for an API that is being restarted.
RECONNECT_MAX_S = 30.0
RECONNECT_PAUSE_S = 0.5
EVENT_STREAM = "text/event-stream"
PAGE_ROWS = 500

# Kinds that share a status are told apart by their default codes.
_KINDS = PlatformError.__subclasses__()
_BY_STATUS = {kind.status: kind for kind in _KINDS if kind.status != PlatformError.status}
_BY_CODE = {kind.default_code: kind for kind in _KINDS}

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Started:
    """A change that was accepted and goes on: the project now, and the operation to follow."""

    project: Project
    operation_id: str


class Client:
    """One connection pool to one control plane. Every method raises `contracts.errors` only."""

    def __init__(
        self, url: str, token: str, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.url = url
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(REQUEST_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            # A proxy from the environment is meant for the internet, not for this machine's API.
            trust_env=False,
            transport=transport,
        )

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
        self._http.close()

    def organizations(self) -> list[Organization]:
        answer = self._ask("GET", "/v1/organizations")
        return _read(list[Organization], answer)

    def create_organization(self, name: str, *, slug: str | None = None) -> OrganizationDetail:
        wanted = _valid(OrganizationCreate, name=name, slug=slug)
        body = wanted.model_dump(exclude_none=True)
        return _read(OrganizationDetail, self._ask("POST", "/v1/organizations", json=body))

    def organization(self, slug: str) -> OrganizationDetail:
        return _read(OrganizationDetail, self._ask("GET", _organization(slug)))

    def delete_organization(self, slug: str) -> OrganizationDetail:
        return _read(OrganizationDetail, self._ask("DELETE", _organization(slug)))

    def organization_limits(self, slug: str) -> OrganizationLimits:
        return _read(OrganizationLimits, self._ask("GET", _organization(slug, "limits")))

    def set_organization_limits(
        self, slug: str, *, plan: str | None = None, limits: Mapping[str, int | None] = {}
    ) -> OrganizationLimits:
        """A limit of None is the plan's again."""
        body = {**limits, **({"plan": plan} if plan is not None else {})}
        answer = self._ask("PATCH", _organization(slug, "limits"), json=body)
        return _read(OrganizationLimits, answer)

    def members(self, slug: str) -> list[Member]:
        return list(self._pages(Member, _organization(slug, "members")))

    def add_member(self, slug: str, name: str, role: Role) -> MemberAdded:
        body = _valid(MemberAdd, name=name, role=role).model_dump()
        return _read(MemberAdded, self._ask("POST", _organization(slug, "members"), json=body))

    def change_member(self, slug: str, name: str, role: Role) -> Member:
        path = _organization(slug, "members", name)
        return _read(Member, self._ask("PATCH", path, json={"role": role}))

    def remove_member(self, slug: str, name: str) -> Member:
        return _read(Member, self._ask("DELETE", _organization(slug, "members", name)))

    def audit(self, *, rows_max: int, **asked: str | None) -> Iterator[AuditRow]:
        """Newest first, at most `rows_max`. `asked`: organization, member, action, target."""
        query = {name: value for name, value in asked.items() if value is not None}
        while rows_max > 0:
            limit = min(rows_max, PAGE_ROWS)
            answer = self._ask("GET", "/v1/audit", params={**query, "limit": limit})
            page = _read(AuditPage, answer)
            yield from page.data
            rows_max -= len(page.data)
            if page.pagination.next is None:
                return
            query["cursor"] = page.pagination.next

    def audit_export(self) -> Iterator[str]:
        """Lines of JSON, as they come: the head, then every row (contracts/audit.py)."""
        timeout = httpx.Timeout(REQUEST_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        try:
            with self._http.stream("GET", "/v1/audit/export", timeout=timeout) as response:
                if not response.is_success:
                    response.read()
                    raise error_of(response)
                # Not at U+2028 and the like, which JSON leaves as they are.
                yield from _lines(response.iter_text())
        except httpx.TransportError as error:
            raise _down(self.url, error) from error

    def verify_audit(self, *, anchor: str | None = None) -> AuditVerdict:
        query = {} if anchor is None else {"anchor": anchor}
        return _read(AuditVerdict, self._ask("GET", "/v1/audit/verify", params=query))

    def webhooks(self, slug: str) -> list[Webhook]:
        return _read(list[Webhook], self._ask("GET", _organization(slug, "webhooks")))

    def add_webhook(self, slug: str, url: str, events: Sequence[str] = ()) -> WebhookAdded:
        """Whom to tell of changes; no events are all of them. The secret is shown this once."""
        body = _valid(WebhookCreate, url=url, events=list(events)).model_dump()
        return _read(WebhookAdded, self._ask("POST", _organization(slug, "webhooks"), json=body))

    def remove_webhook(self, slug: str, webhook_id: str) -> Webhook:
        path = _organization(slug, "webhooks", webhook_id)
        return _read(Webhook, self._ask("DELETE", path))

    def test_webhook(self, slug: str, webhook_id: str) -> Delivery:
        path = _organization(slug, "webhooks", webhook_id, "test")
        return _read(Delivery, self._ask("POST", path))

    def webhook_deliveries(self, slug: str, webhook_id: str) -> list[Delivery]:
        path = _organization(slug, "webhooks", webhook_id, "deliveries")
        return _read(list[Delivery], self._ask("GET", path))

    def projects(self) -> list[Project]:
        return list(self._pages(Project, "/v1/projects"))

    def project(self, ref: str) -> Project:
        return _read(Project, self._ask("GET", f"/v1/projects/{_segment(ref)}"))

    def create_project(
        self, name: str, *, organization_slug: str | None = None, db_pass: str | None = None
    ) -> Started:
        wanted = _valid(
            ProjectCreate, name=name, organization_slug=organization_slug, db_pass=db_pass
        )
        body = wanted.model_dump(exclude_none=True)
        return _started(self._ask("POST", "/v1/projects", json=body))

    def destroy_project(self, ref: str, *, now: bool = False) -> Started:
        path = f"/v1/projects/{_segment(ref)}"
        return _started(self._ask("DELETE", path, params={"now": now}))

    def pause_project(self, ref: str) -> Started:
        return _started(self._ask("POST", f"/v1/projects/{_segment(ref)}/pause"))

    def restore_project(self, ref: str) -> Started:
        return _started(self._ask("POST", f"/v1/projects/{_segment(ref)}/restore"))

    def rename_project(self, ref: str, name: str) -> Project:
        answer = self._ask("PATCH", f"/v1/projects/{_segment(ref)}", json={"name": name})
        return _read(Project, answer)

    def restart_project(self, ref: str) -> Operation:
        return _read(Operation, self._ask("POST", f"/v1/projects/{_segment(ref)}/restart"))

    def transfer_project(self, ref: str, organization_slug: str) -> Operation:
        path = f"/v1/projects/{_segment(ref)}/transfer"
        answer = self._ask("POST", path, json={"organization_slug": organization_slug})
        return _read(Operation, answer)

    def api_keys(self, ref: str, *, reveal: bool = False) -> list[ApiKey]:
        path = f"/v1/projects/{_segment(ref)}/api-keys"
        answer = self._ask("GET", path, params={"reveal": reveal})
        return _read(list[ApiKey], answer)

    def connection(self, ref: str) -> Connection:
        answer = self._ask("GET", f"/v1/projects/{_segment(ref)}/connection")
        return _read(Connection, answer)

    def spec(self, ref: str) -> tuple[ProjectSettings, str]:
        """The project's settings, and the tag to give back with a change that is made from them."""
        answer = self._ask("GET", f"/v1/projects/{_segment(ref)}/spec")
        return _read(ProjectSettings, answer), answer.headers.get("ETag", "")

    def update_project(
        self, ref: str, wanted: ProjectSettings, *, made_from: str = ""
    ) -> Operation:
        """Raises SpecChanged when the settings are no longer those with the tag `made_from`."""
        headers = {"If-Match": made_from} if made_from else {}
        body = wanted.model_dump(mode="json")
        path = f"/v1/projects/{_segment(ref)}/spec"
        return _read(Operation, self._ask("PUT", path, json=body, headers=headers))

    def preview(self, ref: str, wanted: ProjectSettings | None = None) -> Operation:
        """What an update to `wanted` would change: the result of the operation, once it ended."""
        body = PlanRequest(spec=wanted).model_dump(mode="json")
        return _read(
            Operation, self._ask("POST", f"/v1/projects/{_segment(ref)}/preview", json=body)
        )

    def refresh(self, ref: str) -> Operation:
        return _read(Operation, self._ask("POST", f"/v1/projects/{_segment(ref)}/refresh"))

    def history(self, ref: str) -> list[Update]:
        return _read(list[Update], self._ask("GET", f"/v1/projects/{_segment(ref)}/history"))

    def outputs(self, ref: str) -> dict[str, Any]:
        return _read(dict[str, Any], self._ask("GET", f"/v1/projects/{_segment(ref)}/outputs"))

    def export(self, ref: str, *, show_secrets: bool = False) -> Checkpoint:
        path = f"/v1/projects/{_segment(ref)}/export"
        answer = self._ask("GET", path, params={"show_secrets": show_secrets})
        return _read(Checkpoint, answer)

    def operation(self, operation_id: str) -> Operation:
        answer = self._ask("GET", f"/v1/operations/{_segment(operation_id)}")
        return _read(Operation, answer)

    def operations(
        self,
        *,
        project_ref: str | None = None,
        status: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> OperationPage:
        """Newest first, a page at a time."""
        asked = {"project_ref": project_ref, "status": status, "limit": limit, "cursor": cursor}
        params = {name: value for name, value in asked.items() if value is not None}
        return _read(OperationPage, self._ask("GET", "/v1/operations", params=params))

    def cancel_operation(self, operation_id: str) -> Operation:
        answer = self._ask("POST", f"/v1/operations/{_segment(operation_id)}/cancel")
        return _read(Operation, answer)

    def retry_operation(self, operation_id: str) -> Operation:
        answer = self._ask("POST", f"/v1/operations/{_segment(operation_id)}/retry")
        return _read(Operation, answer)

    def operation_events(
        self, operation_id: str, *, after_seq: int = 0, timeout_s: float = 900.0
    ) -> Iterator[OperationEvent]:
        """Every event after `after_seq`, each once, up to and including `end`.

        A stream that breaks is resumed where it broke, also over a restart of the API or its
        registry. Raises TimedOut when the operation still runs after `timeout_s`, BackendDown when
        the API stays away.
        """
        deadline = time.monotonic() + timeout_s
        lost_since: float | None = None
        while (left_s := deadline - time.monotonic()) > 0:
            try:
                for event in self._stream(operation_id, after_seq, min(left_s, SILENCE_MAX_S)):
                    lost_since = None
                    if event is not None:
                        after_seq = event.seq
                        yield event
                        if event.kind == "end":
                            return
                    if time.monotonic() > deadline:
                        break
            except (httpx.TransportError, BackendDown) as error:
                lost_since = lost_since or time.monotonic()
                if time.monotonic() - lost_since > RECONNECT_MAX_S:
                    raise _down(self.url, error) from error
            time.sleep(min(RECONNECT_PAUSE_S, max(0.0, deadline - time.monotonic())))
        raise TimedOut(
            f"operation {operation_id} still runs after {timeout_s:.0f} s",
            code="operation_still_running",
            fix="it goes on by itself; look again with: croft projects list",
        )

    def wait(
        self,
        operation_id: str,
        *,
        on_event: Callable[[OperationEvent], None] = lambda event: None,
        timeout_s: float = 900.0,
    ) -> Operation:
        """The operation once it has finished. Raises DeployFailed with its error, TimedOut when it
        still runs after `timeout_s`, and whatever `on_event` raises."""
        for event in self.operation_events(operation_id, timeout_s=timeout_s):
            on_event(event)
        operation = self.operation(operation_id)
        if operation.status != "finished":
            error = operation.error or {}
            message = str(error.get("message") or f"operation {operation_id}: {operation.status}")
            raise DeployFailed(message, code=error.get("code"), fix=str(error.get("fix", "")))
        return operation

    def _stream(
        self, operation_id: str, after_seq: int, read_timeout_s: float
    ) -> Iterator[OperationEvent | None]:
        """The events of one connection, and None for each other line, heartbeats above all: so that
        the caller gets to look at the clock in a stream where nothing happens."""
        path = f"/v1/operations/{_segment(operation_id)}/events"
        headers = {"Accept": EVENT_STREAM, "Last-Event-ID": str(after_seq)}
        timeout = httpx.Timeout(REQUEST_TIMEOUT_S, connect=CONNECT_TIMEOUT_S, read=read_timeout_s)
        with self._http.stream("GET", path, headers=headers, timeout=timeout) as response:
            if not response.headers.get("Content-Type", "").startswith(EVENT_STREAM):
                response.read()
                raise error_of(response)
            for line in response.iter_lines():
                # The API writes an event's data, its number included, as one line of ASCII.
                field, _, value = line.partition(": ")
                yield OperationEvent.model_validate_json(value) if field == "data" else None

    def _pages(self, kind: type[T], path: str) -> Iterator[T]:
        """Every element of a list that comes in pages."""
        following: str | None = path
        while following is not None:
            answer = self._ask("GET", following)
            yield from _read(list[kind], answer)  # type: ignore[valid-type]
            following = answer.links.get("next", {}).get("url")

    def _ask(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        if method == "POST":
            # A request that is sent again after its answer got lost is done once.
            arguments["headers"] = {"Idempotency-Key": secrets.token_hex(16)}
        try:
            response = self._send(method, path, **arguments)
        except httpx.TimeoutException as error:
            if isinstance(error, httpx.ConnectTimeout):
                raise _down(self.url, error) from error
            raise TimedOut(
                f"the API at {self.url} took longer than {REQUEST_TIMEOUT_S:.0f} s to answer",
                code="api_timeout",
                fix="see: croft status",
            ) from error
        except httpx.TransportError as error:
            raise _down(self.url, error) from error
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


def client_for(home: Home, environ: Mapping[str, str]) -> Client:
    """A client of the platform at `home`, or of the one that CROFT_URL and CROFT_TOKEN name."""
    token = environ.get("CROFT_TOKEN") or installed_token(home)
    return client_at(environ.get("CROFT_URL") or home.api_url, token)


def client_at(url: str, token: str) -> Client:
    if not token.isascii():
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


def _read(kind: type[T], response: httpx.Response) -> T:
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


def _valid(kind: type[M], **fields: Any) -> M:
    """Checked here already: what is refused is never sent."""
    try:
        return kind(**fields)
    except ValidationError as error:
        raise invalid_input(error.errors()) from None  # its text would quote what was given


def _organization(slug: str, *parts: str) -> str:
    return "/".join(["/v1/organizations", *(_segment(part) for part in (slug, *parts))])


def _lines(texts: Iterator[str]) -> Iterator[str]:
    rest = ""
    for text in texts:
        *whole, rest = (rest + text).split("\n")
        yield from whole
    if rest:
        yield rest


def _started(response: httpx.Response) -> Started:
    operation_id = response.headers.get("Location", "").rpartition("/")[2]
    return Started(_read(Project, response), operation_id)


def _segment(text: str) -> str:
    """`text` as one segment of a path: what a person typed cannot lead to another route."""
    return quote(text, safe="") or "-"


def _down(url: str, error: Exception) -> BackendDown:
    return BackendDown(
        f"nobody answers at {url}: {error or type(error).__name__}",
        code="api_down",
        fix="start the platform with: croft up",
    )
