"""What the Management API says of what a project uses, in our words and in Supabase's.

Owns the names of what is measured, and their view. Must not know how anything is measured.
"""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel

Metric = Literal["database_bytes", "storage_bytes", "api_requests", "realtime_connections"]


class UsageOf(BaseModel):
    metric: Metric
    used: int | None = None
    """None until it was measured; realtime connections are not yet."""
    limit: int | None = None
    """Of this project, by its organization's plan; None is unlimited."""
    enforced: bool
    """Whether the limit is held, or only shown."""
    measured_at: datetime | None = None


class ProjectUsage(BaseModel):
    """GET /v1/projects/{ref}/usage. Sizes are the last ones measured, requests the month's sum."""

    ref: str
    month: date
    usage: list[UsageOf]


Interval = Literal["15min", "30min", "1hr", "3hr", "1day", "3day", "7day"]


class ApiCount(BaseModel):
    """What was asked for in the time that begins at `timestamp`, by service."""

    timestamp: datetime
    total_auth_requests: int = 0
    total_realtime_requests: int = 0
    total_rest_requests: int = 0
    total_storage_requests: int = 0


class ApiCounts(BaseModel):
    """GET .../analytics/endpoints/usage.api-counts."""

    result: list[ApiCount]


class Count(BaseModel):
    count: int


class RequestsCount(BaseModel):
    """GET .../analytics/endpoints/usage.api-requests-count."""

    result: list[Count]
