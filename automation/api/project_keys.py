"""/v1/projects/{ref}/keys: keys listed, rotated and revoked. A path of our own.

And /database/password, Supabase's path for one of them.
"""

from fastapi import APIRouter, Response, status

from automation import project_keys
from automation.api.access import ActorOf, ContextOf
from automation.api.headers import accepted
from contracts.project_keys import (
    DatabasePassword,
    DatabasePasswordChanged,
    KeysToRevoke,
    KeysToRotate,
    ProjectKey,
)
from contracts.projects import Operation

router = APIRouter(prefix="/projects/{ref}", tags=["projects"])


@router.get("/keys")
def projects_keys(ctx: ContextOf, ref: str) -> list[ProjectKey]:
    """By kind, oldest generation first; then the publishable and secret ones."""
    return project_keys.list_keys(ctx, ref)


@router.post("/keys/rotate", status_code=status.HTTP_202_ACCEPTED)
def projects_keys_rotate(
    ctx: ContextOf, actor: ActorOf, ref: str, wanted: KeysToRotate, response: Response
) -> Operation:
    operation = project_keys.rotate(ctx, actor, ref, wanted.kinds, overlap_s=wanted.overlap_s)
    return accepted(response, operation)


@router.post("/keys/revoke", status_code=status.HTTP_202_ACCEPTED)
def projects_keys_revoke(
    ctx: ContextOf, actor: ActorOf, ref: str, wanted: KeysToRevoke, response: Response
) -> Operation:
    return accepted(response, project_keys.revoke(ctx, actor, ref, wanted.kinds))


@router.patch("/database/password")
def projects_database_password(
    ctx: ContextOf, actor: ActorOf, ref: str, wanted: DatabasePassword, response: Response
) -> DatabasePasswordChanged:
    """The login's name changes with its password: read the connection once it is done."""
    accepted(response, project_keys.change_password(ctx, actor, ref, wanted.password))
    return DatabasePasswordChanged()
