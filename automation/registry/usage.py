"""Rows of `project_usage`: what projects use, by month. Must not know limits."""

from datetime import date
from typing import Any
from uuid import UUID

from psycopg import Connection


def totals(conn: Connection[Any], organization_id: UUID, month: date) -> dict[str, int]:
    """By metric, over the organization's projects that are not removed."""
    rows = conn.execute(
        "SELECT u.metric, sum(u.value)"
        "  FROM project_usage u JOIN projects p ON p.ref = u.project_ref"
        " WHERE p.organization_id = %s AND p.state <> 'REMOVED' AND u.month = %s GROUP BY u.metric",
        [organization_id, month],
    )
    return {metric: int(value) for metric, value in rows}


def put(conn: Connection[Any], project_ref: str, metric: str, month: date, value: int) -> None:
    """What was measured last in the month."""
    conn.execute(
        "INSERT INTO project_usage (project_ref, metric, month, value) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (project_ref, metric, month)"
        " DO UPDATE SET value = excluded.value, measured_at = now()",
        [project_ref, metric, month, value],
    )
