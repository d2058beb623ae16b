"""/v1/projects/{ref}/api-keys: Supabase's paths, statuses and shapes, plus a Location to follow.

A new key opens the project, and a deleted one no longer does, once that operation has ended.
"""

from fastapi import APIRouter, Response, status

from automation import api_keys
from automation.api.access import ActorOf, ContextOf
from automation.api.headers import accepted
from contracts.api_keys import ApiKey, ApiKeyCreate, ApiKeyPatch, LegacyKeys

router = APIRouter(prefix="/projects/{ref}/api-keys", tags=["projects"])


@router.get("")
def projects_api_keys(
    ctx: ContextOf, actor: ActorOf, ref: str, reveal: bool = False
) -> list[ApiKey]:
    return api_keys.list_keys(ctx, actor, ref, reveal=reveal)


@router.post("", status_code=status.HTTP_201_CREATED)
def projects_api_keys_create(
    ctx: ContextOf,
    actor: ActorOf,
    ref: str,
    wanted: ApiKeyCreate,
    response: Response,
    reveal: bool = False,
) -> ApiKey:
    key, operation = api_keys.create(ctx, actor, ref, wanted, reveal=reveal)
    accepted(response, operation)
    return key


@router.get("/legacy")
def projects_legacy_keys(ctx: ContextOf, ref: str) -> LegacyKeys:
    return LegacyKeys(enabled=api_keys.legacy(ctx, ref))


@router.put("/legacy")
def projects_legacy_keys_update(
    ctx: ContextOf, actor: ActorOf, ref: str, enabled: bool, response: Response
) -> LegacyKeys:
    operation = api_keys.set_legacy(ctx, actor, ref, enabled)
    if operation is not None:
        accepted(response, operation)
    return LegacyKeys(enabled=enabled)


@router.get("/{id}")
def projects_api_key(
    ctx: ContextOf, actor: ActorOf, ref: str, id: str, reveal: bool = False
) -> ApiKey:
    return api_keys.get(ctx, actor, ref, id, reveal=reveal)


@router.patch("/{id}")
def projects_api_key_update(
    ctx: ContextOf, actor: ActorOf, ref: str, id: str, patch: ApiKeyPatch
) -> ApiKey:
    """The key itself stays the same, and is not shown."""
    return api_keys.update(ctx, actor, ref, id, patch)


@router.delete("/{id}")
def projects_api_key_delete(
    ctx: ContextOf, actor: ActorOf, ref: str, id: str, response: Response
) -> ApiKey:
    key, operation = api_keys.delete(ctx, actor, ref, id)
    accepted(response, operation)
    return key
