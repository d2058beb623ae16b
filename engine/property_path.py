"""Property paths, as in `ignore_changes` and `replace_on_changes`: `a.b[0]["c.d"].*`.

Owns parsing them, reading a value at one and putting an old value back at one. Must not know
resources or steps.
"""

import re
from collections.abc import Mapping
from typing import Any

from engine.errors import UsageError
from engine.values import Secret, secret

Path = tuple[str | int, ...]

WILDCARD = "*"

_ELEMENT = re.compile(
    r"""\.?(?: \[(?P<index>\d+)\] | \["(?P<quoted>(?:[^"\\]|\\.)*)"\] | \[(?P<all>\*)\]
        | (?P<name>[^.\[\]]+) )""",
    re.VERBOSE,
)


class _Missing:
    """A place where a value has nothing."""


MISSING = _Missing()


def parse_path(text: str) -> Path:
    path: list[str | int] = []
    position = 0
    while position < len(text):
        match = _ELEMENT.match(text, position)
        if match is None:
            raise UsageError(f"'{text}' is not a property path")
        if match["index"] is not None:
            path.append(int(match["index"]))
        elif match["quoted"] is not None:
            path.append(re.sub(r"\\(.)", r"\1", match["quoted"]))
        else:
            path.append(match["name"] or WILDCARD)
        position = match.end()
    if not path:
        raise UsageError("a property path cannot be empty")
    return tuple(path)


def _opened(value: Any) -> Any:
    return _opened(value.value) if isinstance(value, Secret) else value


def _keys(value: Any) -> list[str | int]:
    value = _opened(value)
    if isinstance(value, Mapping):
        return list(value)
    return list(range(len(value))) if isinstance(value, list) else []


def _item(value: Any, key: str | int) -> Any:
    value = _opened(value)
    if isinstance(value, Mapping):
        return value.get(str(key), MISSING)
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return value[key]
    return MISSING


def reset(path: Path, old: Any, new: Any) -> Any:
    """`new` with whatever stands at `path` put back to what `old` has there, absence included."""
    if not path:
        return old
    head, rest = path[0], path[1:]
    if head == WILDCARD:
        for key in [*_keys(new), *(key for key in _keys(old) if key not in _keys(new))]:
            new = reset((key, *rest), old, new)
        return new
    value = reset(rest, _item(old, head), _item(new, head))
    return _with_item(new, head, value)


def _with_item(container: Any, key: str | int, value: Any) -> Any:
    if isinstance(container, Secret):
        return secret(_with_item(container.value, key, value))
    if isinstance(container, Mapping):
        kept = {name: item for name, item in container.items() if name != str(key)}
        return kept if value is MISSING else {**kept, str(key): value}
    if isinstance(container, list) and isinstance(key, int) and value is not MISSING:
        if key < len(container):
            return [*container[:key], value, *container[key + 1 :]]
        return [*container, value] if key == len(container) else container
    return container


def differs(path: Path, old: Any, new: Any) -> bool:
    """Whether the values at `path` differ; a wildcard asks about every item."""
    if not path:
        return bool(_plain(old) != _plain(new))
    head, rest = path[0], path[1:]
    if head == WILDCARD:
        keys = {*_keys(old), *_keys(new)}
        return any(differs(rest, _item(old, key), _item(new, key)) for key in keys)
    return differs(rest, _item(old, head), _item(new, head))


def _plain(value: Any) -> Any:
    value = _opened(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
