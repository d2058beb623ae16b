"""What may be chosen for the platform as a whole, by options of `croft up`.

Owns names, defaults and bounds. Must not know where they are kept.
"""

from pydantic import BaseModel, ConfigDict, Field

WORKERS_MAX = 16
DELETED_KEPT_DAYS_MAX = 3650


class PlatformSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    workers: int = Field(default=1, ge=1, le=WORKERS_MAX)
    """Processes that run operations: units worker-0, worker-1..."""
    deleted_kept_days: float = Field(default=7, ge=0, le=DELETED_KEPT_DAYS_MAX)
    """How long a deleted project can be restored."""
