"""Which role a member needs for which route: one table.

Owns the order of roles and what routes need. Pure: must not know requests or rows. A route is named
as in openapi/management.json; one that is missing here is open to operators only, and fails a test.
"""

from collections.abc import Mapping
from typing import Literal

from automation.supabase_paths import OPERATIONS
from contracts.organizations import Role

# ANYONE: whoever has a token; they see their own organizations.
# OPERATOR: whoever runs the platform.
Needed = Role | Literal["anyone", "operator"]

_RANKS: Mapping[Role, int] = {"read-only": 1, "developer": 2, "administrator": 3, "owner": 4}

NEEDED: dict[str, Needed] = {
    "organizations_list": "anyone",
    "organizations_create": "anyone",
    "organizations_get": "read-only",
    "organizations_delete": "owner",
    "organizations_projects": "read-only",
    "organizations_entitlements": "read-only",
    "organizations_limits": "read-only",
    "organizations_limits_update": "operator",
    "members_list": "read-only",
    "members_add": "administrator",
    "members_update": "administrator",
    "members_token": "administrator",
    "members_remove": "read-only",  # oneself; others as an administrator
    "projects_list": "anyone",
    "projects_create": "administrator",  # checked once the body has named the organization
    "projects_get": "read-only",
    "projects_destroy": "administrator",
    "projects_api_keys": "developer",
    "projects_api_keys_create": "administrator",
    "projects_api_key": "developer",
    "projects_api_key_update": "administrator",
    "projects_api_key_delete": "administrator",
    "projects_connection": "developer",
    "projects_usage": "read-only",
    "projects_api_counts": "read-only",
    "projects_requests_count": "read-only",
    "projects_logs": "developer",  # they contain statements that failed
    "projects_logs_all": "developer",
    "projects_spec": "read-only",
    "projects_update": "developer",
    "projects_preview": "developer",
    "projects_refresh": "developer",
    "projects_history": "read-only",
    "projects_outputs": "read-only",
    "projects_export": "administrator",  # with show_secrets it holds every password
    "projects_rename": "developer",
    "projects_pause": "developer",
    "projects_restore": "administrator",
    "projects_restart": "developer",
    "projects_transfer": "administrator",  # and one of the other organization's too
    "operations_list": "anyone",  # one's own organizations'
    "operations_get": "read-only",
    "operations_cancel": "developer",
    "operations_retry": "developer",
    "operations_events": "read-only",
    "webhooks_list": "administrator",
    "webhooks_add": "administrator",
    "webhooks_rotate": "administrator",
    "webhooks_remove": "administrator",
    "webhooks_test": "administrator",
    "webhooks_deliveries": "administrator",
    "profile_get": "anyone",
    "tokens_list": "anyone",  # one's own
    "tokens_create": "anyone",
    "tokens_rotate": "anyone",
    "tokens_revoke": "anyone",
    "projects_regions": "anyone",  # of one's own organization
    "projects_health": "read-only",
    "projects_query": "developer",
    "projects_query_read_only": "developer",
    "projects_migrations": "developer",
    "projects_migrations_apply": "developer",
    "projects_migration": "developer",
    "projects_migrations_record": "developer",
    "projects_migrations_take_back": "developer",
    "projects_migration_update": "developer",
    "projects_types_typescript": "developer",
    "projects_secrets": "developer",
    "projects_environment": "developer",
    "projects_database_password": "administrator",
    "projects_default": "operator",
    "projects_no_default": "operator",
    "projects_keys": "read-only",
    "projects_keys_rotate": "administrator",
    "projects_keys_revoke": "administrator",
    "projects_secrets_set": "developer",
    "projects_secrets_unset": "developer",
    "projects_whole_config": "read-only",
    "projects_rest_config": "read-only",
    "projects_rest_config_update": "developer",
    "projects_auth_config": "read-only",
    "projects_auth_config_update": "developer",
    "projects_postgres_config": "read-only",
    "projects_postgres_config_update": "developer",
    "projects_storage_config": "read-only",
    "projects_storage_config_update": "developer",
    "projects_realtime_config": "read-only",
    "projects_realtime_config_update": "developer",
    "projects_signing_keys": "read-only",
    "projects_signing_key_legacy": "read-only",
    "projects_signing_key_legacy_create": "administrator",
    "projects_signing_key": "read-only",
    "projects_signing_keys_create": "administrator",
    "projects_signing_key_update": "administrator",
    "projects_signing_key_delete": "administrator",
    "projects_legacy_keys": "read-only",
    "projects_legacy_keys_update": "administrator",
    "projects_network_restrictions": "read-only",
    "projects_ssl_enforcement": "read-only",
    "projects_readonly": "read-only",
    "projects_custom_hostname": "read-only",
    "projects_vanity_subdomain": "read-only",
    "projects_upgrade_eligibility": "read-only",
    "projects_encryption_key": "read-only",
    "projects_encryption_key_rotate": "administrator",
    "encryption_get": "operator",
    "encryption_rotate_root": "operator",
    "encryption_rotate_platform": "operator",
    "audit_list": "anyone",  # one's own organizations', as an administrator
    "audit_export": "operator",
    "audit_verify": "operator",
}

# What is not built is no secret, and an empty list is read like any other.
NEEDED |= {
    operation.name: "read-only" if {"ref", "slug"} & set(operation.parameters) else "anyone"
    for operation in OPERATIONS
    if operation.state != "built"
}

# Their organization is not in the path: the function behind the route checks.
CHECKED_INSIDE = frozenset({"projects_create"})


def needed_for(route: str) -> Needed:
    return NEEDED.get(route, "operator")


def is_at_least(role: Role | None, needed: Role) -> bool:
    return role is not None and _RANKS[role] >= _RANKS[needed]
