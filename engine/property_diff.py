"""What changes inside a property, path by path.

Owns walking two values side by side. Must not know how a change is shown, nor what a secret holds:
values come as events carry them, and whatever is signed (a secret, an asset) is one value.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.values import SIGNATURE_KEY


class _Absent:
    """A place where one side has nothing."""


ABSENT = _Absent()


@dataclass(frozen=True)
class Change:
    """`before` or `after` is ABSENT for what is added or removed."""

    path: str
    before: Any
    after: Any

    @property
    def sign(self) -> str:
        return "+" if self.before is ABSENT else "-" if self.after is ABSENT else "~"


def changes(path: str, before: Any, after: Any) -> Iterator[Change]:
    """The smallest changes that lead from one value to the other."""
    if _is_object(before) and _is_object(after):
        for key in [*before, *(key for key in after if key not in before)]:
            yield from changes(_member(path, key), before.get(key, ABSENT), after.get(key, ABSENT))
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            yield from changes(f"{path}[{index}]", _item(before, index), _item(after, index))
    elif before is not after and before != after:
        yield Change(path, before, after)


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping) and SIGNATURE_KEY not in value


def _item(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else ABSENT


def _member(path: str, key: str) -> str:
    plain = key.replace("_", "a").replace("-", "a").isalnum()
    return f"{path}.{key}" if plain else f'{path}["{key}"]'
