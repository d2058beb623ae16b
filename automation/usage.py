"""What a project uses, next to what it may use.

Owns which limit belongs to which metric, and which limits are enforced. Must not know how a metric
is measured (reconcilers/usage.py).
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from psycopg import Connection

from automation import operations
from automation.context import Context
from automation.limits import Limits, effective_limits
from automation.organizations import month_of
from automation.registry import organizations, usage
from contracts.usage import ApiCount, Interval, Metric, ProjectUsage, UsageOf

LIMIT_OF: Mapping[Metric, str] = {
    "database_bytes": "database_bytes_max",
    "storage_bytes": "storage_bytes_max",
    "api_requests": "api_requests_month_max",
    "realtime_connections": "realtime_connections_max",
}
# The others are only shown: a bucket has its own quota, from the project's file.
ENFORCED: frozenset[Metric] = frozenset({"database_bytes", "api_requests"})
# How far back each looks, and in which steps; requests are counted by five minutes.
INTERVALS: Mapping[Interval, tuple[timedelta, timedelta]] = {
    "15min": (timedelta(minutes=15), timedelta(minutes=5)),
    "30min": (timedelta(minutes=30), timedelta(minutes=5)),
    "1hr": (timedelta(hours=1), timedelta(minutes=5)),
    "3hr": (timedelta(hours=3), timedelta(minutes=15)),
    "1day": (timedelta(days=1), timedelta(hours=1)),
    "3day": (timedelta(days=3), timedelta(hours=3)),
    "7day": (timedelta(days=7), timedelta(days=1)),
}


def limits_of_projects(conn: Connection[Any]) -> dict[str, Limits]:
    """By ref, of every complete project."""
    return {ref: effective_limits(plan, own) for ref, plan, own in usage.list_plans(conn)}


def over(limits: Mapping[str, Limits], metric: Metric, used: Mapping[str, int]) -> set[str]:
    """The refs of those that use more than they may."""
    allowed = {ref: getattr(each, LIMIT_OF[metric]) for ref, each in limits.items()}
    return {ref for ref, most in allowed.items() if most is not None and used.get(ref, 0) > most}


def project_usage(ctx: Context, ref: str) -> ProjectUsage:
    month = month_of(datetime.now(UTC))
    with ctx.transaction() as conn:
        row = operations.require_project(conn, ref)
        organization = organizations.find(conn, str(row.organization_id))
        measured = {each.metric: each for each in usage.of_project(conn, ref, month)}
    assert organization is not None, "a project's organization is there"
    limits = asdict(effective_limits(organization.plan, organization.limits))
    return ProjectUsage(
        ref=ref,
        month=month,
        usage=[
            UsageOf(
                metric=metric,
                used=measured[metric].value if metric in measured else None,
                limit=limits[LIMIT_OF[metric]],
                enforced=metric in ENFORCED,
                measured_at=measured[metric].measured_at if metric in measured else None,
            )
            for metric in get_args(Metric)
        ],
    )


def api_counts(ctx: Context, ref: str, interval: Interval) -> list[ApiCount]:
    """Every request through the gateway is a REST request: a project has no other service there."""
    with ctx.transaction() as conn:
        operations.require_project(conn, ref)
        found = usage.requests_in(conn, ref, *INTERVALS[interval])
    return [ApiCount(timestamp=at, total_rest_requests=requests) for at, requests in found]


def requests_count(ctx: Context, ref: str) -> int:
    """Since the project was made."""
    with ctx.transaction() as conn:
        operations.require_project(conn, ref)
        return usage.requests_ever(conn, ref)
