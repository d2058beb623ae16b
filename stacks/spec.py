"""What a stack is made from: ProjectSpec and PlatformSpec, and their form in stack config.

Owns the names of config keys, secrets and outputs. A spec is one JSON object under
`basecroft:spec`; each secret is a secret key of its own, `basecroft:<name>`. Must not know where
the values come from (the registry, or a person's Pulumi.<stack>.yaml), and names no resource.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeVar

import pulumi
from pydantic import BaseModel, ConfigDict, field_validator

from contracts.home import CLOSED_DATABASES, Home
from contracts.project_settings import ProjectSettings, RestSettings
from contracts.refs import is_ref

# One namespace for both Pulumi projects (`basecroft`, `basecroft-platform`).
NAMESPACE = "basecroft"
PROJECT = "basecroft"
PLATFORM_PROJECT = "basecroft-platform"
PLATFORM_STACK = "platform"
SPEC_KEY = f"{NAMESPACE}:spec"

# What the registry keeps for a project and its stack receives; the program generates none.
SECRETS = (
    "postgres_password",
    "authenticator_password",
    "jwt_secret",
    "anon_key",
    "service_role_key",
    "storage_secret",
    "auth_client_secret",
)
# Those which are replaced while in use. The one before is accepted until it is revoked; so long the
# stack receives it too.
REPLACED_SECRETS = tuple(name for name in SECRETS if name != "auth_client_secret")
PREVIOUS = "previous_"
# Publishable and secret API keys by id, by the role that they let in as, in JSON; where there are
# any.
ISSUED_KEYS = "issued_keys"
PLATFORM_SECRETS = ("keycloak_provisioner",)

# What a project stack exports, in this order.
OUTPUTS = (
    "api_url",
    "api_host_url",
    "db_host",
    "db_port",
    "db_name",
    "db_user",
    "realm",
    "bucket",
    "rest_port",
)

TargetName = Literal["local"]


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PostgresAddress(_Spec):
    host: str = "127.0.0.1"
    port: int


class LocalMachine(_Spec):
    """Where the local target's supervisor and gateway listen for new work."""

    supervisor_socket: str
    routes: str


class RestSpec(RestSettings):
    """One project's PostgREST."""

    port: int
    generation: int = 1
    """Of the process: a new one answers before the old one goes."""
    public_jwks: tuple[dict[str, str], ...] = ()
    """Keys of elsewhere whose tokens are accepted."""
    legacy_keys: bool = True
    """Whether anon and service_role keys open the project."""


class OpenLogins(_Spec):
    """The generations of a project's logins, and of its API keys, that are open, the one in use
    last."""

    api: tuple[int, ...] = (1,)
    database: tuple[int, ...] = (1,)
    storage: tuple[int, ...] = (1,)


class ProjectSpec(ProjectSettings):
    """One tenant project: what a person chose, and what the platform decides. Addresses only;
    secrets travel beside it."""

    ref: str
    target: TargetName = "local"
    api_url: str
    api_host_url: str
    postgres: PostgresAddress
    keycloak_url: str
    minio_server: str
    local: LocalMachine
    rest: RestSpec
    logins: OpenLogins = OpenLogins()

    @field_validator("ref")
    @classmethod
    def _ref(cls, ref: str) -> str:
        if not is_ref(ref):
            raise ValueError("a ref has 20 letters a-z")
        return ref

    @classmethod
    def on(
        cls,
        home: Home,
        ref: str,
        *,
        rest_port: int,
        rest_generation: int = 1,
        public_jwks: Sequence[Mapping[str, str]] = (),
        legacy_keys: bool = True,
        logins: OpenLogins = OpenLogins(),
        wanted: Mapping[str, Any] = {},
    ) -> Self:
        """The spec of a project on this machine: addresses are the machine's, and `wanted` what
        was chosen for the project. Raises pydantic.ValidationError for what cannot be chosen."""
        placed = cls(
            ref=ref,
            api_url=home.project_url(ref),
            api_host_url=home.project_host_url(ref),
            postgres=PostgresAddress(port=home.ports.postgres),
            keycloak_url=home.keycloak_url,
            minio_server=home.minio_server,
            local=LocalMachine(
                supervisor_socket=str(home.supervisor_socket), routes=str(home.routes)
            ),
            rest=RestSpec(
                port=rest_port,
                generation=rest_generation,
                public_jwks=tuple(map(dict, public_jwks)),
                legacy_keys=legacy_keys,
            ),
            logins=logins,
        )
        return cls.model_validate(_merged(placed.model_dump(), wanted)) if wanted else placed


class PlatformSpec(_Spec):
    """What all projects share on one PostgreSQL and one Keycloak."""

    postgres: PostgresAddress
    keycloak_url: str
    dashboard_url: str
    closed_databases: tuple[str, ...] = CLOSED_DATABASES
    """Databases that PUBLIC may neither connect to nor make temporary tables in."""

    @classmethod
    def on(cls, home: Home) -> Self:
        return cls(
            postgres=PostgresAddress(port=home.ports.postgres),
            keycloak_url=home.keycloak_url,
            dashboard_url=home.dashboard_url,
        )


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over`, nested objects field by field."""
    return {**base} | {
        name: _merged(base[name], value)
        if isinstance(value, Mapping) and isinstance(base.get(name), Mapping)
        else value
        for name, value in over.items()
    }


@dataclass(frozen=True)
class ConfigEntry:
    """One config value; has the fields of `pulumi.automation.ConfigValue`."""

    value: str
    secret: bool = False


def spec_to_config(
    spec: ProjectSpec | PlatformSpec, secrets: Mapping[str, str]
) -> dict[str, ConfigEntry]:
    """The stack config of `spec`. Raises KeyError when one of its secrets is missing."""
    names = SECRETS if isinstance(spec, ProjectSpec) else PLATFORM_SECRETS
    entries = {SPEC_KEY: ConfigEntry(spec.model_dump_json())}
    optional = [*(f"{PREVIOUS}{name}" for name in REPLACED_SECRETS), ISSUED_KEYS]
    for name in (*names, *(name for name in optional if name in secrets)):
        entries[f"{NAMESPACE}:{name}"] = ConfigEntry(secrets[name], secret=True)
    return entries


S = TypeVar("S", bound=BaseModel)


def read_spec(kind: type[S]) -> S:
    """The spec in the running program's stack config. Raises pydantic.ValidationError."""
    return kind.model_validate_json(pulumi.Config(NAMESPACE).require(SPEC_KEY.split(":")[1]))


def read_secrets(names: tuple[str, ...]) -> dict[str, pulumi.Output[str]]:
    """The named secrets of the running program's stack config, each still a secret output.

    A preview does without them, so that anybody can look at what a spec would make.
    """
    config = pulumi.Config(NAMESPACE)
    if pulumi.runtime.is_dry_run():
        return {
            name: config.get_secret(name) or pulumi.Output.secret(f"no {name} yet")
            for name in names
        }
    return {name: config.require_secret(name) for name in names}


def read_accepted(name: str) -> list[pulumi.Output[str]]:
    """A secret of the running program's stack config and, until it is revoked, the one before."""
    previous = pulumi.Config(NAMESPACE).get_secret(f"{PREVIOUS}{name}")
    return [read_secrets((name,))[name], *([] if previous is None else [previous])]


def read_issued_keys() -> pulumi.Output[dict[str, dict[str, str]]]:
    issued = pulumi.Config(NAMESPACE).get_secret(ISSUED_KEYS)
    return (issued or pulumi.Output.secret("{}")).apply(json.loads)
