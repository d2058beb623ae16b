"""/v1/organizations/{slug}/members: Supabase's list, and what it lacks. Members are addressed by id
or name."""

from fastapi import APIRouter, Request, Response, status

from automation import members
from automation.api.access import ActorOf, ContextOf
from automation.api.pages import LIMIT_MAX, Cursor, Limit, link_next, page, read_cursor
from automation.key_service import client as key_service
from contracts.organizations import Member, MemberAdd, MemberAdded, RoleChange

router = APIRouter(prefix="/organizations/{slug}/members", tags=["members"])


@router.get("")
def members_list(
    request: Request,
    response: Response,
    ctx: ContextOf,
    actor: ActorOf,
    slug: str,
    limit: Limit = LIMIT_MAX,
    cursor: Cursor = None,
) -> list[Member]:
    after = read_cursor(cursor, 1)
    found = members.list_members(
        ctx, actor, slug, after_name=after[0] if after else None, limit=limit + 1
    )
    shown, following = page(found, limit, lambda member: (member.user_name,))
    link_next(request, response, following)
    return list(shown)


@router.post("", status_code=status.HTTP_201_CREATED)
def members_add(ctx: ContextOf, actor: ActorOf, slug: str, wanted: MemberAdd) -> MemberAdded:
    path = {"slug": slug}
    return key_service.change(ctx, actor, "members_add", MemberAdded, path, wanted)


@router.patch("/{member}")
def members_update(
    ctx: ContextOf, actor: ActorOf, slug: str, member: str, change: RoleChange
) -> Member:
    path = {"slug": slug, "member": member}
    return key_service.change(ctx, actor, "members_update", Member, path, change)


@router.delete("/{member}")
def members_remove(ctx: ContextOf, actor: ActorOf, slug: str, member: str) -> Member:
    path = {"slug": slug, "member": member}
    return key_service.change(ctx, actor, "members_remove", Member, path)


@router.post("/{member}/token")
def members_token(ctx: ContextOf, actor: ActorOf, slug: str, member: str) -> MemberAdded:
    """A new token for a service account. The old one stops working."""
    path = {"slug": slug, "member": member}
    return key_service.change(ctx, actor, "members_token", MemberAdded, path)
