"""Revokes keys whose overlap with their successors is over.

Must not know how; a revocation that fails is asked for again in the next round.
"""

import logging

from automation import project_keys
from automation.actors import RECONCILER
from automation.registry import project_keys as rows
from automation.workflows.runtime import Runtime
from contracts.errors import PlatformError

log = logging.getLogger(__name__)


def reconcile_key_overlaps(runtime: Runtime) -> list[str]:
    """The refs of those whose revocation was asked for."""
    with runtime.context.transaction() as conn:
        due = rows.list_due(conn)
    asked = []
    for ref, kinds in due.items():
        try:
            project_keys.revoke(runtime.context, RECONCILER, ref, kinds)
        except PlatformError as error:  # another operation holds it: look again next time
            log.info("older keys of project %s stay for now: %s", ref, error)
        else:
            asked.append(ref)
    return asked
