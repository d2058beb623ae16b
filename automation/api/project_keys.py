"""/v1/projects/{ref}/keys: which keys there are, rotated and revoked. A path of our own."""

from fastapi import APIRouter, Response, status

from automation import project_keys
from automation.api.access import ActorOf, ContextOf
from automation.api.headers import accepted
from contracts.project_keys import KeysToRevoke, KeysToRotate, ProjectKey
from contracts.projects import Operation

router = APIRouter(prefix="/projects/{ref}/keys", tags=["projects"])


@router.get("")
def projects_keys(ctx: ContextOf, ref: str) -> list[ProjectKey]:
    """By kind, the oldest generation first."""
    return project_keys.list_keys(ctx, ref)


@router.post("/rotate", status_code=status.HTTP_202_ACCEPTED)
def projects_keys_rotate(
    ctx: ContextOf, actor: ActorOf, ref: str, wanted: KeysToRotate, response: Response
) -> Operation:
    operation = project_keys.rotate(ctx, actor, ref, wanted.kinds, overlap_s=wanted.overlap_s)
    return accepted(response, operation)


@router.post("/revoke", status_code=status.HTTP_202_ACCEPTED)
def projects_keys_revoke(
    ctx: ContextOf, actor: ActorOf, ref: str, wanted: KeysToRevoke, response: Response
) -> Operation:
    return accepted(response, project_keys.revoke(ctx, actor, ref, wanted.kinds))
