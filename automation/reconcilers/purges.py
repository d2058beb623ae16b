"""Purges deleted projects whose days are over.

Must not know how; a purge that fails is for stuck.py.
"""

import logging

from automation.actors import RECONCILER
from automation.context import Context
from automation.operations import promise, require_free, require_project
from automation.registry import projects as rows
from automation.workflows.runtime import Runtime
from contracts.errors import PlatformError

log = logging.getLogger(__name__)


def reconcile_purges(runtime: Runtime) -> list[str]:
    """The refs of those whose purge was asked for."""
    with runtime.context.transaction() as conn:
        due = rows.list_due_purges(conn)
    return [ref for ref in due if purge_if_due(runtime.context, ref)]


def purge_if_due(ctx: Context, ref: str) -> bool:
    """Checked once more with the project held: it may have been restored since it was listed."""
    try:
        with ctx.transaction() as conn:
            row = require_project(conn, ref, lock=True)
            require_free(conn, row)
            is_due = ref in rows.list_due_purges(conn)
            if is_due:
                before = {"name": row.name}
                promise(conn, RECONCILER, row, "destroy", input={"now": True}, before=before)
    except PlatformError as error:  # somebody was faster: look again next time
        log.info("project %s stays as it is: %s", ref, error)
        return False
    return is_due
