"""What is left of projects that are gone: found by name on every backend, and swept.

Owns that only what has a tombstone is ours to sweep: another name of 20 letters may be somebody's.
"""

from automation.reconcilers.orphans import sweep
from automation.registry import cluster, tenant_objects
from automation.registry import projects as rows
from automation.workflows.runtime import Runtime
from contracts.refs import is_ref


def reconcile_leftovers(runtime: Runtime) -> list[str]:
    """Kind and name of what was swept. A tombstone is looked up on every backend when anything at
    all of it is found where looking at everything costs one question."""
    home = runtime.context.settings.home
    with cluster.admin_connection(home) as admin:
        found = set(tenant_objects.refs(admin))
    for folder in (home.routes, home.work):
        found |= {name for path in folder.glob("*") if is_ref(name := path.name.split(".")[0])}
    with runtime.context.transaction() as conn:
        tombstones = {
            ref for state in ("FAILED", "REMOVED") for ref in rows.list_in_state(conn, state)
        }
        tombstones = found & tombstones | set(rows.list_removed_lately(conn))
    swept: list[str] = []
    for ref in sorted(tombstones):
        with runtime.held_if_idle(ref) as is_idle:
            if is_idle and _is_gone(runtime, ref):
                swept += [f"{each.kind} {each.name}" for each in sweep(runtime.backends, ref)]
    return swept


def _is_gone(runtime: Runtime, ref: str) -> bool:
    """Asked with the project held: a failed create may have been retried meanwhile."""
    return runtime.project(ref).state in ("FAILED", "REMOVED")
