"""What the Management API says of organizations and their members: Supabase's words and shapes,
and what they lack.

Owns the views that the API returns and the CLI reads. Must not know the registry's rows.
"""

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from contracts.numbers import WithCounts
from contracts.pages import Pagination
from contracts.projects import SLUG, Name, Project

PlanName = Literal["free", "pro", "team", "enterprise"]
Role = Literal["owner", "administrator", "developer", "read-only"]

ORGANIZATION_SLUG = r"^[a-z][a-z0-9-]{0,62}$"
# What stands in a path, a log line and a mail address.
MEMBER_NAME = r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$"
LIMIT_MAX = 2**53  # what every reader of JSON takes for a whole number
Limit = Annotated[int, Field(strict=True, ge=0, le=LIMIT_MAX)]


def is_slug(text: str) -> bool:
    """Whether an organization can be asked for by `text`: its slug or its id."""
    return re.fullmatch(SLUG, text) is not None


def is_member_name(text: str) -> bool:
    return re.fullmatch(MEMBER_NAME, text) is not None


class Organization(BaseModel):
    """Element of GET /v1/organizations."""

    id: str
    slug: str
    name: str


class OrganizationDetail(Organization):
    plan: str
    created_at: datetime


class OrganizationCreate(BaseModel):
    """Body of POST /v1/organizations. Without a slug one is made from the name."""

    model_config = ConfigDict(extra="ignore")

    name: Name
    slug: str | None = Field(default=None, pattern=ORGANIZATION_SLUG)


class OrganizationLimits(BaseModel):
    """`limits` is what holds: the plan's, where `own` has none. null is unlimited."""

    plan: str
    limits: dict[str, int | None]
    own: dict[str, int]
    used: dict[str, int]


class LimitsChange(WithCounts):
    """Body of PATCH .../limits. A number is a limit of the organization's own; null takes it back
    to the plan's."""

    model_config = ConfigDict(extra="forbid")

    plan: PlanName | None = None
    projects_max: Limit | None = None
    database_bytes_max: Limit | None = None
    storage_bytes_max: Limit | None = None
    api_requests_month_max: Limit | None = None
    realtime_connections_max: Limit | None = None


class Entitlements(BaseModel):
    """GET .../entitlements: what the plan gives, in Supabase's form."""

    entitlements: list[dict[str, Any]]


class OrganizationProjects(BaseModel):
    projects: list[Project]
    pagination: Pagination


class Member(BaseModel):
    """Element of GET .../members."""

    user_id: str
    user_name: str
    role_name: Role
    mfa_enabled: bool = False
    is_service_account: StrictBool = False
    is_shut_out: StrictBool = False
    """Disabled or deleted in the realm `croft`: neither their login nor their tokens work."""


class MemberAdd(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=MEMBER_NAME)
    role: Role
    service_account: StrictBool = False
    """For CI and the like: no person, and of this organization only."""


class MemberAdded(Member):
    """The token is shown only once, and is valid in this organization only."""

    access_token: str


class RoleChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    role: Role
