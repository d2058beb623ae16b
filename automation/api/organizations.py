"""/v1/organizations: Supabase's paths, and the limits."""

from fastapi import APIRouter, status

from automation import organizations, projects
from automation.api.access import ActorOf, ContextOf
from automation.api.pages import Cursor, Limit, page
from automation.api.projects import key_of, position_of
from automation.key_service import client as key_service
from contracts.organizations import (
    Entitlements,
    LimitsChange,
    Organization,
    OrganizationCreate,
    OrganizationDetail,
    OrganizationLimits,
    OrganizationProjects,
)
from contracts.pages import Pagination

router = APIRouter(prefix="/organizations", tags=["organizations"])


@router.get("")
def organizations_list(ctx: ContextOf, actor: ActorOf) -> list[Organization]:
    return organizations.list_organizations(ctx, actor)


@router.post("", status_code=status.HTTP_201_CREATED)
def organizations_create(
    ctx: ContextOf, actor: ActorOf, wanted: OrganizationCreate
) -> OrganizationDetail:
    return key_service.change(ctx, actor, "organizations_create", OrganizationDetail, body=wanted)


@router.get("/{slug}")
def organizations_get(ctx: ContextOf, actor: ActorOf, slug: str) -> OrganizationDetail:
    return organizations.get(ctx, actor, slug)


@router.delete("/{slug}")
def organizations_delete(ctx: ContextOf, actor: ActorOf, slug: str) -> OrganizationDetail:
    path = {"slug": slug}
    return key_service.change(ctx, actor, "organizations_delete", OrganizationDetail, path)


@router.get("/{slug}/projects")
def organizations_projects(
    ctx: ContextOf, actor: ActorOf, slug: str, limit: Limit = 100, cursor: Cursor = None
) -> OrganizationProjects:
    found = projects.list_projects(
        ctx, actor, organization=slug, after=position_of(cursor), limit=limit + 1
    )
    shown, following = page(found, limit, key_of)
    return OrganizationProjects(projects=list(shown), pagination=Pagination(next=following))


@router.get("/{slug}/entitlements")
def organizations_entitlements(ctx: ContextOf, actor: ActorOf, slug: str) -> Entitlements:
    return organizations.entitlements(ctx, actor, slug)


@router.get("/{slug}/limits")
def organizations_limits(ctx: ContextOf, actor: ActorOf, slug: str) -> OrganizationLimits:
    return organizations.limits(ctx, actor, slug)


@router.patch("/{slug}/limits")
def organizations_limits_update(
    ctx: ContextOf, actor: ActorOf, slug: str, change: LimitsChange
) -> OrganizationLimits:
    return organizations.set_limits(ctx, actor, slug, change)
