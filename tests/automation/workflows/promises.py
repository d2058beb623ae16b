"""What the API promises of a project, as plain data: which answers are right, and where they lead.

Written from what users are told (docs/cli.md, the states in automation/registry/projects.py), not
from automation/lifecycle.py, of which it is the check. Pure; must not know HTTP or workers.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

# What nobody changes; besides them a project is busy, or a destroy or a purge of it runs.
Settled = str
BUSY, DESTROYING, PURGING = "busy", "destroying", "purging"

# What may be asked for in which state, and where it leads.
GRANTED: dict[str, dict[Settled, Settled]] = {
    "create": {"FAILED": "ACTIVE"},
    "update": {"ACTIVE": "ACTIVE", "PAUSED": "PAUSED"},
    "refresh": {"ACTIVE": "ACTIVE", "PAUSED": "PAUSED"},
    "preview": {"ACTIVE": "ACTIVE", "PAUSED": "PAUSED"},
    "restart": {"ACTIVE": "ACTIVE"},
    "pause": {"ACTIVE": "PAUSED"},
    "restore": {"PAUSED": "ACTIVE", "DELETED": "ACTIVE"},
    "rename": {"ACTIVE": "ACTIVE", "PAUSED": "PAUSED", "DELETED": "DELETED"},
    "transfer": {"ACTIVE": "ACTIVE", "PAUSED": "PAUSED"},
    "destroy": {
        **{"ACTIVE": "DELETED", "PAUSED": "DELETED"},
        **{"FAILED": "REMOVED", "CLEANUP_STUCK": "REMOVED"},
    },
    "purge": dict.fromkeys(("ACTIVE", "PAUSED", "DELETED", "FAILED", "CLEANUP_STUCK"), "REMOVED"),
}
JOINS = {(DESTROYING, "destroy"), (PURGING, "destroy"), (PURGING, "purge")}
# What a project's objects are, by kind, in each state that has any.
_SHUT = frozenset({"database", "role", "state", "folder"})
STANDS = {"ACTIVE": _SHUT | {"route"}, "PAUSED": _SHUT, "DELETED": _SHUT}

LOCKED, GONE = "project_locked", "project_not_found"
TAKEN, FULL = "project_name_taken", "limit_reached"


@dataclass(frozen=True)
class Running:
    """An operation that nobody has seen the end of."""

    id: str
    verb: str
    prior: Settled
    cancelled: bool = False

    @property
    def passage(self) -> str:
        return {"destroy": DESTROYING, "purge": PURGING}.get(self.verb, BUSY)

    @property
    def done(self) -> Settled:
        return GRANTED[self.verb][self.prior]

    @property
    def undone(self) -> Settled:
        return {"create": "FAILED", "purge": "CLEANUP_STUCK"}.get(self.verb, self.prior)


@dataclass(frozen=True)
class Life:
    """A project as its user knows it. `state` is the last one that was seen to be settled."""

    ref: str
    name: str
    organization: str
    state: Settled
    running: Running | None = None
    last: tuple[str, str, str] | None = None
    """The newest operation that is over, unless it was a rename: id, verb, status."""

    @property
    def may_be(self) -> frozenset[str]:
        if self.running is None:
            return frozenset({self.state})
        return frozenset({self.running.passage, self.running.done, self.running.undone})

    def ended(self, status: str) -> "Life":
        assert self.running is not None
        state = self.running.done if status == "finished" else self.running.undone
        last = (self.running.id, self.running.verb, status)
        return replace(self, state=state, running=None, last=last)

    def holds(self) -> frozenset[bool]:
        """Whether it has its name and counts, as far as is known."""
        return frozenset(self._holds_in(state) for state in self.may_be)

    def _holds_in(self, state: str) -> bool:
        if state == PURGING or state == "CLEANUP_STUCK":
            return self.running is None or self.running.prior != "DELETED"
        return state not in ("FAILED", "DELETED", "REMOVED")


def answer(verb: str, state: str) -> str:
    """The code of the refusal, "" where it is granted; names and limits aside."""
    if state == "REMOVED":
        return GONE
    if state in GRANTED[verb] or (state, verb) in JOINS:
        return ""
    if state in (BUSY, DESTROYING, PURGING):
        return LOCKED
    return "project_deleted" if (verb, state) == ("destroy", "DELETED") else "project_state"


@dataclass(frozen=True)
class Claim:
    """A place and a name that a request would take."""

    organization: str
    name: str | None
    counts: bool

    def refusals(self, others: Iterable[Life], limit: int) -> tuple[frozenset[str], bool]:
        """What may be said against it, and whether something must be."""
        there = [each for each in others if each.organization == self.organization]
        may, must = set(), False
        if self.counts:
            sure = sum(each.holds() == {True} for each in there)
            at_most = sum(True in each.holds() for each in there)
            may |= {FULL} if at_most >= limit else set()
            must |= sure >= limit
        if self.name is not None:
            same = [each for each in there if each.name.lower() == self.name.lower()]
            may |= {TAKEN} if any(True in each.holds() for each in same) else set()
            must |= any(each.holds() == {True} for each in same)
        return frozenset(may), must


def claim(verb: str, state: str, life: Life, name: str, organization: str) -> Claim | None:
    """What the verb would take in that state; `name` and `organization` are what is asked for."""
    if verb == "create" or (verb, state) == ("restore", "DELETED"):
        return Claim(life.organization, life.name, counts=True)
    if verb == "rename" and name != life.name and state != "DELETED":
        return Claim(life.organization, name, counts=False)
    if verb == "transfer" and organization != life.organization:
        return Claim(organization, life.name, counts=True)
    return None


def answers(
    verb: str,
    state: str,
    life: Life,
    others: Iterable[Life],
    *,
    name: str,
    organization: str,
    limit: int,
) -> frozenset[str]:
    """Every right answer to the verb in a state that the project may be in."""
    plain = answer(verb, state)
    wanted = claim(verb, state, life, name, organization)
    if plain != "" or wanted is None:
        return frozenset({plain})
    may, must = wanted.refusals(others, limit)
    return may if must else may | {""}
