"""What the Management API says of projects and operations: Supabase's words and shapes.

Owns the views that the API returns and the CLI reads. Must not know the registry's rows or Pulumi.
Source of the shapes: Supabase's published Management API; see control-plane.md section 1.2.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from contracts.errors import InvalidInput
from contracts.pages import Pagination
from contracts.project_keys import AdoptedKeys, Password

NAME_LENGTH_MAX = 255
# Strict, unlike names: slugs, ids and regions.
SLUG = r"^[A-Za-z0-9-]{1,64}$"

# The one there is; others are taken as what a project is to be labelled with.
REGION = "local"

ProjectStatus = Literal[
    "INACTIVE", "ACTIVE_HEALTHY", "ACTIVE_UNHEALTHY", "COMING_UP", "GOING_DOWN", "INIT_FAILED",
    "REMOVED", "RESTORING", "RESTORE_FAILED", "UPGRADING", "PAUSING", "PAUSE_FAILED", "RESTARTING",
    "RESIZING", "UNKNOWN",
]  # fmt: skip
OperationKind = Literal[
    "create", "update", "pause", "restore", "restart", "rename", "transfer", "destroy", "refresh",
    "preview", "rotate", "revoke",
]  # fmt: skip
OperationStatus = Literal[
    "scheduling", "running", "finished", "failed", "cancelling", "cancelled", "skipped"
]


_CONTROL = r"\u0000-\u001f\u007f-\u009f\u2028\u2029"
# For readers of the API's document; `check_name` decides.
_NAME_SCHEMA: dict[str, Any] = {
    "minLength": 1,
    "maxLength": NAME_LENGTH_MAX,
    "pattern": rf"^[^{_CONTROL}]*[^\s{_CONTROL}][^{_CONTROL}]*$",
}


def check_name(name: str) -> str:
    """A label of 1-255 characters without control characters, kept verbatim. Raises ValueError."""
    if not 1 <= len(name) <= NAME_LENGTH_MAX:
        raise ValueError(f"a name has 1 to {NAME_LENGTH_MAX} characters")
    if not name.strip():
        raise ValueError("a name needs a visible character")
    # Cc: control, Cs: lone surrogates, Zl/Zp: line and paragraph separators.
    if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in name):
        raise ValueError("a name holds no control characters")
    return name


Name = Annotated[str, AfterValidator(check_name), Field(json_schema_extra=_NAME_SCHEMA)]


class ProjectCreate(BaseModel):
    """Body of POST /v1/projects. Supabase's tools send `db_pass` and one of the organization
    fields; here both are optional: a password is made, the organization is the first one."""

    model_config = ConfigDict(extra="ignore")

    name: Name
    organization_slug: str | None = Field(default=None, pattern=SLUG)
    organization_id: str | None = Field(default=None, pattern=SLUG)
    db_pass: Password | None = None
    region: str = Field(default=REGION, pattern=SLUG)
    keys: AdoptedKeys | None = None
    """Ours: keys that the project brings along."""


class ProjectPatch(BaseModel):
    """Body of PATCH /v1/projects/{ref}."""

    model_config = ConfigDict(extra="ignore")

    name: Name


class ProjectTransfer(BaseModel):
    """Body of POST /v1/projects/{ref}/transfer."""

    model_config = ConfigDict(extra="forbid")

    organization_slug: str = Field(pattern=SLUG)


def invalid_input(problems: Sequence[Mapping[str, Any]]) -> InvalidInput:
    """What pydantic said of a body, as the one error that is shown. Never quotes what was sent: it
    may be a password."""
    first = problems[0]
    field = ".".join(str(part) for part in first["loc"] if part != "body") or "body"
    code = {"name": "project_name_invalid", "db_pass": "db_pass_invalid"}.get(field)
    detail = str(first["msg"]).removeprefix("Value error, ")
    return InvalidInput(f"{field}: {detail}", code=code, fix="correct the value and try again")


class DatabaseView(BaseModel):
    host: str
    version: str
    postgres_engine: str
    release_channel: str = "ga"


class Condition(BaseModel):
    """Something found besides the status, such as drift or a failed undo."""

    type: str
    reason: str
    message: str
    since: datetime
    operation: OperationKind | None = None
    """What led to it."""


class ProjectFields(BaseModel):
    """What every answer about a project holds."""

    ref: str
    organization_id: str
    organization_slug: str
    name: str
    region: str
    created_at: datetime
    status: ProjectStatus
    database: DatabaseView
    # Ours: where the clients go. Official tools ignore unknown fields.
    api_url: str
    api_host_url: str
    conditions: list[Condition] = []
    recoverable_until: datetime | None = None
    """Of a deleted project: until then it can be restored, then it is purged."""


class Project(ProjectFields):
    id: str


class ChangedProject(ProjectFields):
    """Answer of PATCH and DELETE, where Supabase's tools take nothing but a number for an id."""

    id: int


class DefaultProject(BaseModel):
    """PUT and DELETE /v1/projects/{ref}/default: where it answers besides its own addresses."""

    ref: str
    url: str | None


class Connection(BaseModel):
    """GET /v1/projects/{ref}/connection: what an app needs to connect."""

    ref: str
    api_url: str
    anon_key: str
    service_role_key: str
    db_url: str

    def variables(self) -> dict[str, str]:
        """Under Supabase's own names: its templates and edge functions read these."""
        return {VARIABLES[name]: text for name, text in self if name in VARIABLES}


# Of a Connection's fields.
VARIABLES: Mapping[str, str] = {
    "api_url": "SUPABASE_URL",
    "anon_key": "SUPABASE_ANON_KEY",
    "service_role_key": "SUPABASE_SERVICE_ROLE_KEY",
    "db_url": "SUPABASE_DB_URL",
}


class Operation(BaseModel):
    """What the API shows of one workflow."""

    id: str
    kind: OperationKind
    project_ref: str
    status: OperationStatus
    error: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    """Of preview and refresh: {changes: {create: n, ...}, resources: [{op, type, name, urn,
    properties: [names]}]}."""
    retry_of: str | None = None
    created_at: datetime
    cancel_requested_at: datetime | None = None
    finished_at: datetime | None = None


class OperationPage(BaseModel):
    """GET /v1/operations, newest first."""

    data: list[Operation]
    pagination: Pagination


class OperationEvent(BaseModel):
    """One event of an operation's stream; `seq` counts from 1 within the operation.

    `resource`: {op, type, name, urn, state: started|done|failed},
    `diagnostic`: {severity, message},
    `summary`: {changes: {create: n, ...}}, `step`: {name}, `end`: {status, error}.
    """

    seq: int
    kind: Literal["resource", "diagnostic", "summary", "step", "end"]
    data: dict[str, Any]
    at: datetime
