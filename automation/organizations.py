"""Organizations: who may see one, what it may use, how one is made and deleted.

Owns their rules and views. A limit is checked under the organization's lock, in the transaction
that uses it up. Must not know HTTP.
"""

import re
import secrets
import string
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

from psycopg import Connection

from automation import audit
from automation.absence import no_organization
from automation.actors import Actor
from automation.context import Context
from automation.limits import DEFAULT_PLAN, effective_limits
from automation.registry import access_tokens, members, projects, reconciler_runs, usage
from automation.registry import organizations as rows
from contracts.errors import Conflict, Forbidden, LimitReached
from contracts.organizations import (
    Entitlements,
    LimitsChange,
    Organization,
    OrganizationCreate,
    OrganizationDetail,
    OrganizationLimits,
    is_slug,
)

SLUG_STEM_MAX = 40
SLUG_TRIES_MAX = 5
# In Supabase's words: (feature, unit) of each limit.
_FEATURES = {
    "projects_max": ("projects", "projects"),
    "database_bytes_max": ("database.size", "bytes"),
    "storage_bytes_max": ("storage.size", "bytes"),
    "api_requests_month_max": ("api.requests", "requests"),
    "realtime_connections_max": ("realtime.max_concurrent_users", "connections"),
}


def list_organizations(ctx: Context, actor: Actor) -> list[Organization]:
    with ctx.transaction() as conn:
        return [_view(row) for row in rows.list_all(conn, actor.organizations)]


def get(ctx: Context, actor: Actor, slug: str | None) -> OrganizationDetail:
    """Without a slug, the actor's oldest one."""
    with ctx.transaction() as conn:
        return _detail(require(conn, actor, slug))


def create(ctx: Context, actor: Actor, wanted: OrganizationCreate) -> OrganizationDetail:
    """Whoever makes one owns it."""
    if actor.bound_to is not None:
        raise Forbidden(
            "this token is good in its own organization only",
            fix="ask the operator of this platform for an organization",
        )
    with ctx.transaction() as conn:
        row = _insert(conn, wanted)
        if actor.member_id is not None:
            members.add(conn, row.id, actor.member_id, "owner")
        audit.record_organization(conn, actor, row, "organizations.create", after=wanted)
        return _detail(row)


def delete(ctx: Context, actor: Actor, slug: str) -> OrganizationDetail:
    """Only an empty one. Its members lose it, and the tokens that were valid in it alone."""
    with ctx.transaction() as conn:
        row = require(conn, actor, slug, lock=True)
        if left := projects.count_present(conn, row.id):
            raise Conflict(
                f"organization {row.slug} still has {left} projects",
                code="organization_not_empty",
                fix="destroy or transfer them first",
            )
        if rows.list_all(conn)[0].id == row.id:
            raise Conflict(
                f"organization {row.slug} is the default one",
                code="organization_is_default",
                fix="keep it: tools that name no organization use it",
            )
        members.remove(conn, row.id)
        access_tokens.revoke_bound(conn, row.id)
        rows.mark_deleted(conn, row.id)
        before = {"name": row.name}
        audit.record_organization(conn, actor, row, "organizations.delete", before=before)
        return _detail(row)


def require(
    conn: Connection[Any], actor: Actor, slug_or_id: str | None, *, lock: bool = False
) -> rows.Organization:
    """The named organization if the actor belongs to it; without a name, the oldest such. With
    `lock` it is held until the transaction ends. Raises NotFound."""
    if slug_or_id is None:
        mine = rows.list_all(conn, actor.organizations)
        row = mine[0] if mine else None
    else:
        row = rows.find(conn, slug_or_id) if is_slug(slug_or_id) else None
    if row is not None and actor.role_in(row.id) is not None:
        row = rows.lock(conn, row.id) if lock else row
        if row is not None:
            return row
    raise no_organization(slug_or_id or "default")


def admit_project(conn: Connection[Any], row: rows.Organization) -> None:
    """Check that one more project fits. The caller holds the organization's lock, so that several
    at once cannot exceed the limit. Raises LimitReached."""
    projects_max = effective_limits(row.plan, row.limits).projects_max
    if projects_max is not None and projects.count_live(conn, row.id) >= projects_max:
        raise LimitReached(
            f"organization {row.slug} has its {projects_max} projects",
            code="limit_reached",
            fix="destroy a project, or raise the limit: croft orgs limits",
        )


def limits(ctx: Context, actor: Actor, slug: str) -> OrganizationLimits:
    with ctx.transaction() as conn:
        return _limits(conn, require(conn, actor, slug))


def set_limits(ctx: Context, actor: Actor, slug: str, change: LimitsChange) -> OrganizationLimits:
    """A limit below what is used stops additions, and takes nothing away."""
    asked = change.model_dump(exclude_unset=True)
    plan = asked.pop("plan", None)
    with ctx.transaction() as conn:
        row = require(conn, actor, slug, lock=True)
        own = {name: value for name, value in {**row.limits, **asked}.items() if value is not None}
        rows.set_limits(conn, row.id, plan or row.plan, own)
        before = {"plan": row.plan, "own": row.limits}
        after = {"plan": plan or row.plan, "own": own}
        audit.record_organization(
            conn, actor, row, "organizations.limits", before=before, after=after
        )
        reconciler_runs.want(conn, "usage")
        return _limits(conn, require(conn, actor, slug))


def entitlements(ctx: Context, actor: Actor, slug: str) -> Entitlements:
    with ctx.transaction() as conn:
        found = _limits(conn, require(conn, actor, slug))
    return Entitlements(
        entitlements=[
            {
                "feature": {"key": feature, "type": "numeric"},
                "hasAccess": found.limits[name] != 0,
                "type": "numeric",
                "config": {
                    "enabled": found.limits[name] != 0,
                    "value": found.limits[name] or 0,
                    "unlimited": found.limits[name] is None,
                    "unit": unit,
                },
            }
            for name, (feature, unit) in _FEATURES.items()
        ]
    )


def slug_of(name: str, suffix: str = "") -> str:
    """`name` as far as it can stand in a path: "Große Läden!" is "gro-e-l-den"."""
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower())[:SLUG_STEM_MAX].strip("-")
    if not stem[:1].isalpha():
        stem = f"org-{stem}".rstrip("-")
    return f"{stem}-{suffix}" if suffix else stem


def month_of(moment: datetime) -> date:
    return moment.date().replace(day=1)


def _insert(conn: Connection[Any], wanted: OrganizationCreate) -> rows.Organization:
    for attempt in range(SLUG_TRIES_MAX):
        suffix = "".join(secrets.choice(string.ascii_lowercase) for _ in range(6)) * bool(attempt)
        slug = wanted.slug or slug_of(wanted.name, suffix)
        row = rows.insert(conn, slug=slug, name=wanted.name, plan=DEFAULT_PLAN)
        if row is not None:
            return row
        if wanted.slug:
            break
    raise Conflict("that slug is taken", code="organization_slug_taken", fix="choose another slug")


def _limits(conn: Connection[Any], row: rows.Organization) -> OrganizationLimits:
    used = usage.totals(conn, row.id, month_of(datetime.now(UTC)))
    return OrganizationLimits(
        plan=row.plan,
        limits=asdict(effective_limits(row.plan, row.limits)),
        own=row.limits,
        used={"projects": projects.count_live(conn, row.id), **used},
    )


def _view(row: rows.Organization) -> Organization:
    return Organization(id=str(row.id), slug=row.slug, name=row.name)


def _detail(row: rows.Organization) -> OrganizationDetail:
    return OrganizationDetail(
        id=str(row.id), slug=row.slug, name=row.name, plan=row.plan, created_at=row.created_at
    )
