"""A project's services as Supabase's tools configure them: a view of the one spec that it has.

Owns how Supabase's settings map to `ProjectSettings`, to be read and changed. Must not know HTTP,
nor how a change is carried out: each is an update like any other (automation/plans.py).
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from contracts.auth_config import ABSENT, REDIRECTS, AuthConfig, AuthConfigPatch
from contracts.auth_service import TOLD_OF_NOTHING, AuthServiceSettings
from contracts.errors import InvalidInput, NotHeld
from contracts.project_config import (
    AllowedNetworks,
    CustomHostname,
    Feature,
    IcebergCatalog,
    NetworkRestrictions,
    PostgresConfig,
    PostgresConfigChange,
    RealtimeConfig,
    RealtimeConfigPatch,
    RestConfig,
    RestConfigPatch,
    StorageConfig,
    StorageConfigPatch,
    StorageFeatures,
    UpgradeEligibility,
    UpstreamTarget,
    VectorBuckets,
)
from contracts.project_settings import AuthSettings, ProjectSettings
from contracts.projects import invalid_input
from contracts.settings import Settings

S = TypeVar("S", bound=Settings)
_AUTH_SETTINGS = AuthSettings.model_fields.keys() | AuthServiceSettings.model_fields.keys()


def rest(settings: ProjectSettings) -> RestConfig:
    return RestConfig(
        db_schema=",".join(settings.rest.schemas),
        db_extra_search_path=",".join(settings.rest.extra_search_path),
        max_rows=settings.rest.max_rows,
        db_pool=settings.rest.pool,
    )


def with_rest(settings: ProjectSettings, patch: RestConfigPatch) -> ProjectSettings:
    asked = {
        "schemas": _names(patch.db_schema),
        "extra_search_path": _names(patch.db_extra_search_path),
        "max_rows": patch.max_rows,
        "pool": patch.db_pool,
    }
    values = settings.model_dump()
    values["rest"] |= {name: value for name, value in asked.items() if value is not None}
    try:
        return ProjectSettings.model_validate(values)
    except ValidationError as error:
        raise invalid_input(error.errors()) from None


def auth(settings: ProjectSettings) -> AuthConfig:
    held = settings.auth.model_dump() | {REDIRECTS: ",".join(settings.auth.uri_allow_list)}
    kept = settings.auth_service.model_dump(exclude_none=True)
    nothing = {name: TOLD_OF_NOTHING.get(name) for name in AuthServiceSettings.model_fields}
    return AuthConfig(dict(sorted((held | nothing | kept | ABSENT).items())))


def with_auth(settings: ProjectSettings, patch: AuthConfigPatch) -> ProjectSettings:
    asked: dict[str, Any] = dict(patch.root)
    _refuse_what_is_not_held({name: asked[name] for name in asked.keys() & ABSENT.keys()}, ABSENT)
    if asked.keys() - ABSENT.keys() - _AUTH_SETTINGS:
        raise InvalidInput(
            "some of the names are no settings of Supabase's",
            fix="see AuthConfigPatch in openapi/management.json",
        )
    if isinstance(redirects := asked.get(REDIRECTS), str):
        asked[REDIRECTS] = _names(redirects)
    parts = {"auth": settings.auth, "auth_service": settings.auth_service}
    return settings.model_copy(update={name: _with(parts[name], asked) for name in parts})


def postgres(settings: ProjectSettings) -> PostgresConfig:
    return PostgresConfig(max_connections=settings.connections_max)


def with_postgres(settings: ProjectSettings, change: PostgresConfigChange) -> ProjectSettings:
    wanted = change.max_connections or settings.connections_max
    return settings.model_copy(update={"connections_max": wanted})


def storage(settings: ProjectSettings) -> StorageConfig:
    """One file may fill the bucket: MinIO has a quota for it, and no limit per file. What comes
    with the storage API is not there yet."""
    off = Feature(enabled=False)
    return StorageConfig(
        fileSizeLimit=settings.storage_quota_bytes,
        features=StorageFeatures(
            imageTransformation=off,
            s3Protocol=off,
            purgeCache=off,
            icebergCatalog=IcebergCatalog(
                enabled=False, maxNamespaces=0, maxTables=0, maxCatalogs=0
            ),
            vectorBuckets=VectorBuckets(enabled=False, maxBuckets=0, maxIndexes=0),
        ),
        capabilities={"list_v2": False, "iceberg_catalog": False, "object_versioning": False},
        external=UpstreamTarget(upstreamTarget="main"),
        migrationVersion="",
        databasePoolMode="",
    )


def require_storage(settings: ProjectSettings, patch: StorageConfigPatch) -> StorageConfig:
    """The current settings, if no others are asked for: nothing here could act on any of them."""
    told = storage(settings)
    _refuse_what_is_not_held(patch.model_dump(exclude_none=True), told.model_dump())
    return told


def require_realtime(patch: RealtimeConfigPatch) -> None:
    """Like storage: there is no server, which is Supabase's `suspend`."""
    _refuse_what_is_not_held(patch.model_dump(exclude_none=True), RealtimeConfig().model_dump())


def network_restrictions() -> NetworkRestrictions:
    """No server of the platform listens beyond loopback."""
    return NetworkRestrictions(
        entitlement="disallowed",
        config=AllowedNetworks(dbAllowedCidrs=["127.0.0.0/8"], dbAllowedCidrsV6=["::1/128"]),
        status="applied",
    )


def custom_hostname() -> CustomHostname:
    """None: a project answers under its ref."""
    nothing = {
        "id": "",
        "hostname": "",
        "ssl": {"status": "none", "validation_records": []},
        "ownership_verification": {"type": "", "name": "", "value": ""},
        "custom_origin_server": "",
        "status": "none",
    }
    return CustomHostname(
        status="1_not_started",
        custom_hostname="",
        data={"success": True, "errors": [], "messages": [], "result": nothing},
    )


def upgrade_eligibility(version: str) -> UpgradeEligibility:
    """One server has all projects: whoever runs the platform upgrades it for all of them."""
    return UpgradeEligibility(
        eligible=False,
        current_app_version=version,
        current_app_version_release_channel="ga",
        latest_app_version=version,
        target_upgrade_versions=[],
        duration_estimate_hours=0,
        legacy_auth_custom_roles=[],
        objects_to_be_dropped=[],
        unsupported_extensions=[],
        user_defined_objects_in_internal_schemas=[],
        validation_errors=[],
        warnings=[],
    )


def _with(before: S, asked: Mapping[str, Any]) -> S:
    """The settings with what is asked of them; null is what a new project has."""
    values = before.model_dump() | {
        name: asked[name] for name in asked.keys() & type(before).model_fields.keys()
    }
    try:
        chosen = {name: value for name, value in values.items() if value is not None}
        return type(before).model_validate(chosen)
    except ValidationError as error:
        raise invalid_input(error.errors()) from None


def _refuse_what_is_not_held(asked: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """What changes nothing passes: whoever writes down all settings, as Supabase's tools do, turns
    off what is off."""
    if missing := sorted(_unlike(asked, now)):
        raise NotHeld(
            f"nothing here could act on {', '.join(missing)}",
            fix="leave them out, or give them as the configuration of now has them",
        )


def _unlike(asked: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """The names of settings that are asked to differ from what they are."""
    for name, value in asked.items():
        if isinstance(value, Mapping):
            yield from (f"{name}.{each}" for each in _unlike(value, now[name]))
        elif value != now[name] and (value or now[name]):
            yield name


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]
