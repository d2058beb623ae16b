"""A project's status in Supabase's words: one pure function of what the registry knows.

Owns the words. `conditions` tell what the state does not: an update that failed and could not be
undone, a probe that got no answer.
"""

from collections.abc import Mapping

from automation.registry.projects import ProjectState
from contracts.projects import OperationKind, ProjectStatus

# The condition of a project that is neither what was asked for nor what it had been.
ROLLBACK_FAILED = "RollbackFailed"
# Of one whose database is over its limit, and can only be read.
DATABASE_FULL = "DatabaseFull"
# Of one that had more requests this month than its organization may have; its REST API answers 402.
REQUESTS_OVER = "RequestsOverLimit"

_WORDS: Mapping[ProjectState, ProjectStatus] = {
    "CREATING": "COMING_UP",
    "ACTIVE": "ACTIVE_HEALTHY",
    "FAILED": "INIT_FAILED",
    "UPDATING": "RESIZING",
    "PAUSING": "PAUSING",
    "PAUSED": "INACTIVE",
    "RESTORING": "RESTORING",
    "RESTARTING": "RESTARTING",
    "DELETING": "GOING_DOWN",
    # Still to be removed; the operation's error says that it is stuck.
    "CLEANUP_STUCK": "GOING_DOWN",
    # Gone, unless somebody restores it in time; `recoverable_until` tells the two apart.
    "DELETED": "REMOVED",
    "REMOVED": "REMOVED",
}
# Where an operation that could not be undone left it, by the state that it was in before.
_HALF_DONE: Mapping[tuple[ProjectState, OperationKind], ProjectStatus] = {
    ("ACTIVE", "pause"): "PAUSE_FAILED",
    ("PAUSED", "restore"): "RESTORE_FAILED",
    ("DELETED", "restore"): "RESTORE_FAILED",
}


def project_status(
    state: ProjectState,
    conditions: Mapping[str, Mapping[str, str]] = {},
    *,
    healthy: bool | None = None,
) -> ProjectStatus:
    """`healthy` is the last probe's answer; None, when nobody has asked, counts as healthy."""
    if (half_done := conditions.get(ROLLBACK_FAILED)) is not None:
        for (before, kind), word in _HALF_DONE.items():
            if (state, half_done.get("operation")) == (before, kind):
                return word
        healthy = False
    return "ACTIVE_UNHEALTHY" if state == "ACTIVE" and healthy is False else _WORDS[state]
