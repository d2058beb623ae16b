"""/v1/encryption and /v1/projects/{ref}/encryption-key: the keys that wrap secrets.

Workers carry out a rotation while everything stays readable; GET tells what is left to do.
"""

from fastapi import APIRouter, status

from automation.api.access import ActorOf, ContextOf
from automation.encryption import project_key
from automation.key_service import client as key_service
from contracts.encryption import Encryption, EncryptionKey

router = APIRouter(tags=["encryption"])


@router.get("/encryption")
def encryption_get(ctx: ContextOf, actor: ActorOf) -> Encryption:
    return key_service.encryption(ctx.settings.home, actor)


@router.post("/encryption/root-key/rotate", status_code=status.HTTP_202_ACCEPTED)
def encryption_rotate_root(ctx: ContextOf, actor: ActorOf) -> Encryption:
    return key_service.rotate_root(ctx.settings.home, actor)


@router.post("/encryption/platform-key/rotate", status_code=status.HTTP_202_ACCEPTED)
def encryption_rotate_platform(ctx: ContextOf, actor: ActorOf) -> Encryption:
    return key_service.rotate_platform(ctx.settings.home, actor)


@router.get("/projects/{ref}/encryption-key")
def projects_encryption_key(ctx: ContextOf, ref: str) -> EncryptionKey:
    return project_key.get(ctx, ref)


@router.post("/projects/{ref}/encryption-key/rotate", status_code=status.HTTP_202_ACCEPTED)
def projects_encryption_key_rotate(ctx: ContextOf, actor: ActorOf, ref: str) -> EncryptionKey:
    return project_key.rotate(ctx, actor, ref)
