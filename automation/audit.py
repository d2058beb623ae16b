"""The audit log: one entry per change, written in the change's own transaction.

Owns what an entry holds. Must not know HTTP, who reads it (automation/audit_log.py), nor how rows
are linked: PostgreSQL does that at commit.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from automation.actors import Actor
from automation.redaction import redacted
from automation.registry import audit as rows
from automation.registry.organizations import Organization
from automation.registry.projects import ProjectRow
from contracts.audit import canonical


def record(
    conn: Connection[Any],
    actor: Actor,
    *,
    action: str,
    target: str,
    organization_id: UUID | None,
    before: Any = None,
    after: Any = None,
    operation_id: UUID | str | None = None,
    pulumi_update: Mapping[str, Any] | None = None,
) -> None:
    """Write down a change in the transaction that makes it: both are there, or neither.

    `action` is noun.verb as in the API's operation ids ("projects.create"), `target` the path of
    what is changed ("projects/<ref>"). `before` and `after` are what differs, or a view; secrets in
    them are removed by name. `operation_id` is the operation that continues the change; its
    workflow's entries name the same one.
    """
    entry = {
        "at": datetime.now(UTC).isoformat(),
        "actor": actor.name,
        "action": action,
        "target": target,
        "organization_id": None if organization_id is None else str(organization_id),
        "address": actor.address,
        "request_id": actor.request_id,
        "operation_id": None if operation_id is None else str(operation_id),
        "before": redacted(before),
        "after": redacted(after),
        "pulumi_update": redacted(pulumi_update),
    }
    rows.append(conn, canonical(entry))


def record_project(
    conn: Connection[Any],
    actor: Actor,
    project: ProjectRow,
    action: str,
    *,
    before: Any = None,
    after: Any = None,
    operation_id: UUID | str | None = None,
    pulumi_update: Mapping[str, Any] | None = None,
) -> None:
    """Write down a change of a project, where its organization's members find it."""
    record(
        conn,
        actor,
        action=action,
        target=f"projects/{project.ref}",
        organization_id=project.organization_id,
        before=before,
        after=after,
        operation_id=operation_id,
        pulumi_update=pulumi_update,
    )


def record_organization(
    conn: Connection[Any],
    actor: Actor,
    organization: Organization,
    action: str,
    *,
    part: str = "",
    before: Any = None,
    after: Any = None,
) -> None:
    """Write down a change of an organization, or of something below it: `part` is the path of that
    ("members/ada")."""
    record(
        conn,
        actor,
        action=action,
        target=f"organizations/{organization.slug}" + (part and f"/{part}"),
        organization_id=organization.id,
        before=before,
        after=after,
    )
