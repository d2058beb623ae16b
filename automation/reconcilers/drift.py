"""Drift: every running project's stack compared with the servers; nothing is changed.

Owns the condition `Drifted`, which names what differs. Must not know how a refresh works.
"""

import logging
from typing import Any

from automation.registry import projects as rows
from automation.workflows.runtime import Runtime
from contracts.errors import PlatformError

DRIFTED = "Drifted"
NAMED_MAX = 10

log = logging.getLogger(__name__)


def reconcile_drift(runtime: Runtime) -> list[str]:
    """The refs of those that drifted. A project in use is skipped: its operation looks itself."""
    with runtime.context.transaction() as conn:
        refs = rows.list_in_state(conn, "ACTIVE")
    return [ref for ref in refs if _look(runtime, ref)]


def _look(runtime: Runtime, ref: str) -> bool:
    try:
        with runtime.held_if_idle(ref) as is_idle:
            if not is_idle:
                return False
            found = runtime.stacks.drift(runtime.stack(runtime.spec(ref)), lambda *event: None)
    except (PlatformError, rows.FenceLost) as error:  # one that cannot be asked is asked next time
        log.warning("drift of project %s: %s", ref, error)
        return False
    differing = [each for each in found["resources"] if each["op"] not in ("same", "refresh")]
    with runtime.context.transaction() as conn:
        if differing:
            rows.set_condition(conn, ref, DRIFTED, reason="Differs", message=describe(differing))
        else:
            rows.clear_condition(conn, ref, DRIFTED)
    return bool(differing)


def describe(differing: list[dict[str, Any]]) -> str:
    """By name only: values may be secret."""
    words = [
        " ".join([f"{each['op']} {each['name']}", *each.get("properties", [])])
        for each in differing[:NAMED_MAX]
    ]
    more = len(differing) - NAMED_MAX
    return "; ".join(words) + (f"; and {more} more" if more > 0 else "")
