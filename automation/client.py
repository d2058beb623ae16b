"""The Management API as typed functions: what the CLI and embedders call.

Owns which call is which route. Must not know how a request travels (transport.py), the registry, or
how anything is printed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2 as httpx
from pydantic import BaseModel, ValidationError

from automation.operation_stream import follow
from automation.transport import Token as Token
from automation.transport import Transport, read, segment
from contracts import errors
from contracts.api_keys import ApiKey
from contracts.audit import AuditPage, AuditRow, AuditVerdict
from contracts.encryption import Encryption, EncryptionKey
from contracts.errors import DeployFailed
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
from contracts.project_database import GeneratedTypes
from contracts.project_keys import (
    ROTATED_KINDS,
    AdoptedKeys,
    KeysToRevoke,
    KeysToRotate,
    ProjectKey,
)
from contracts.project_settings import ProjectSettings
from contracts.projects import (
    Connection,
    DefaultProject,
    Operation,
    OperationEvent,
    OperationPage,
    Project,
    ProjectCreate,
    ProjectFields,
    invalid_input,
)
from contracts.tokens import AccessToken, AccessTokenCreate, AccessTokenCreated, Profile
from contracts.usage import ProjectUsage
from contracts.webhooks import (
    OVERLAP_HOURS,
    Delivery,
    Webhook,
    WebhookAdded,
    WebhookCreate,
    WebhookRotate,
    WebhookRotated,
)

LINES_OF_JSON = "application/x-ndjson"
PAGE_ROWS = 500
# Longer than the API lets a query run.
QUERY_TIMEOUT_S = 90.0

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Started:
    """A change that was accepted and goes on: the project now, and the operation to follow."""

    project: Project
    operation_id: str


class Client:
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

    def organizations(self) -> list[Organization]:
        answer = self._at.ask("GET", "/v1/organizations")
        return read(list[Organization], answer)

    def create_organization(self, name: str, *, slug: str | None = None) -> OrganizationDetail:
        wanted = _valid(OrganizationCreate, name=name, slug=slug)
        body = wanted.model_dump(exclude_none=True)
        return read(OrganizationDetail, self._at.ask("POST", "/v1/organizations", json=body))

    def organization(self, slug: str) -> OrganizationDetail:
        return read(OrganizationDetail, self._at.ask("GET", _organization(slug)))

    def delete_organization(self, slug: str) -> OrganizationDetail:
        return read(OrganizationDetail, self._at.ask("DELETE", _organization(slug)))

    def organization_limits(self, slug: str) -> OrganizationLimits:
        return read(OrganizationLimits, self._at.ask("GET", _organization(slug, "limits")))

    def set_organization_limits(
        self, slug: str, *, plan: str | None = None, limits: Mapping[str, int | None] = {}
    ) -> OrganizationLimits:
        """A limit of None is the plan's again."""
        body = {**limits, **({"plan": plan} if plan is not None else {})}
        answer = self._at.ask("PATCH", _organization(slug, "limits"), json=body)
        return read(OrganizationLimits, answer)

    def members(self, slug: str) -> list[Member]:
        return list(self._at.pages(Member, _organization(slug, "members")))

    def add_member(
        self, slug: str, name: str, role: Role, *, service_account: bool = False
    ) -> MemberAdded:
        wanted = _valid(MemberAdd, name=name, role=role, service_account=service_account)
        body = wanted.model_dump()
        return read(MemberAdded, self._at.ask("POST", _organization(slug, "members"), json=body))

    def change_member(self, slug: str, name: str, role: Role) -> Member:
        path = _organization(slug, "members", name)
        return read(Member, self._at.ask("PATCH", path, json={"role": role}))

    def remove_member(self, slug: str, name: str) -> Member:
        return read(Member, self._at.ask("DELETE", _organization(slug, "members", name)))

    def renew_member_token(self, slug: str, name: str) -> MemberAdded:
        """Another token for a service account."""
        path = _organization(slug, "members", name, "token")
        return read(MemberAdded, self._at.ask("POST", path))

    def profile(self) -> Profile:
        return read(Profile, self._at.ask("GET", "/v1/profile"))

    def tokens(self) -> list[AccessToken]:
        return read(list[AccessToken], self._at.ask("GET", "/v1/tokens"))

    def create_token(
        self,
        name: str,
        *,
        scopes: Sequence[str] = ("all",),
        organization_slug: str | None = None,
        expires_at: datetime | None = None,
    ) -> AccessTokenCreated:
        wanted = _valid(
            AccessTokenCreate,
            name=name,
            scopes=list(scopes),
            organization_slug=organization_slug,
            expires_at=expires_at,
        )
        body = wanted.model_dump(mode="json")
        return read(AccessTokenCreated, self._at.ask("POST", "/v1/tokens", json=body))

    def rotate_token(self, token_id: str) -> AccessTokenCreated:
        path = f"/v1/tokens/{segment(token_id)}/rotate"
        return read(AccessTokenCreated, self._at.ask("POST", path))

    def revoke_token(self, token_id: str) -> AccessToken:
        return read(AccessToken, self._at.ask("DELETE", f"/v1/tokens/{segment(token_id)}"))

    def audit(self, *, rows_max: int, **asked: str | None) -> Iterator[AuditRow]:
        """Newest first, at most `rows_max`. `asked`: organization, member, action, target."""
        query = {name: value for name, value in asked.items() if value is not None}
        while rows_max > 0:
            limit = min(rows_max, PAGE_ROWS)
            answer = self._at.ask("GET", "/v1/audit", params={**query, "limit": limit})
            page = read(AuditPage, answer)
            yield from page.data
            rows_max -= len(page.data)
            if page.pagination.next is None:
                return
            query["cursor"] = page.pagination.next

    def audit_export(self) -> Iterator[str]:
        """Lines of JSON, as they come: the head, then every row (contracts/audit.py)."""
        return self._at.lines("/v1/audit/export", kind=LINES_OF_JSON)

    def verify_audit(self, *, anchor: str | None = None) -> AuditVerdict:
        query = {} if anchor is None else {"anchor": anchor}
        return read(AuditVerdict, self._at.ask("GET", "/v1/audit/verify", params=query))

    def webhooks(self, slug: str) -> list[Webhook]:
        return read(list[Webhook], self._at.ask("GET", _organization(slug, "webhooks")))

    def add_webhook(self, slug: str, url: str, events: Sequence[str] = ()) -> WebhookAdded:
        """Whom to tell of changes; no events are all of them. The secret is shown this once."""
        body = _valid(WebhookCreate, url=url, events=list(events)).model_dump()
        return read(WebhookAdded, self._at.ask("POST", _organization(slug, "webhooks"), json=body))

    def rotate_webhook(
        self, slug: str, webhook_id: str, *, overlap_hours: int = OVERLAP_HOURS
    ) -> WebhookRotated:
        """A newer secret, shown this once; those before sign beside it for so long."""
        body = _valid(WebhookRotate, overlap_hours=overlap_hours).model_dump()
        path = _organization(slug, "webhooks", webhook_id, "rotate")
        return read(WebhookRotated, self._at.ask("POST", path, json=body))

    def remove_webhook(self, slug: str, webhook_id: str) -> Webhook:
        path = _organization(slug, "webhooks", webhook_id)
        return read(Webhook, self._at.ask("DELETE", path))

    def test_webhook(self, slug: str, webhook_id: str) -> Delivery:
        path = _organization(slug, "webhooks", webhook_id, "test")
        return read(Delivery, self._at.ask("POST", path))

    def webhook_deliveries(self, slug: str, webhook_id: str) -> list[Delivery]:
        path = _organization(slug, "webhooks", webhook_id, "deliveries")
        return read(list[Delivery], self._at.ask("GET", path))

    def projects(self) -> list[Project]:
        return list(self._at.pages(Project, "/v1/projects"))

    def project(self, ref: str) -> Project:
        return read(Project, self._at.ask("GET", f"/v1/projects/{segment(ref)}"))

    def create_project(
        self,
        name: str,
        *,
        organization_slug: str | None = None,
        db_pass: str | None = None,
        keys: AdoptedKeys | None = None,
    ) -> Started:
        wanted = _valid(
            ProjectCreate,
            name=name,
            organization_slug=organization_slug,
            db_pass=db_pass,
            keys=keys,
        )
        body = wanted.model_dump(exclude_none=True)
        return _started(self._at.ask("POST", "/v1/projects", json=body))

    def destroy_project(self, ref: str, *, now: bool = False) -> Started:
        path = f"/v1/projects/{segment(ref)}"
        return _started(self._at.ask("DELETE", path, params={"now": now}))

    def pause_project(self, ref: str) -> Started:
        return _started(self._at.ask("POST", f"/v1/projects/{segment(ref)}/pause"))

    def restore_project(self, ref: str) -> Started:
        return _started(self._at.ask("POST", f"/v1/projects/{segment(ref)}/restore"))

    def rename_project(self, ref: str, name: str) -> Project:
        answer = self._at.ask("PATCH", f"/v1/projects/{segment(ref)}", json={"name": name})
        return _project(answer)

    def restart_project(self, ref: str) -> Operation:
        return read(Operation, self._at.ask("POST", f"/v1/projects/{segment(ref)}/restart"))

    def transfer_project(self, ref: str, organization_slug: str) -> Operation:
        path = f"/v1/projects/{segment(ref)}/transfer"
        answer = self._at.ask("POST", path, json={"organization_slug": organization_slug})
        return read(Operation, answer)

    def api_keys(self, ref: str, *, reveal: bool = False) -> list[ApiKey]:
        path = f"/v1/projects/{segment(ref)}/api-keys"
        answer = self._at.ask("GET", path, params={"reveal": reveal})
        return read(list[ApiKey], answer)

    def connection(self, ref: str) -> Connection:
        answer = self._at.ask("GET", f"/v1/projects/{segment(ref)}/connection")
        return read(Connection, answer)

    def set_default_project(self, ref: str) -> DefaultProject:
        path = f"/v1/projects/{segment(ref)}/default"
        return read(DefaultProject, self._at.ask("PUT", path))

    def unset_default_project(self, ref: str) -> DefaultProject:
        path = f"/v1/projects/{segment(ref)}/default"
        return read(DefaultProject, self._at.ask("DELETE", path))

    def keys(self, ref: str) -> list[ProjectKey]:
        return read(list[ProjectKey], self._at.ask("GET", f"/v1/projects/{segment(ref)}/keys"))

    def rotate_keys(
        self, ref: str, kinds: Sequence[str] = ROTATED_KINDS, *, overlap_s: int
    ) -> Operation:
        body = _valid(KeysToRotate, kinds=list(kinds), overlap_s=overlap_s).model_dump()
        path = f"/v1/projects/{segment(ref)}/keys/rotate"
        return read(Operation, self._at.ask("POST", path, json=body))

    def revoke_keys(self, ref: str, kinds: Sequence[str] = ROTATED_KINDS) -> Operation:
        body = _valid(KeysToRevoke, kinds=list(kinds)).model_dump()
        path = f"/v1/projects/{segment(ref)}/keys/revoke"
        return read(Operation, self._at.ask("POST", path, json=body))

    def environment(self, ref: str) -> dict[str, str]:
        """Variables by name, in clear."""
        answer = self._at.ask("GET", f"/v1/projects/{segment(ref)}/environment")
        return read(dict[str, str], answer)

    def encryption(self) -> Encryption:
        return read(Encryption, self._at.ask("GET", "/v1/encryption"))

    def rotate_root_key(self) -> Encryption:
        return read(Encryption, self._at.ask("POST", "/v1/encryption/root-key/rotate"))

    def rotate_platform_key(self) -> Encryption:
        return read(Encryption, self._at.ask("POST", "/v1/encryption/platform-key/rotate"))

    def encryption_key(self, ref: str) -> EncryptionKey:
        """How far the project's secrets have followed the newest key that wraps them."""
        return read(
            EncryptionKey, self._at.ask("GET", f"/v1/projects/{segment(ref)}/encryption-key")
        )

    def rotate_encryption_key(self, ref: str) -> EncryptionKey:
        path = f"/v1/projects/{segment(ref)}/encryption-key/rotate"
        return read(EncryptionKey, self._at.ask("POST", path))

    def config(self, ref: str, path: str) -> dict[str, Any]:
        """The settings at a path below the project's, in Supabase's words."""
        return read(dict[str, Any], self._at.ask("GET", f"/v1/projects/{segment(ref)}/{path}"))

    def change_config(
        self, ref: str, method: str, path: str, values: Mapping[str, Any]
    ) -> tuple[dict[str, Any], str]:
        """The settings that will be, and the id of the operation that brings them about, if one
        does."""
        answer = self._at.ask(method, f"/v1/projects/{segment(ref)}/{path}", json=dict(values))
        operation_id = answer.headers.get("Location", "").rpartition("/")[2]
        return read(dict[str, Any], answer), operation_id

    def query(self, ref: str, sql: str, *, read_only: bool = False) -> list[dict[str, Any]]:
        """The rows of the last statement."""
        path = f"/v1/projects/{segment(ref)}/database/query"
        body = {"query": sql, "read_only": read_only}
        answer = self._at.ask("POST", path, json=body, timeout=QUERY_TIMEOUT_S)
        return read(list[dict[str, Any]], answer)

    def typescript_types(self, ref: str, *, schemas: str) -> str:
        path = f"/v1/projects/{segment(ref)}/types/typescript"
        answer = self._at.ask("GET", path, params={"included_schemas": schemas})
        return read(GeneratedTypes, answer).types

    def request(self, method: str, path: str, *, body: Any = None) -> str:
        """Whatever is answered, as it comes."""
        return self._at.ask(method, path, **({} if body is None else {"json": body})).text

    def usage(self, ref: str) -> ProjectUsage:
        return read(ProjectUsage, self._at.ask("GET", f"/v1/projects/{segment(ref)}/usage"))

    def spec(self, ref: str) -> tuple[ProjectSettings, str]:
        """The project's settings, and the tag to give back with a change that is made from them."""
        answer = self._at.ask("GET", f"/v1/projects/{segment(ref)}/spec")
        return read(ProjectSettings, answer), answer.headers.get("ETag", "")

    def update_project(
        self, ref: str, wanted: ProjectSettings, *, made_from: str = ""
    ) -> Operation:
        """Raises SpecChanged when the settings are no longer those with the tag `made_from`."""
        headers = {"If-Match": made_from} if made_from else {}
        body = wanted.model_dump(mode="json")
        path = f"/v1/projects/{segment(ref)}/spec"
        return read(Operation, self._at.ask("PUT", path, json=body, headers=headers))

    def preview(self, ref: str, wanted: ProjectSettings | None = None) -> Operation:
        """What an update to `wanted` would change: the result of the operation, once it ended."""
        body = PlanRequest(spec=wanted).model_dump(mode="json")
        return read(
            Operation, self._at.ask("POST", f"/v1/projects/{segment(ref)}/preview", json=body)
        )

    def refresh(self, ref: str) -> Operation:
        return read(Operation, self._at.ask("POST", f"/v1/projects/{segment(ref)}/refresh"))

    def history(self, ref: str) -> list[Update]:
        return read(list[Update], self._at.ask("GET", f"/v1/projects/{segment(ref)}/history"))

    def outputs(self, ref: str) -> dict[str, Any]:
        return read(dict[str, Any], self._at.ask("GET", f"/v1/projects/{segment(ref)}/outputs"))

    def export(self, ref: str, *, show_secrets: bool = False) -> Checkpoint:
        path = f"/v1/projects/{segment(ref)}/export"
        answer = self._at.ask("GET", path, params={"show_secrets": show_secrets})
        return read(Checkpoint, answer)

    def operation(self, operation_id: str) -> Operation:
        answer = self._at.ask("GET", f"/v1/operations/{segment(operation_id)}")
        return read(Operation, answer)

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
        return read(OperationPage, self._at.ask("GET", "/v1/operations", params=params))

    def cancel_operation(self, operation_id: str) -> Operation:
        answer = self._at.ask("POST", f"/v1/operations/{segment(operation_id)}/cancel")
        return read(Operation, answer)

    def retry_operation(self, operation_id: str) -> Operation:
        answer = self._at.ask("POST", f"/v1/operations/{segment(operation_id)}/retry")
        return read(Operation, answer)

    def operation_events(
        self, operation_id: str, *, after_seq: int = 0, timeout_s: float = 900.0
    ) -> Iterator[OperationEvent]:
        """Every event after `after_seq`, each once, up to and including `end`: see `follow`."""
        return follow(self._at, operation_id, after_seq=after_seq, timeout_s=timeout_s)

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


def _valid(kind: type[M], **fields: Any) -> M:
    """Checked here already: what is refused is never sent."""
    try:
        return kind(**fields)
    except ValidationError as error:
        raise invalid_input(error.errors()) from None  # its text would quote what was given


def _organization(slug: str, *parts: str) -> str:
    return "/".join(["/v1/organizations", *(segment(part) for part in (slug, *parts))])


def _started(response: httpx.Response) -> Started:
    operation_id = response.headers.get("Location", "").rpartition("/")[2]
    return Started(_project(response), operation_id)


def _project(response: httpx.Response) -> Project:
    """Of an answer whose `id` may be a number, as Supabase's tools want it after a change."""
    fields = read(ProjectFields, response)
    return Project(**fields.model_dump(), id=fields.ref)
