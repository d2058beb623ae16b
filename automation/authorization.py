"""Whether an actor may use a route: whether what it names is theirs, whether the token's scopes
allow it, whether their role suffices.

Owns the order of these checks. The API makes them for every request, and a worker once more for
what it does on behalf of one (key_service/access_changes.py). Must not know HTTP, nor which role or
scope a route needs.
"""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from psycopg import Connection

from automation.absence import no_operation, no_organization, no_project
from automation.actors import Actor
from automation.context import Context
from automation.permissions import CHECKED_INSIDE, needed_for
from automation.registry import organizations
from automation.scopes import opens
from contracts.errors import Forbidden, NotFound
from contracts.organizations import is_slug
from contracts.refs import is_ref, is_uuid


def require_allowed(
    ctx: Context, actor: Actor, route: str, method: str, path: Mapping[str, str]
) -> None:
    """What is not the actor's does not exist; for what is, the token's scopes
    (automation/scopes.py) and the actor's role (automation/permissions.py) must allow the route.
    `path` holds its parameters. Raises NotFound, Forbidden."""
    named = {name: text for name, text in path.items() if name in FINDERS}
    # Operators may see everything: whether it exists, the route itself finds out.
    organization_id = None if actor.is_operator else _organization_of(ctx, named)
    # Before asking what the route needs, which would reveal what exists.
    if named and not actor.is_operator:
        if organization_id is None or actor.role_in(organization_id) is None:
            raise _absence(named)
    if not opens(actor.scopes, route, method):
        raise Forbidden(
            f"this token has the scopes {', '.join(sorted(actor.scopes))}, which do not allow this",
            code="scope_missing",
            fix="use a token with more scopes: croft tokens create --scope",
        )
    if actor.is_operator:
        return
    needed = needed_for(route)
    if needed == "anyone" or route in CHECKED_INSIDE:
        return
    if needed == "operator" or organization_id is None:
        raise Forbidden("this is for who runs the platform", fix="ask its operator")
    actor.require(needed, organization_id)


def _organization_of(ctx: Context, named: Mapping[str, str]) -> UUID | None:
    with ctx.transaction() as conn:
        for name, text in named.items():
            return FINDERS[name](conn, text)
    return None


def _of_slug(conn: Connection[Any], slug: str) -> UUID | None:
    row = organizations.find(conn, slug) if is_slug(slug) else None
    return None if row is None else row.id


def _of_project(conn: Connection[Any], ref: str) -> UUID | None:
    return organizations.id_of_project(conn, ref) if is_ref(ref) else None


def _of_operation(conn: Connection[Any], operation_id: str) -> UUID | None:
    if not is_uuid(operation_id):
        return None
    return organizations.id_of_operation(conn, UUID(operation_id))


# What a path may name, and how to find its organization.
FINDERS: Mapping[str, Callable[[Connection[Any], str], UUID | None]] = {
    "slug": _of_slug,
    "ref": _of_project,
    "operation_id": _of_operation,
}


def _absence(named: Mapping[str, str]) -> NotFound:
    match named:
        case {"slug": slug}:
            return no_organization(slug)
        case {"ref": ref}:
            return no_project(ref)
    return no_operation()
