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
    """GET .../postgrest."""

    db_schema: str
    db_extra_search_path: str
    max_rows: int
    db_pool: int


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


class StorageConfig(BaseModel):
    """GET .../config/storage."""

    fileSizeLimit: int
    features: dict[str, dict[str, Any]]
    capabilities: dict[str, bool]
    external: dict[str, str]
    migrationVersion: str
    databasePoolMode: str


class RealtimeConfig(BaseModel):
    """GET .../config/realtime: suspended, and null where there is nothing to say."""

    private_only: bool | None = None
    connection_pool: int | None = None
    max_concurrent_users: int | None = None
    max_events_per_second: int | None = None
    max_bytes_per_second: int | None = None
    max_channels_per_client: int | None = None
    max_joins_per_second: int | None = None
    max_presence_events_per_second: int | None = None
    max_payload_size_in_kb: int | None = None
    suspend: bool | None = True
    presence_enabled: bool = False


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
