"""A project's status in Supabase's words, as a pure function of what the registry knows."""

from automation.registry.projects import ProjectState
from contracts.projects import ProjectStatus

_WORDS: dict[ProjectState, ProjectStatus] = {
    "CREATING": "COMING_UP",
    "ACTIVE": "ACTIVE_HEALTHY",
    "FAILED": "INIT_FAILED",
    "UPDATING": "RESIZING",
    "PAUSING": "PAUSING",
    "PAUSED": "INACTIVE",
    "RESTORING": "RESTORING",
    "RESTARTING": "RESTARTING",
    "DELETING": "GOING_DOWN",
    # Still to be got rid of; the operation's error says that it is stuck.
    "CLEANUP_STUCK": "GOING_DOWN",
    # Gone for everybody but who restores it in time; `recoverable_until` tells the two apart.
    "DELETED": "REMOVED",
    "REMOVED": "REMOVED",
}


def project_status(state: ProjectState, *, healthy: bool | None = None) -> ProjectStatus:
    """`healthy` is the last probe's answer; None, when nobody has asked, counts as healthy."""
    if state == "ACTIVE" and healthy is False:
        return "ACTIVE_UNHEALTHY"
    return _WORDS[state]
