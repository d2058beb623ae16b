"""Deleted projects whose days are over: they are purged.

Must not know how; a purge that fails is for stuck.py.
"""

from automation import changes
from automation.actors import platform
from automation.registry import projects as rows
from automation.workflows.runtime import Runtime

RECONCILER = platform("reconciler")


def reconcile_purges(runtime: Runtime) -> list[str]:
    """The refs of those whose purge was asked for."""
    with runtime.context.transaction() as conn:
        due = rows.list_due_purges(conn)
    for ref in due:
        changes.destroy(runtime.context, RECONCILER, ref, now=True)
    return due
