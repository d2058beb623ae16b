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
    """For every complete project: ref, its organization's plan and own limits."""
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


def count_requests(
    conn: Connection[Any],
    month: date,
    counters: Mapping[tuple[str, str], int],
    *,
    gateway_run: str,
) -> set[tuple[str, str]]:
    """By ref and key, add what a counter grew by since it was last read to the month's requests,
    and to those of these five minutes. One that is lower than it was has started over, as all do
    with the gateway. Returns those that grew."""
    conn.execute("DELETE FROM request_counters WHERE gateway_run <> %(run)s", {"run": gateway_run})
    names = sorted(counters)
    rows = conn.execute(
        "WITH grown AS ("
        "   SELECT ref, key, s.counter,"
        "     s.counter - CASE WHEN c.counter <= s.counter THEN c.counter ELSE 0 END AS value"
        "     FROM unnest(%(refs)s::text[], %(keys)s::text[], %(counters)s::bigint[])"
        "       AS s (ref, key, counter)"
        "     LEFT JOIN request_counters c ON c.project_ref = ref AND c.counted_as = key"
        " ), kept AS ("
        "   INSERT INTO request_counters (project_ref, counted_as, counter, gateway_run)"
        "   SELECT ref, key, counter, %(run)s FROM grown"
        "   ON CONFLICT (project_ref, counted_as) DO UPDATE SET"
        "     counter = excluded.counter, gateway_run = excluded.gateway_run"
        " ), summed AS ("
        "   SELECT ref, sum(value)::bigint AS value FROM grown GROUP BY ref ORDER BY ref"
        " ), monthly AS ("
        "   INSERT INTO project_usage AS u (project_ref, metric, month, value)"
        "   SELECT ref, 'api_requests', %(month)s, value FROM summed"
        "   ON CONFLICT (project_ref, metric, month) DO UPDATE SET"
        "     value = u.value + excluded.value, measured_at = now()"
        " ), lately AS ("
        "   INSERT INTO project_requests AS r (project_ref, at, requests)"
        "   SELECT ref, date_bin('5 minutes', now(), timestamptz '2000-01-01 UTC'), value"
        "     FROM summed WHERE value > 0"
        "   ON CONFLICT (project_ref, at) DO UPDATE SET requests = r.requests + excluded.requests"
        " ) SELECT ref, key FROM grown WHERE value > 0",
        {
            "refs": [ref for ref, _ in names],
            "keys": [key for _, key in names],
            "counters": [counters[name] for name in names],
            "run": gateway_run,
            "month": month,
        },
    )
    return set(rows.fetchall())


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
