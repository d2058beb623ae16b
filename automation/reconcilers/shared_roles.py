"""Removes settings on the roles that all projects share, whoever put them there.

Owns the condition `SharedRoleSetting` of the project whose database it was for. Such a setting
would reach other tenants' sessions, or at least be read by them.
"""

from automation.registry import cluster, tenant_objects
from automation.registry import projects as rows
from automation.workflows.runtime import Runtime
from stacks.platform_stack import SHARED_ROLES

SHARED_ROLE_SETTING = "SharedRoleSetting"


def reconcile_shared_roles(runtime: Runtime) -> list[str]:
    """What was reset: `role` or `role in database`."""
    with cluster.admin_connection(runtime.context.settings.home) as admin:
        found = tenant_objects.role_settings(admin, list(SHARED_ROLES))
        for role, database, _ in found:
            tenant_objects.reset_role(admin, role, database)
    with runtime.context.transaction() as conn:
        for ref in rows.list_with_condition(conn, SHARED_ROLE_SETTING):
            rows.clear_condition(conn, ref, SHARED_ROLE_SETTING)
        for role, database, names in found:
            if database is not None:
                rows.set_condition(
                    conn,
                    database,
                    SHARED_ROLE_SETTING,
                    reason="Reset",
                    message=f"settings of role {role} were reset: {', '.join(names)}",
                )
    return [role if database is None else f"{role} in {database}" for role, database, _ in found]
