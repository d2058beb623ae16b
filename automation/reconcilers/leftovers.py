"""What is left of projects that are gone: found by name on every backend, and swept.

Owns that only what has a tombstone is ours to sweep: another name of 20 letters may be somebody's.
"""

from automation.orphans import find_refs, sweep
from automation.registry import projects as rows
from automation.workflows.runtime import Runtime


def reconcile_leftovers(runtime: Runtime) -> list[str]:
    """Kind and name of what was swept. A tombstone is looked up on every backend once anything of
    it is found on one that can list everything in one query."""
    found = find_refs(runtime.backends)
    with runtime.context.transaction() as conn:
        tombstones = found & rows.list_tombstones(conn) | set(rows.list_removed_lately(conn))
    swept: list[str] = []
    for ref in sorted(tombstones):
        with runtime.held_if_idle(ref) as is_idle:
            if is_idle and _is_gone(runtime, ref):
                swept += [f"{each.kind} {each.name}" for each in sweep(runtime.backends, ref)]
    return swept


def _is_gone(runtime: Runtime, ref: str) -> bool:
    """Checked with the project held: a failed create may have been retried meanwhile."""
    return runtime.project(ref).state in ("FAILED", "REMOVED")
