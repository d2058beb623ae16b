"""Rows of `project_usage`: what projects use, by month. Must not know limits."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True)
class Measured:
    metric: str
    value: int
    measured_at: datetime


def list_plans(conn: Connection[Any]) -> list[tuple[str, str, dict[str, int]]]:
    """Of every project that stands: ref, its organization's plan and its limits of its own."""
    return list(
        conn.execute(
            "SELECT p.ref, o.plan, o.limits FROM projects p"
            " JOIN organizations o ON o.id = p.organization_id"
            " WHERE p.state NOT IN ('CREATING', 'FAILED', 'DELETING', 'CLEANUP_STUCK', 'REMOVED')"
        )
    )


def of_project(conn: Connection[Any], project_ref: str, month: date) -> list[Measured]:
    with conn.cursor(row_factory=class_row(Measured)) as cursor:
        return cursor.execute(
            "SELECT metric, value, measured_at FROM project_usage"
            " WHERE project_ref = %s AND month = %s ORDER BY metric",
            [project_ref, month],
        ).fetchall()


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


def count(conn: Connection[Any], project_ref: str, metric: str, month: date, counter: int) -> None:
    """Add what a counter grew by since it was last read, in this month or before. One that stands
    lower than then has begun anew."""
    conn.execute(
        "INSERT INTO project_usage AS u (project_ref, metric, month, value, counter)"
        " SELECT %(ref)s, %(metric)s, %(month)s,"
        "   %(counter)s - CASE WHEN last <= %(counter)s THEN last ELSE 0 END, %(counter)s"
        "  FROM (SELECT coalesce((SELECT counter FROM project_usage WHERE project_ref = %(ref)s"
        "    AND metric = %(metric)s ORDER BY month DESC LIMIT 1), 0) AS last) before"
        " ON CONFLICT (project_ref, metric, month) DO UPDATE SET"
        "   value = u.value + excluded.value, counter = excluded.counter, measured_at = now()",
        {"ref": project_ref, "metric": metric, "month": month, "counter": counter},
    )
