"""Earlier names of a resource.

Owns how aliases, given whole or in parts, become the URNs that state may know a resource by. Must
not know state, steps or the wire.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine import urns


@dataclass(frozen=True, kw_only=True)
class Alias:
    """A URN says all of it; without one, what is left empty was as it is today."""

    urn: str = ""
    name: str = ""
    type: str = ""
    parent: str = ""
    no_parent: bool = False
    project: str = ""
    stack: str = ""


@dataclass(frozen=True)
class Named:
    """A resource as its program names it today."""

    stack: str
    project: str
    parent: str
    type: str
    name: str


def alias_urns(now: Named, aliases: Sequence[Alias], known_as: Mapping[str, str]) -> list[str]:
    """Every URN to look for, the likeliest first. `known_as` has the URN in state of each resource
    that this update found under an alias."""
    own = [_urn(now, alias, known_as) for alias in aliases]
    inherited = []
    if parent_alias := known_as.get(now.parent):
        names = [(now.type, now.name), *((urns.type_of(urn), urns.name_of(urn)) for urn in own)]
        inherited = [_under(parent_alias, now, type_, name) for type_, name in names]
    return list(dict.fromkeys([*own, *inherited]))


def _urn(now: Named, alias: Alias, known_as: Mapping[str, str]) -> str:
    if alias.urn:
        return alias.urn
    parent = known_as.get(alias.parent, alias.parent) if alias.parent else now.parent
    return urns.urn(
        alias.stack or now.stack,
        alias.project or now.project,
        "" if alias.no_parent else parent,
        alias.type or now.type,
        alias.name or now.name,
    )


def _under(parent_alias: str, now: Named, type_: str, name: str) -> str:
    """What a child was called while its parent had the URN that state knows it by."""
    parent = urns.name_of(now.parent)
    # Children are named after their parent by habit: `app-database` under `app`.
    if name.startswith(parent):
        name = urns.name_of(parent_alias) + name.removeprefix(parent)
    return urns.urn(now.stack, now.project, parent_alias, type_, name)
