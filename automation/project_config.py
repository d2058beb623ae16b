"""A project's services as Supabase's tools configure them: a view of the one spec that it has.

Owns how a setting in Supabase's words is one of `ProjectSettings`, read and changed. Must not know
HTTP, nor how a change is brought about: each is an update like any other (automation/plans.py).
"""

from typing import Any

from pydantic import ValidationError

from contracts.auth_config import ABSENT, REDIRECTS, AuthConfig, AuthConfigPatch
from contracts.errors import InvalidInput, NotHeld
from contracts.project_config import (
    AllowedNetworks,
    CustomHostname,
    NetworkRestrictions,
    PostgresConfig,
    PostgresConfigChange,
    RestConfig,
    RestConfigPatch,
    StorageConfig,
    UpgradeEligibility,
)
from contracts.project_settings import AuthSettings, ProjectSettings
from contracts.projects import invalid_input


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
    return AuthConfig(dict(sorted((held | ABSENT).items())))


def with_auth(settings: ProjectSettings, patch: AuthConfigPatch) -> ProjectSettings:
    asked: dict[str, Any] = dict(patch.root)
    _refuse_what_is_not_held(asked)
    if isinstance(redirects := asked.get(REDIRECTS), str):
        asked[REDIRECTS] = _names(redirects)
    values = settings.auth.model_dump() | asked
    try:
        chosen = {name: value for name, value in values.items() if value is not None}
        auth = AuthSettings.model_validate(chosen)
    except ValidationError as error:
        raise invalid_input(error.errors()) from None
    return settings.model_copy(update={"auth": auth})


def _refuse_what_is_not_held(asked: dict[str, Any]) -> None:
    """And take out what asks for nothing: who writes all settings down, as Supabase's tools do,
    turns off what is off."""
    for name in asked.keys() & ABSENT.keys():
        if asked[name] == ABSENT[name] or not (asked[name] or ABSENT[name]):
            del asked[name]
    if missing := sorted(asked.keys() & ABSENT.keys()):
        raise NotHeld(
            f"nothing here could act on {', '.join(missing)}",
            fix="leave them out, or give them as the configuration of now has them",
        )
    if unknown := asked.keys() - AuthSettings.model_fields.keys():
        raise InvalidInput(
            f"{len(unknown)} of the names are no settings of Supabase's",
            fix="see AuthConfigPatch in openapi/management.json",
        )


def postgres(settings: ProjectSettings) -> PostgresConfig:
    return PostgresConfig(max_connections=settings.connections_max)


def with_postgres(settings: ProjectSettings, change: PostgresConfigChange) -> ProjectSettings:
    wanted = change.max_connections or settings.connections_max
    return settings.model_copy(update={"connections_max": wanted})


def storage(settings: ProjectSettings) -> StorageConfig:
    """One file may fill the bucket. What comes with the storage API is not there yet."""
    return StorageConfig(
        fileSizeLimit=settings.storage_quota_bytes,
        features={
            "imageTransformation": {"enabled": False},
            "s3Protocol": {"enabled": False},
            "icebergCatalog": {
                "enabled": False,
                "maxNamespaces": 0,
                "maxTables": 0,
                "maxCatalogs": 0,
            },
            "vectorBuckets": {"enabled": False, "maxBuckets": 0, "maxIndexes": 0},
        },
        capabilities={"list_v2": False, "iceberg_catalog": False},
        external={"upstreamTarget": "main"},
        migrationVersion="",
        databasePoolMode="",
    )


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
    """One server for all projects is upgraded for all of them, by who runs the platform."""
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


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]
