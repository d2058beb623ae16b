"""The tenant stack: everything one project owns, made from its ProjectSpec.

Owns the wiring of the components and the stack's outputs. Generates nothing: names follow from the
ref, secrets come from stack config. Provider resources hold addresses only, so that a project can
be deleted after an admin password was changed.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

import pulumi
import pulumi_keycloak as keycloak
import pulumi_minio as minio
import pulumi_postgresql as postgresql

from components.app_stack import AppStack, AppStackArgs
from components.bucket import Bucket, BucketArgs
from components.database import Database, DatabaseArgs, Logins
from components.dns_record import DnsRecord, DnsRecordArgs
from components.postgrest import EXTRA_CONNECTIONS
from components.provider.resources import Provider as Croft
from components.realm import Realm, RealmArgs
from components.targets import target_for
from stacks.spec import OUTPUTS, SECRETS, ProjectSpec, read_accepted, read_issued_keys, read_secrets

# A provider call to a cold Keycloak outlasts the package's default of 5 s.
KEYCLOAK_TIMEOUT_S = 60

Secrets = Mapping[str, pulumi.Output[str]]


def project_program(spec: ProjectSpec) -> None:
    """Declare the project in the running Pulumi program."""
    secrets = read_secrets(SECRETS)
    opts = pulumi.ResourceOptions(providers=_providers(spec))
    database = Database("database", _database_args(spec), opts)
    realm = Realm("realm", _realm_args(spec, secrets), opts)
    bucket = Bucket("bucket", _bucket_args(spec), opts)
    if not spec.paused:
        AppStack("app", _app_args(spec, secrets, database), opts)
    DnsRecord("dns", DnsRecordArgs(host=urlsplit(spec.api_host_url).hostname or ""))

    outputs = {
        "api_url": spec.api_url,
        "api_host_url": spec.api_host_url,
        "db_host": database.host,
        "db_port": database.port,
        "db_name": database.name,
        "db_user": database.user,
        "realm": realm.name,
        "bucket": bucket.name,
        "rest_port": spec.rest.port,
    }
    for name in OUTPUTS:
        pulumi.export(name, outputs[name])


def _database_args(spec: ProjectSpec) -> DatabaseArgs:
    return DatabaseArgs(
        ref=spec.ref,
        host=spec.postgres.host,
        port=spec.postgres.port,
        logins=[
            Logins(*each)
            for each in zip(
                reversed(spec.logins.database),
                read_accepted("postgres_password"),
                read_accepted("authenticator_password"),
                strict=True,
            )
        ],
        postgres_connections_max=0 if spec.paused else spec.connections_max,
        authenticator_connections_max=0 if spec.paused else _rest_connections_max(spec),
        token_issuers=(*_auth_urls(spec), *spec.rest.token_issuers),
        protected=spec.protected,
    )


def _realm_args(spec: ProjectSpec, secrets: Secrets) -> RealmArgs:
    return RealmArgs(
        ref=spec.ref,
        auth_client_secret=secrets["auth_client_secret"],
        auth_urls=_auth_urls(spec),
        settings=spec.auth,
        protected=spec.protected,
    )


def _bucket_args(spec: ProjectSpec) -> BucketArgs:
    user_secrets = zip(reversed(spec.logins.storage), read_accepted("storage_secret"), strict=True)
    return BucketArgs(
        ref=spec.ref,
        user_secrets=dict(user_secrets),
        quota_bytes=spec.storage_quota_bytes,
        protected=spec.protected,
    )


def _app_args(spec: ProjectSpec, secrets: Secrets, database: Database) -> AppStackArgs:
    return AppStackArgs(
        ref=spec.ref,
        target=target_for(spec.target),
        api_url=spec.api_url,
        api_host_url=spec.api_host_url,
        database_host=spec.postgres.host,
        database_port=spec.postgres.port,
        database=database.name,
        authenticator=database.authenticator,
        authenticator_password=secrets["authenticator_password"],
        jwt_secrets=read_accepted("jwt_secret"),
        public_jwks=spec.rest.public_jwks,
        api_generations=tuple(reversed(spec.logins.api)),
        anon_keys=read_accepted("anon_key"),
        service_role_keys=read_accepted("service_role_key"),
        issued_keys=read_issued_keys(),
        legacy_keys=spec.rest.legacy_keys,
        rest_port=spec.rest.port,
        rest_generation=spec.rest.generation,
        rest_max_rows=spec.rest.max_rows,
        rest_pool=spec.rest.pool,
        rest_schemas=spec.rest.schemas,
        rest_extra_search_path=spec.rest.extra_search_path,
    )


def _auth_urls(spec: ProjectSpec) -> tuple[str, str]:
    return f"{spec.api_url}/auth/v1", f"{spec.api_host_url}/auth/v1"


def _rest_connections_max(spec: ProjectSpec) -> int:
    """Of a PostgREST and the one that takes over from it."""
    return 2 * (spec.rest.pool + EXTRA_CONNECTIONS)


def _providers(spec: ProjectSpec) -> list[pulumi.ProviderResource]:
    return [
        postgresql.Provider(
            "postgresql", host=spec.postgres.host, port=spec.postgres.port, sslmode="disable"
        ),
        keycloak.Provider(
            "keycloak", url=spec.keycloak_url, client_timeout=KEYCLOAK_TIMEOUT_S, realm="master"
        ),
        minio.Provider("minio", minio_server=spec.minio_server),
        Croft(
            "croft",
            host=spec.postgres.host,
            port=spec.postgres.port,
            supervisor_socket=spec.local.supervisor_socket,
            routes=spec.local.routes,
        ),
    ]
