"""Whoever may no longer log in is shut out of their access tokens too, until they may again.

Owns that rule: it is for a person who was disabled in the realm `croft` or deleted from it. Only a
realm that says so takes anything away: no answer, or a realm without users, changes nothing. Must
not know tokens. Service accounts never log in, and are not users of the realm.
"""

from collections.abc import Sequence, Set
from uuid import UUID

from automation import audit
from automation.actors import RECONCILER
from automation.registry import cluster, members, tenant_objects
from automation.registry.members import LoggedIn
from automation.workflows.runtime import Runtime
from contracts.logins import REALM


def reconcile_shut_out(runtime: Runtime) -> list[str]:
    """The names of those who were shut out or let in again. Raises BackendDown."""
    with runtime.context.transaction() as conn:
        people = members.list_people_who_logged_in(conn)
    if not people:
        return []
    # From Keycloak's own table: one query for all, which needs nothing but PostgreSQL.
    with cluster.admin_connection(runtime.context.settings.home, "keycloak") as conn:
        enabled = tenant_objects.enabled_users(conn, REALM)
    changed = to_change(people, enabled)
    with runtime.context.transaction() as conn:
        for person in changed:
            members.shut_out(conn, person.id, not person.is_shut_out)
            audit.record(
                conn,
                RECONCILER,
                action="members.let_in" if person.is_shut_out else "members.shut_out",
                target=f"members/{person.name}",
                organization_id=None,
                after={"shut_out": not person.is_shut_out},
            )
    return [person.name for person in changed]


def to_change(people: Sequence[LoggedIn], enabled: Set[UUID]) -> list[LoggedIn]:
    if not enabled:
        return []  # a realm that was lost, not one that shut everybody out
    return [person for person in people if person.is_shut_out is (person.subject in enabled)]
