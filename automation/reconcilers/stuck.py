"""Projects whose cleanup failed: ask for it again, more and more rarely, until it succeeds.

Owns the pauses. Takes no input and keeps no memory: what is due stands in the registry. Must not
know why a cleanup failed; mostly a server was away, and is back.
"""

from automation import changes
from automation.actors import platform
from automation.context import Context
from automation.registry import projects as rows

RECONCILER = platform("reconciler")
PAUSE_S = 30.0
PAUSE_DOUBLINGS_MAX = 7  # about an hour


def reconcile_stuck(ctx: Context) -> list[str]:
    """Start a destroy for each project that is due; their refs."""
    with ctx.transaction() as conn:
        due = rows.list_stuck(conn, pause_s=PAUSE_S, pause_doublings_max=PAUSE_DOUBLINGS_MAX)
    for ref in due:
        changes.destroy(ctx, RECONCILER, ref, now=True)
    return due
