"""What could not be undone: ask for it again, less and less often, until it succeeds.

Owns the pauses. Takes no input and keeps no memory: what is due is in the registry. Must not know
why an undo failed; usually a server was away, and is back.
"""

import logging

from automation import changes
from automation.actors import RECONCILER
from automation.context import Context
from automation.operations import promise, require_free, require_project
from automation.registry import projects as rows
from automation.status import ROLLBACK_FAILED
from contracts.errors import PlatformError

PAUSE_S = 30.0
PAUSE_DOUBLINGS_MAX = 7  # about an hour

log = logging.getLogger(__name__)


def reconcile_stuck(ctx: Context) -> list[str]:
    """Ask for a purge of what is half gone, and for an update to the last good spec of what is half
    changed; returns the refs of both."""
    with ctx.transaction() as conn:
        due = rows.list_stuck(
            conn, ROLLBACK_FAILED, pause_s=PAUSE_S, pause_doublings_max=PAUSE_DOUBLINGS_MAX
        )
    return [ref for ref in due if _ask_again(ctx, ref)]


def _ask_again(ctx: Context, ref: str) -> bool:
    try:
        with ctx.transaction() as conn:
            row = require_project(conn, ref, lock=True)
            if row.state != "CLEANUP_STUCK":
                require_free(conn, row)
                promise(conn, RECONCILER, row, "update")
                return True
        changes.destroy(ctx, RECONCILER, ref, now=True)
    except PlatformError as error:  # somebody was faster, or forbade it: look again next time
        log.info("project %s stays as it is: %s", ref, error)
        return False
    return True
