"""/v1/projects/{ref}/{health,secrets,postgrest,config,...}: a project's services, in Supabase's
paths and shapes.

A change answers with the settings to come and a Location to follow. The ETag is the spec's, as in
/spec: If-Match with another one is a 412.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Response, status

from automation import environment, health, project_config, projects, signing_keys
from automation.api.access import ActorOf, ContextOf
from automation.api.headers import accepted
from automation.api.spec_access import AlterOf, SameSpecOf, SpecOf
from automation.status import DATABASE_FULL
from contracts.auth_config import AuthConfig, AuthConfigPatch
from contracts.project_config import (
    CustomHostname,
    Environment,
    EnvNames,
    EnvSecret,
    EnvSecretsWanted,
    NetworkRestrictions,
    PostgresConfig,
    PostgresConfigChange,
    ReadOnlyMode,
    RealtimeConfig,
    RealtimeConfigPatch,
    RestConfig,
    RestConfigPatch,
    ServiceHealth,
    ServiceName,
    SigningKey,
    SigningKeyChange,
    SigningKeyCreate,
    SigningKeys,
    SslEnforcement,
    StorageConfig,
    StorageConfigPatch,
    UpgradeEligibility,
    VanitySubdomain,
)

TIMEOUT_MS_MAX = 10_000
SERVICES_MAX = 8

router = APIRouter(prefix="/projects/{ref}", tags=["projects"])


@router.get("/health")
def projects_health(
    ctx: ContextOf,
    ref: str,
    services: Annotated[list[ServiceName], Query(max_length=SERVICES_MAX)],
    timeout_ms: Annotated[int, Query(ge=0, le=TIMEOUT_MS_MAX)] = 3000,
) -> list[ServiceHealth]:
    return health.services(ctx, ref, services, timeout_s=max(timeout_ms, 1) / 1000)


@router.get("/secrets")
def projects_secrets(ctx: ContextOf, ref: str) -> list[EnvSecret]:
    return environment.list_secrets(ctx, ref)


@router.post("/secrets", status_code=status.HTTP_201_CREATED)
def projects_secrets_set(
    ctx: ContextOf, actor: ActorOf, ref: str, wanted: EnvSecretsWanted
) -> None:
    environment.set_secrets(ctx, actor, ref, {each.name: each.value for each in wanted.root})


@router.delete("/secrets")
def projects_secrets_unset(ctx: ContextOf, actor: ActorOf, ref: str, names: EnvNames) -> None:
    environment.unset_secrets(ctx, actor, ref, names.root)


@router.get("/environment")
def projects_environment(ctx: ContextOf, actor: ActorOf, ref: str) -> Environment:
    return environment.variables(ctx, actor, ref)


@router.get("/postgrest")
def projects_rest_config(spec: SpecOf) -> RestConfig:
    return project_config.rest(spec)


@router.patch("/postgrest")
def projects_rest_config_update(alter: AlterOf, patch: RestConfigPatch) -> RestConfig:
    return project_config.rest(alter(lambda spec: project_config.with_rest(spec, patch)))


@router.get("/config/auth")
def projects_auth_config(spec: SpecOf) -> AuthConfig:
    return project_config.auth(spec)


@router.patch("/config/auth")
def projects_auth_config_update(alter: AlterOf, patch: AuthConfigPatch) -> AuthConfig:
    return project_config.auth(alter(lambda spec: project_config.with_auth(spec, patch)))


@router.get("/config/database/postgres")
def projects_postgres_config(spec: SpecOf) -> PostgresConfig:
    return project_config.postgres(spec)


@router.put("/config/database/postgres")
def projects_postgres_config_update(alter: AlterOf, change: PostgresConfigChange) -> PostgresConfig:
    return project_config.postgres(alter(lambda spec: project_config.with_postgres(spec, change)))


@router.get("/config/storage")
def projects_storage_config(spec: SpecOf) -> StorageConfig:
    return project_config.storage(spec)


@router.patch("/config/storage")
def projects_storage_config_update(spec: SameSpecOf, patch: StorageConfigPatch) -> StorageConfig:
    """What is so already may be asked for: there is no storage API yet that could act on more."""
    return project_config.require_storage(spec, patch)


@router.get("/config/realtime")
def projects_realtime_config(_: SpecOf) -> RealtimeConfig:
    return RealtimeConfig()


@router.patch("/config/realtime", status_code=status.HTTP_204_NO_CONTENT)
def projects_realtime_config_update(_: SameSpecOf, patch: RealtimeConfigPatch) -> None:
    """What is so already may be asked for: there is no Realtime server yet."""
    project_config.require_realtime(patch)


@router.get("/config/auth/signing-keys")
def projects_signing_keys(ctx: ContextOf, ref: str) -> SigningKeys:
    return SigningKeys(keys=signing_keys.list_keys(ctx, ref))


@router.get("/config/auth/signing-keys/legacy")
def projects_signing_key_legacy(ctx: ContextOf, ref: str) -> SigningKey:
    return signing_keys.legacy(ctx, ref)


@router.post("/config/auth/signing-keys/legacy", status_code=status.HTTP_201_CREATED)
def projects_signing_key_legacy_create(ctx: ContextOf, ref: str) -> SigningKey:
    """A project's JWT secret is a signing key from its first day on: nothing is made."""
    return signing_keys.legacy(ctx, ref)


@router.get("/config/auth/signing-keys/{id}")
def projects_signing_key(ctx: ContextOf, ref: str, id: str) -> SigningKey:
    return signing_keys.get(ctx, ref, id)


@router.post("/config/auth/signing-keys", status_code=status.HTTP_201_CREATED)
def projects_signing_keys_create(
    ctx: ContextOf, actor: ActorOf, ref: str, wanted: SigningKeyCreate, response: Response
) -> SigningKey:
    key, operation = signing_keys.create(ctx, actor, ref, wanted)
    if operation is not None:
        accepted(response, operation)
    return key


@router.delete("/config/auth/signing-keys/{id}")
def projects_signing_key_delete(ctx: ContextOf, actor: ActorOf, ref: str, id: str) -> SigningKey:
    return signing_keys.delete(ctx, actor, ref, id)


@router.patch("/config/auth/signing-keys/{id}")
def projects_signing_key_update(
    ctx: ContextOf,
    actor: ActorOf,
    ref: str,
    id: str,
    wanted: SigningKeyChange,
    response: Response,
) -> SigningKey:
    """Put a key on standby in use, or revoke an older one."""
    key, operation = signing_keys.change(ctx, actor, ref, id, wanted.status)
    if operation is not None:
        accepted(response, operation)
    return key


@router.get("/network-restrictions")
def projects_network_restrictions(ctx: ContextOf, ref: str) -> NetworkRestrictions:
    projects.get(ctx, ref)
    return project_config.network_restrictions()


@router.get("/ssl-enforcement")
def projects_ssl_enforcement(ctx: ContextOf, ref: str) -> SslEnforcement:
    """PostgreSQL is on loopback only, and speaks no TLS there."""
    projects.get(ctx, ref)
    return SslEnforcement(currentConfig={"database": False}, appliedSuccessfully=True)


@router.get("/readonly")
def projects_readonly(ctx: ContextOf, ref: str) -> ReadOnlyMode:
    """Enabled while the database is over its limit. Nothing overrides that."""
    conditions = {condition.type for condition in projects.get(ctx, ref).conditions}
    is_full = DATABASE_FULL in conditions
    return ReadOnlyMode(enabled=is_full, override_enabled=False, override_active_until="")


@router.get("/custom-hostname")
def projects_custom_hostname(ctx: ContextOf, ref: str) -> CustomHostname:
    projects.get(ctx, ref)
    return project_config.custom_hostname()


@router.get("/vanity-subdomain")
def projects_vanity_subdomain(ctx: ContextOf, ref: str) -> VanitySubdomain:
    projects.get(ctx, ref)
    return VanitySubdomain(status="not-used")


@router.get("/upgrade/eligibility")
def projects_upgrade_eligibility(ctx: ContextOf, ref: str) -> UpgradeEligibility:
    return project_config.upgrade_eligibility(projects.get(ctx, ref).database.version)
