"""What each plan allows an organization. Pure data; an organization's own limits override it.

Owns the names of limits and their defaults. Must not know who enforces one.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from contracts.organizations import PlanName

MB, GB = 1_000_000, 1_000_000_000


@dataclass(frozen=True)
class Limits:
    """None is unlimited."""

    projects_max: int | None
    database_bytes_max: int | None
    """Per project, like the next three."""
    storage_bytes_max: int | None
    api_requests_month_max: int | None
    realtime_connections_max: int | None


DEFAULT_PLAN: PlanName = "free"
PLANS: Mapping[PlanName, Limits] = {
    # Requests are unlimited in Supabase's plans too: whoever sells them by number sets one.
    "free": Limits(2, 500 * MB, 1 * GB, None, 200),
    "pro": Limits(20, 8 * GB, 100 * GB, None, 500),
    "team": Limits(100, 50 * GB, 500 * GB, None, 5_000),
    "enterprise": Limits(None, None, None, None, None),
}


def effective_limits(plan: str, own: Mapping[str, int]) -> Limits:
    """The plan's limits, overridden by the organization's own. A plan that is no longer sold counts
    as the smallest."""
    by_name: Mapping[str, Limits] = dict(PLANS.items())
    limits = by_name.get(plan, PLANS[DEFAULT_PLAN])
    return replace(limits, **{name: own[name] for name in asdict(limits) if name in own})
