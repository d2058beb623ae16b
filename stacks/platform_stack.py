"""The platform stack: what all projects on one PostgreSQL and one Keycloak share.

Owns the cluster-wide roles, who may enter the platform's own databases, and the account that makes
realms. Runs before the first project, as the bootstrap client of Keycloak's realm master. The realm
for logins to the platform itself is declared in stacks/control_realm.py.
"""

from typing import Any

import pulumi
import pulumi_keycloak as keycloak
import pulumi_postgresql as postgresql

from stacks.control_realm import control_realm
from stacks.spec import PLATFORM_SECRETS, PlatformSpec, read_secrets

KEYCLOAK_TIMEOUT_S = 60

# Names that users' migrations, dumps and tokens hard-code, with what they need to mean here. None
# can log in, none carries a setting, none is ever granted WITH ADMIN: tenants are members of the
# first four. Supabase's own attributes (CREATEROLE, REPLICATION) would be the cluster's here.
SHARED_ROLES: dict[str, dict[str, Any]] = {
    "anon": {},
    "authenticated": {},
    "service_role": {"bypass_row_level_security": True},
    "postgres": {},
    "authenticator": {"inherit": False},
    "supabase_admin": {},
    "supabase_auth_admin": {"inherit": False},
    "supabase_storage_admin": {"inherit": False},
    "supabase_realtime_admin": {"inherit": False},
    "supabase_functions_admin": {"inherit": False},
    "supabase_replication_admin": {},
    "supabase_read_only_user": {},
    "dashboard_user": {},
    "pgbouncer": {},
}


def platform_program(spec: PlatformSpec) -> None:
    """Declare the platform in the running Pulumi program."""
    secrets = read_secrets(PLATFORM_SECRETS)
    _postgresql(spec)
    _keycloak(spec, secrets["keycloak_provisioner"])


def _postgresql(spec: PlatformSpec) -> None:
    provider = postgresql.Provider(
        "postgresql", host=spec.postgres.host, port=spec.postgres.port, sslmode="disable"
    )
    opts = pulumi.ResourceOptions(provider=provider)
    for name, attributes in SHARED_ROLES.items():
        postgresql.Role(name, name=name, login=False, opts=opts, **attributes)
    for database in spec.closed_databases:
        # No privileges for PUBLIC: neither CONNECT nor TEMPORARY.
        postgresql.Grant(
            f"{database}-public",
            database=database,
            role="public",
            object_type="database",
            privileges=[],
            opts=opts,
        )


def _keycloak(spec: PlatformSpec, provisioner_secret: pulumi.Input[str]) -> None:
    provider = keycloak.Provider(
        "keycloak", url=spec.keycloak_url, client_timeout=KEYCLOAK_TIMEOUT_S, realm="master"
    )
    opts = pulumi.ResourceOptions(provider=provider)
    # Holds create-realm and nothing else by name; full scope lets its tokens reach the realms it
    # made, lightweight tokens keep them from growing with each of those.
    provisioner = keycloak.openid.Client(
        "provisioner",
        realm_id="master",
        client_id="croft-provisioner",
        name="Basecroft provisioner",
        access_type="CONFIDENTIAL",
        client_secret=provisioner_secret,
        service_accounts_enabled=True,
        standard_flow_enabled=False,
        direct_access_grants_enabled=False,
        full_scope_allowed=True,
        extra_config={"client.use.lightweight.access.token.enabled": "true"},
        opts=opts,
    )
    keycloak.openid.ClientServiceAccountRealmRole(
        "provisioner-create-realm",
        realm_id="master",
        service_account_user_id=provisioner.service_account_user_id,
        role="create-realm",
        opts=opts,
    )
    control_realm(spec.dashboard_url, opts)
