"""What the Management API says of a project's services: Supabase's words and shapes.

Owns the views of health, configuration, keys and environment secrets. Must not know where a value
comes from. A setting that no service here has is left out or refused, never taken and forgotten.
"""

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, StrictBool, field_validator

from contracts.numbers import WithCounts
from contracts.project_keys import KeyStatus
from contracts.project_settings import CONNECTIONS_MAX, REST_POOL_MAX, REST_ROWS_MAX
from contracts.texts import NO_TEXT

ServiceName = Literal[
    "auth", "db", "db_postgres_user", "pooler", "realtime", "rest", "storage", "pg_bouncer"
]
ENV_NAME = r"^(?!SUPABASE_)[A-Za-z_][A-Za-z0-9_]{0,255}$"
ENV_VALUE_LENGTH_MAX = 24_576
# Of one request.
ENV_NAMES_MAX = 100
EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,255}$")]


class ServiceHealth(BaseModel):
    """Element of GET .../health."""

    name: ServiceName
    healthy: bool
    status: Literal["COMING_UP", "ACTIVE_HEALTHY", "UNHEALTHY"]
    error: str | None = None


class Region(BaseModel):
    name: str
    code: str
    type: Literal["smartGroup", "specific"]
    provider: str | None = None


class RecommendedRegions(BaseModel):
    smartGroup: Region
    specific: list[Region]


class AllRegions(BaseModel):
    smartGroup: list[Region]
    specific: list[Region]


class Regions(BaseModel):
    """GET /v1/projects/available-regions."""

    recommendations: RecommendedRegions
    all: AllRegions


class EnvSecret(BaseModel):
    """Element of GET .../secrets. `value` is not the secret, but a digest that changes with it."""

    name: str
    value: str
    updated_at: datetime


class EnvSecretWanted(BaseModel):
    """Element of POST .../secrets: a variable of the project's environment."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(json_schema_extra={"pattern": ENV_NAME})
    value: str = Field(
        max_length=ENV_VALUE_LENGTH_MAX, json_schema_extra={"pattern": r"^[^\u0000]*$"}
    )

    @field_validator("name")
    @classmethod
    def _name(cls, name: str) -> str:
        if re.fullmatch(ENV_NAME, name) is None:
            raise ValueError("letters, digits and _, not SUPABASE_ first: as a variable is named")
        return name

    @field_validator("value")
    @classmethod
    def _value(cls, value: str) -> str:
        if NO_TEXT.search(value):
            raise ValueError("no variable can hold this")
        return value


class EnvSecretsWanted(RootModel[list[EnvSecretWanted]]):
    root: list[EnvSecretWanted] = Field(min_length=1, max_length=ENV_NAMES_MAX)


class Environment(RootModel[dict[str, str]]):
    """GET .../environment: variables by name, Supabase's own and those that users set."""


class EnvNames(RootModel[list[EnvName]]):
    """Body of DELETE .../secrets."""

    root: list[EnvName] = Field(min_length=1, max_length=ENV_NAMES_MAX)


class RestConfig(BaseModel):
    """GET .../postgrest; null is what PostgREST does by itself."""

    db_schema: str
    db_extra_search_path: str
    max_rows: int
    db_pool: int
    db_pool_acquisition_timeout: None = None
    db_pool_max_lifetime: None = None
    db_pool_max_idletime: None = None


class RestConfigPatch(WithCounts):
    """Body of PATCH .../postgrest. Lists are separated by commas."""

    model_config = ConfigDict(extra="forbid")

    db_schema: str | None = Field(default=None, max_length=2000)
    db_extra_search_path: str | None = Field(default=None, max_length=2000)
    max_rows: Annotated[int, Field(strict=True, ge=1, le=REST_ROWS_MAX)] | None = None
    db_pool: Annotated[int, Field(strict=True, ge=1, le=REST_POOL_MAX)] | None = None


class PostgresConfig(BaseModel):
    """GET and PUT .../config/database/postgres: the one setting that is a project's own on a shared
    server."""

    model_config = ConfigDict(extra="forbid")

    max_connections: int = Field(ge=1, le=CONNECTIONS_MAX)
    """Of the login behind `db_url`."""


class PostgresConfigChange(WithCounts):
    model_config = ConfigDict(extra="forbid")

    max_connections: Annotated[int, Field(strict=True, ge=1, le=CONNECTIONS_MAX)] | None = None
    restart_database: StrictBool | None = None
    """Never needed: nobody else's server is restarted."""


# Of Supabase's API, in bytes.
FILE_SIZE_MAX = 536_870_912_000


class Feature(WithCounts):
    model_config = ConfigDict(extra="forbid")

    enabled: StrictBool


AtMost = Annotated[int, Field(strict=True, ge=0)]


class IcebergCatalog(Feature):
    maxNamespaces: AtMost
    maxTables: AtMost
    maxCatalogs: AtMost


class VectorBuckets(Feature):
    maxBuckets: AtMost
    maxIndexes: AtMost


class StorageFeatures(BaseModel):
    imageTransformation: Feature
    s3Protocol: Feature
    purgeCache: Feature
    icebergCatalog: IcebergCatalog
    vectorBuckets: VectorBuckets


class UpstreamTarget(BaseModel):
    model_config = ConfigDict(extra="forbid")

    upstreamTarget: Literal["main", "canary"]


class StorageConfig(BaseModel):
    """GET .../config/storage."""

    fileSizeLimit: int
    features: StorageFeatures
    capabilities: dict[str, bool]
    external: UpstreamTarget
    migrationVersion: str
    databasePoolMode: str


class StorageFeaturesPatch(BaseModel):
    model_config = ConfigDict(extra="forbid")

    imageTransformation: Feature | None = None
    s3Protocol: Feature | None = None
    purgeCache: Feature | None = None
    icebergCatalog: IcebergCatalog | None = None
    vectorBuckets: VectorBuckets | None = None


class StorageConfigPatch(WithCounts):
    """Body of PATCH .../config/storage."""

    model_config = ConfigDict(extra="forbid")

    fileSizeLimit: Annotated[int, Field(strict=True, ge=0, le=FILE_SIZE_MAX)] | None = None
    features: StorageFeaturesPatch | None = None
    external: UpstreamTarget | None = None


class RealtimeConfig(BaseModel):
    """GET .../config/realtime: suspended, and null where there is nothing to say."""

    private_only: bool | None = None
    connection_pool: int | None = None
    postgres_changes_pool: int | None = None
    max_concurrent_users: int | None = None
    max_events_per_second: int | None = None
    max_bytes_per_second: int | None = None
    max_channels_per_client: int | None = None
    max_joins_per_second: int | None = None
    max_presence_events_per_second: int | None = None
    max_payload_size_in_kb: int | None = None
    suspend: bool | None = True
    presence_enabled: bool = False
    admin_suspended_at: datetime | None = None


def _up_to(most: int) -> Any:
    return Field(default=None, strict=True, ge=1, le=most)


class RealtimeConfigPatch(WithCounts):
    """Body of PATCH .../config/realtime."""

    model_config = ConfigDict(extra="forbid")

    private_only: StrictBool | None = None
    connection_pool: int | None = _up_to(100)
    postgres_changes_pool: int | None = _up_to(100)
    max_concurrent_users: int | None = _up_to(50_000)
    max_events_per_second: int | None = _up_to(50_000)
    max_bytes_per_second: int | None = _up_to(10_000_000)
    max_channels_per_client: int | None = _up_to(10_000)
    max_joins_per_second: int | None = _up_to(5000)
    max_presence_events_per_second: int | None = _up_to(5000)
    max_payload_size_in_kb: int | None = _up_to(10_000)
    suspend: StrictBool | None = None
    presence_enabled: StrictBool | None = None


class SigningKey(BaseModel):
    id: str
    algorithm: Literal["EdDSA", "ES256", "RS256", "HS256"]
    status: KeyStatus
    public_jwk: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime


class SigningKeyCreate(BaseModel):
    """Body of POST .../config/auth/signing-keys."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    algorithm: Literal["EdDSA", "ES256", "RS256", "HS256"]
    status: Literal["in_use", "standby"] = "standby"
    private_jwk: dict[str, Any] | None = None


class SigningKeyChange(BaseModel):
    """Body of PATCH .../config/auth/signing-keys/{id}."""

    model_config = ConfigDict(extra="forbid")

    status: KeyStatus


class SigningKeys(BaseModel):
    """GET .../config/auth/signing-keys."""

    keys: list[SigningKey]


class AllowedNetworks(BaseModel):
    dbAllowedCidrs: list[str]
    dbAllowedCidrsV6: list[str]


class NetworkRestrictions(BaseModel):
    """GET .../network-restrictions."""

    entitlement: Literal["disallowed", "allowed"]
    config: AllowedNetworks
    status: Literal["stored", "applied"]


class SslEnforcement(BaseModel):
    currentConfig: dict[str, bool]
    appliedSuccessfully: bool


class ReadOnlyMode(BaseModel):
    enabled: bool
    override_enabled: bool
    override_active_until: str


class VanitySubdomain(BaseModel):
    status: Literal["not-used", "custom-domain-used", "active"]


class UpgradeEligibility(BaseModel):
    """GET .../upgrade/eligibility."""

    eligible: bool
    current_app_version: str
    current_app_version_release_channel: str
    latest_app_version: str
    target_upgrade_versions: list[dict[str, str]]
    duration_estimate_hours: float
    legacy_auth_custom_roles: list[str]
    objects_to_be_dropped: list[str]
    unsupported_extensions: list[str]
    user_defined_objects_in_internal_schemas: list[str]
    validation_errors: list[dict[str, Any]]
    warnings: list[dict[str, Any]]


class CustomHostname(BaseModel):
    """GET .../custom-hostname."""

    status: Literal[
        "1_not_started",
        "2_initiated",
        "3_challenge_verified",
        "4_origin_setup_completed",
        "5_services_reconfigured",
    ]
    custom_hostname: str
    data: dict[str, Any]
