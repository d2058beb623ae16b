"""Rows of `project_usage`, what projects use by month, and of `project_requests`, lately.

Must not know limits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
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


def by_project(conn: Connection[Any], metric: str, month: date) -> dict[str, int]:
    return dict(
        conn.execute(
            "SELECT project_ref, value FROM project_usage WHERE metric = %s AND month = %s",
            [metric, month],
        ).fetchall()
    )


def totals(conn: Connection[Any], organization_id: UUID, month: date) -> dict[str, int]:
    """By metric, over the organization's projects that are not removed."""
    rows = conn.execute(
        "SELECT u.metric, sum(u.value)"
        "  FROM project_usage u JOIN projects p ON p.ref = u.project_ref"
        " WHERE p.organization_id = %s AND p.state <> 'REMOVED' AND u.month = %s GROUP BY u.metric",
        [organization_id, month],
    )
    return {metric: int(value) for metric, value in rows}


def put(conn: Connection[Any], metric: str, month: date, values: Mapping[str, int]) -> None:
    """By ref, what was measured last in the month."""
    conn.cursor().executemany(
        "INSERT INTO project_usage (project_ref, metric, month, value) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (project_ref, metric, month)"
        " DO UPDATE SET value = excluded.value, measured_at = now()",
        [(ref, metric, month, value) for ref, value in values.items()],
    )


def count(conn: Connection[Any], metric: str, month: date, counters: Mapping[str, int]) -> None:
    """By ref, add what a counter of requests grew by since it was last read, in this month or
    before: to the month, and to these five minutes. One that stands lower than then has begun
    anew."""
    conn.cursor().executemany(
        "WITH grown AS ("
        "   SELECT %(counter)s - CASE WHEN last <= %(counter)s THEN last ELSE 0 END AS value"
        "     FROM (SELECT coalesce((SELECT counter FROM project_usage WHERE project_ref = %(ref)s"
        "       AND metric = %(metric)s ORDER BY month DESC LIMIT 1), 0) AS last) before"
        " ), monthly AS ("
        "   INSERT INTO project_usage AS u (project_ref, metric, month, value, counter)"
        "   SELECT %(ref)s, %(metric)s, %(month)s, value, %(counter)s FROM grown"
        "   ON CONFLICT (project_ref, metric, month) DO UPDATE SET"
        "     value = u.value + excluded.value, counter = excluded.counter, measured_at = now()"
        " ) INSERT INTO project_requests AS r (project_ref, at, requests)"
        "   SELECT %(ref)s, date_bin('5 minutes', now(), timestamptz '2000-01-01 UTC'), value"
        "     FROM grown WHERE value > 0"
        "   ON CONFLICT (project_ref, at) DO UPDATE SET requests = r.requests + excluded.requests",
        [
            {"ref": ref, "metric": metric, "month": month, "counter": counter}
            for ref, counter in counters.items()
        ],
    )


def requests_in(
    conn: Connection[Any], project_ref: str, window: timedelta, step: timedelta
) -> list[tuple[datetime, int]]:
    """The requests of each `step` of the `window` that ends now, the oldest first."""
    return list(
        conn.execute(
            "SELECT s.at, coalesce(sum(r.requests), 0)::bigint"
            "  FROM generate_series("
            "    date_bin(%(step)s, now() - %(window)s, timestamptz '2000-01-01 UTC') + %(step)s,"
            "    now(), %(step)s) s (at)"
            "  LEFT JOIN project_requests r ON r.project_ref = %(ref)s"
            "    AND r.at >= s.at AND r.at < s.at + %(step)s"
            " GROUP BY s.at ORDER BY s.at",
            {"ref": project_ref, "window": window, "step": step},
        )
    )


def requests_ever(conn: Connection[Any], project_ref: str) -> int:
    row = conn.execute(
        "SELECT coalesce(sum(value), 0)::bigint FROM project_usage"
        " WHERE project_ref = %s AND metric = 'api_requests'",
        [project_ref],
    ).fetchone()
    assert row is not None
    return int(row[0])


def forget_requests(conn: Connection[Any], kept: timedelta) -> None:
    conn.execute("DELETE FROM project_requests WHERE at < now() - %s", [kept])
