"""What the Management API says of what a project uses.

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
