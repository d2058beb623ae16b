"""Which operation may be asked for in which state of a project, and the states it leads through.

Owns the one table of it; pure. Must not know who asks, or how an operation does its work.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from automation.registry.projects import ProjectState
from contracts.projects import OperationKind


@dataclass(frozen=True)
class Passage:
    """`through` is the state while the operation runs, `to` the one after its success. None means
    the state that the project was in before, to which a failed operation returns it as well."""

    start: frozenset[ProjectState]
    through: ProjectState | None = None
    to: ProjectState | None = None


# What stands and is known to be whole, running or not.
SETTLED: frozenset[ProjectState] = frozenset({"ACTIVE", "PAUSED"})
RUNNING: frozenset[ProjectState] = frozenset({"ACTIVE"})

PASSAGES: dict[OperationKind, Passage] = {
    "create": Passage(frozenset({"FAILED"}), through="CREATING", to="ACTIVE"),
    "update": Passage(SETTLED, through="UPDATING"),
    "pause": Passage(RUNNING, through="PAUSING", to="PAUSED"),
    "restore": Passage(frozenset({"PAUSED", "DELETED"}), through="RESTORING", to="ACTIVE"),
    "restart": Passage(RUNNING, through="RESTARTING"),
    "rename": Passage(SETTLED | {"DELETED"}),
    "transfer": Passage(SETTLED),
    "refresh": Passage(SETTLED),
    "preview": Passage(SETTLED),
    "rotate": Passage(SETTLED, through="UPDATING"),
    "revoke": Passage(SETTLED, through="UPDATING"),
    # `to` is where it stays while it can be restored; a purge leads to REMOVED.
    "destroy": Passage(SETTLED | {"DELETED", "CLEANUP_STUCK"}, through="DELETING", to="DELETED"),
}

# The workflows of these leave another spec behind; the others have none in their input.
_PAUSED_AFTER: dict[OperationKind, bool] = {"pause": True, "restore": False, "destroy": True}


def input_of(
    kind: OperationKind, spec: Mapping[str, Any], asked: Mapping[str, Any]
) -> dict[str, Any]:
    """The input of an operation: what was asked for, and the settings that it is to bring about,
    given the current ones. Whether a project is paused is up to pause and restore alone; a preview
    changes nothing, and looks at whatever it is asked to."""
    if kind == "preview" or (kind not in _PAUSED_AFTER and "spec" not in asked):
        return dict(asked)
    settings = dict(asked.get("spec", spec))
    paused = _PAUSED_AFTER.get(kind, bool(spec.get("paused")))
    settings.pop("paused", None)
    return {**asked, "spec": settings | ({"paused": True} if paused else {})}


def after_loss(
    kind: OperationKind, input: Mapping[str, Any], prior: ProjectState | None
) -> tuple[ProjectState | None, bool]:
    """The state of a project whose operation ended midway and can tell nothing, None to keep the
    one it has; and whether the project is as whole as before."""
    if PASSAGES[kind].through is None:
        return None, True
    if kind == "create" or (kind == "destroy" and input.get("now")) or prior is None:
        return "CLEANUP_STUCK", True
    return prior, kind == "restart"
