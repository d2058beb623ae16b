"""Which operation may be asked for in which state of a project, and the states it leads through.

Owns the one table of it; pure. Must not know who asks, or how an operation does its work.
"""

from dataclasses import dataclass

from automation.registry.projects import ProjectState
from contracts.projects import OperationKind


@dataclass(frozen=True)
class Passage:
    """`through` is the state while the operation runs, `to` the one after its success. None is the
    state that the project was in before, where a failed operation takes it back to as well."""

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
    "destroy": Passage(SETTLED | {"DELETED", "CLEANUP_STUCK"}, through="DELETING"),
}
