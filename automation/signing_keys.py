"""A project's signing keys as Supabase's tools know them: a view of its keys.

Owns these words for them. Must not know HTTP, nor how a key is revoked.
"""

from automation import operations, project_keys
from automation.actors import Actor
from automation.context import Context
from automation.registry import project_keys as rows
from automation.registry.project_keys import KeyRow
from contracts.errors import Conflict, NotFound
from contracts.project_config import SigningKey
from contracts.project_keys import KeyStatus
from contracts.projects import Operation


def list_keys(ctx: Context, ref: str) -> list[SigningKey]:
    """JWT secrets by generation, which sign and verify, and keys of elsewhere, which verify."""
    with ctx.transaction() as conn:
        operations.require_project(conn, ref)
        found = rows.list_of(conn, ref)
    return [_view(row) for row in found if row.kind in ("api", "jwk")]


def legacy(ctx: Context, ref: str) -> SigningKey:
    """The JWT secret in use."""
    for key in list_keys(ctx, ref):
        if key.status == "in_use":
            return key
    raise _absent(ref)


def get(ctx: Context, ref: str, key_id: str) -> SigningKey:
    for key in list_keys(ctx, ref):
        if key.id == key_id:
            return key
    raise _absent(ref)


def change(
    ctx: Context, actor: Actor, ref: str, key_id: str, status: KeyStatus
) -> tuple[SigningKey, Operation | None]:
    """The key as it will be, and what is promised for that. Whatever else than to revoke an older
    JWT secret is done by a rotation, which makes the new one itself."""
    key = get(ctx, ref, key_id)
    if key.status == status:
        return key, None
    if (key.algorithm, key.status, status) != ("HS256", "previously_used", "revoked"):
        raise Conflict(
            f"a key that is {key.status} does not become {status} by itself",
            code="signing_key_status",
            fix=f"rotate the keys with: croft keys rotate {ref} --kind api",
        )
    operation = project_keys.revoke(ctx, actor, ref, ["api"])
    return key.model_copy(update={"status": status}), operation


def _view(row: KeyRow) -> SigningKey:
    return SigningKey(
        id=str(row.id),
        algorithm="HS256" if row.public_jwk is None else row.public_jwk["alg"],
        status=row.status,
        public_jwk=row.public_jwk,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _absent(ref: str) -> NotFound:
    return NotFound(
        f"project {ref} has no such signing key",
        code="signing_key_not_found",
        fix=f"see: croft keys list {ref}",
    )
