"""A project's signing keys as Supabase's tools know them: a view of its keys.

Owns these words for them, and which changes of status there are. Must not know HTTP, nor how a key
is replaced or revoked.
"""

from automation import operations, project_keys
from automation.actors import Actor
from automation.context import Context
from automation.registry import project_keys as rows
from automation.registry.project_keys import KeyRow
from contracts.errors import Conflict, NotFound, NotHeld
from contracts.project_config import SigningKey, SigningKeyCreate
from contracts.project_keys import KeyStatus
from contracts.projects import Operation


def list_keys(ctx: Context, ref: str) -> list[SigningKey]:
    """JWT secrets by generation, which sign and verify, and keys from elsewhere, which verify."""
    return [_view(row) for row in _list(ctx, ref)]


def legacy(ctx: Context, ref: str) -> SigningKey:
    """The JWT secret in use."""
    for key in list_keys(ctx, ref):
        if key.status == "in_use":
            return key
    raise _absent(ref)


def get(ctx: Context, ref: str, key_id: str) -> SigningKey:
    return _view(_find(ctx, ref, key_id))


def create(
    ctx: Context, actor: Actor, ref: str, wanted: SigningKeyCreate
) -> tuple[SigningKey, Operation | None]:
    """A JWT secret made by the platform; anon and service_role keys come with it once it is in use.
    One that a person brings is accepted when a project is created or not at all: nobody can say
    whose tokens it has signed."""
    if wanted.algorithm != "HS256":
        raise NotHeld(
            f"nothing here signs with {wanted.algorithm}",
            code="signing_algorithm_not_held",
            fix="ask for HS256; one created with --keys-file accepts tokens of other keys",
        )
    if wanted.private_jwk is not None:
        raise NotHeld(
            "the secret of a standing project is made here",
            code="signing_key_not_adopted",
            fix="leave private_jwk out, or bring the key along: croft projects create --keys-file",
        )
    use = wanted.status == "in_use"
    row, operation = project_keys.prepare(ctx, actor, ref, use=use)
    return _view(row).model_copy(update={"status": wanted.status}), operation


def change(
    ctx: Context, actor: Actor, ref: str, key_id: str, status: KeyStatus
) -> tuple[SigningKey, Operation | None]:
    """The key as it will be, and what is promised for that."""
    row = _find(ctx, ref, key_id)
    if row.status == status:
        return _view(row), None
    operation = _pass(ctx, actor, ref, row, status)
    return _view(row).model_copy(update={"status": status}), operation


def delete(ctx: Context, actor: Actor, ref: str, key_id: str) -> SigningKey:
    row = _find(ctx, ref, key_id)
    if row.status not in ("standby", "revoked"):
        raise Conflict(
            f"tokens of a key that is {row.status} are accepted",
            code="signing_key_accepted",
            fix="revoke it first" if row.status == "previously_used" else _rotate_first(ref),
        )
    project_keys.forget(ctx, actor, ref, row)
    return _view(row)


def _pass(ctx: Context, actor: Actor, ref: str, row: KeyRow, status: KeyStatus) -> Operation:
    match row.kind, row.status, status:
        case "api", "standby", "in_use":
            return project_keys.use_prepared(ctx, actor, ref, row)
        case "api", "previously_used", "revoked":
            return project_keys.revoke(ctx, actor, ref, ["api"])
        case "jwk", "previously_used", "revoked":
            return project_keys.revoke_jwk(ctx, actor, ref, row)
    raise Conflict(
        f"a key that is {row.status} does not become {status} by itself",
        code="signing_key_status",
        fix=_rotate_first(ref),
    )


def _rotate_first(ref: str) -> str:
    return f"put another one in its place with: croft keys rotate {ref} --kind api"


def _list(ctx: Context, ref: str) -> list[KeyRow]:
    with ctx.transaction() as conn:
        operations.require_project(conn, ref)
        return [row for row in rows.list_of(conn, ref) if row.kind in ("api", "jwk")]


def _find(ctx: Context, ref: str, key_id: str) -> KeyRow:
    for row in _list(ctx, ref):
        if str(row.id) == key_id:
            return row
    raise _absent(ref)


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
