"""The vocabulary of a deployment: operations and steps.

Owns what a step is and how it is counted. Must not know how steps are decided or carried out.
"""

from dataclasses import dataclass
from enum import StrEnum

from engine.resource_state import ResourceState


class Op(StrEnum):
    SAME = "same"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    REPLACE = "replace"
    CREATE_REPLACEMENT = "create-replacement"
    DELETE_REPLACED = "delete-replaced"
    READ = "read"
    READ_REPLACEMENT = "read-replacement"
    REFRESH = "refresh"
    DISCARD = "discard"
    DISCARD_REPLACED = "discard-replaced"
    REMOVE_PENDING_REPLACE = "remove-pending-replace"
    IMPORT = "import"


# Halves of a replacement, which a summary counts once, by its REPLACE step.
_PARTIAL = frozenset(
    {Op.CREATE_REPLACEMENT, Op.DELETE_REPLACED, Op.READ_REPLACEMENT, Op.DISCARD_REPLACED}
)


@dataclass(frozen=True, eq=False, kw_only=True)
class Step:
    """One change of state. `old` and `new` are states before and after; `keys` made it a
    replacement, `diffs` differ."""

    op: Op
    old: ResourceState | None = None
    new: ResourceState | None = None
    keys: tuple[str, ...] = ()
    diffs: tuple[str, ...] = ()
    # A delete ahead of its replacement: the old state stays, marked as pending replacement.
    pending_replacement: bool = False

    @property
    def state(self) -> ResourceState:
        state = self.new or self.old
        assert state is not None, "a step has an old or a new state"
        return state

    @property
    def urn(self) -> str:
        return self.state.urn

    @property
    def logical(self) -> bool:
        return self.op not in _PARTIAL
