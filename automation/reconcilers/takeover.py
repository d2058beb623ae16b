"""What dead workers left unfinished goes on in a living one.

Owns who counts as dead: a worker whose slot is free, since PostgreSQL releases it with the process.
While the slot is held here, nobody starts in it. Must not know what the workflows do.
"""

import psycopg
from dbos import DBOS

from automation.context import Context
from automation.registry import holds
from automation.workflows.names import executor_id, slot_of


def take_over(ctx: Context) -> list[str]:
    """The workflows that were taken over; any worker may run them now, each once."""
    pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
    slots = {slot for each in pending if (slot := slot_of(each.executor_id or "")) is not None}
    with psycopg.connect(ctx.settings.control_dsn, autocommit=True) as conn:
        # Not public, but the version is pinned: recovery at launch covers a worker's own slot only.
        return [
            handle.workflow_id
            for slot in sorted(slots)
            if holds.try_slot(conn, slot)
            for handle in DBOS._recover_pending_workflows([executor_id(slot)])
        ]
