"""Changes of who may do what, which a worker makes for the API: tokens, members, and who owns an
organization or a project.

Owns which these are, and that the caller's own token allows each: the same checks as the API's,
made again. The API's registry login may not write them (registry/api_rights.py), so a process that
was taken over can promote nobody, itself included. Must not know sockets.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from pydantic import BaseModel

from automation import changes, members, organizations, tokens
from automation.actors import Actor
from automation.authorization import require_allowed
from automation.context import Context, Repeatable
from automation.encryption.keyring import Keyring
from automation.registry import idempotency_keys as answers
from contracts.organizations import MemberAdd, OrganizationCreate, RoleChange
from contracts.projects import ProjectTransfer
from contracts.tokens import AccessTokenCreate

Path: TypeAlias = Mapping[str, str]


@dataclass(frozen=True)
class Change:
    method: str
    make: Callable[[Context, Actor, Path, Any], BaseModel]
    """Given the values in the route's path, and the request's body."""
    status: int | None = None
    """Of the answer that is kept for a replay; None where asking twice does no more."""


# By route.
CHANGES: Mapping[str, Change] = {
    "tokens_create": Change(
        "POST",
        lambda ctx, actor, path, body: tokens.create(
            ctx, actor, AccessTokenCreate.model_validate(body)
        ),
        status=201,
    ),
    "tokens_rotate": Change(
        "POST",
        lambda ctx, actor, path, body: tokens.rotate(ctx, actor, path["token_id"]),
        status=200,
    ),
    "tokens_revoke": Change(
        "DELETE", lambda ctx, actor, path, body: tokens.revoke(ctx, actor, path["token_id"])
    ),
    "members_add": Change(
        "POST",
        lambda ctx, actor, path, body: members.add(
            ctx, actor, path["slug"], MemberAdd.model_validate(body)
        ),
        status=201,
    ),
    "members_update": Change(
        "PATCH",
        lambda ctx, actor, path, body: members.update(
            ctx, actor, path["slug"], path["member"], RoleChange.model_validate(body).role
        ),
    ),
    "members_remove": Change(
        "DELETE",
        lambda ctx, actor, path, body: members.remove(ctx, actor, path["slug"], path["member"]),
    ),
    "members_token": Change(
        "POST",
        lambda ctx, actor, path, body: members.renew_token(
            ctx, actor, path["slug"], path["member"]
        ),
        status=200,
    ),
    "organizations_create": Change(
        "POST",
        lambda ctx, actor, path, body: organizations.create(
            ctx, actor, OrganizationCreate.model_validate(body)
        ),
        status=201,
    ),
    "organizations_delete": Change(
        "DELETE", lambda ctx, actor, path, body: organizations.delete(ctx, actor, path["slug"])
    ),
    # A second time it is skipped.
    "projects_transfer": Change(
        "POST",
        lambda ctx, actor, path, body: changes.transfer(
            ctx, actor, path["ref"], ProjectTransfer.model_validate(body).organization_slug
        ),
    ),
}


def make(
    ctx: Context, keyring: Keyring, actor: Actor, route: str, arguments: Mapping[str, Any]
) -> Any:
    """What the route answers. It is kept for a replay in the same transaction: an API process that
    dies before it has passed it on leaves no change that nobody heard of."""
    change, path = CHANGES[route], arguments["path"]
    require_allowed(ctx, actor, route, change.method, path)
    with ctx.transaction() as conn:
        found = change.make(replace(ctx, held=conn), actor, path, arguments["body"])
        body = found.model_dump_json()
        if arguments["repeatable"] is not None and change.status is not None:
            asked = Repeatable(**arguments["repeatable"])
            record = answers.record_of(actor.key_owner, asked.key)
            kept = answers.Answer(
                bytes.fromhex(asked.request_hash),
                change.status,
                {"content-type": "application/json"},
                answers.packed(keyring.seal(conn, record, body)),
                is_sealed=True,
            )
            answers.put(conn, actor.key_owner, asked.key, kept)
    return json.loads(body)
