"""Property paths, as in `ignore_changes` and `replace_on_changes`: `a.b[0]["c.d"].*`.

Owns parsing and writing them, comparing what stands at one and putting an old value back there.
Must not know resources or steps.
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
    """What stands at a key; inside a secret everything is secret."""
    if isinstance(value, Secret):
        item = _item(value.value, key)
        return item if item is MISSING else secret(item)
    if isinstance(value, Mapping):
        return value.get(str(key), MISSING)
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return value[key]
    return MISSING


def path_text(path: Path) -> str:
    """The path as Pulumi writes it: `a.b[0]["c.d"]`."""
    text = "".join(map(_element_text, path))
    return text.removeprefix(".")


def _element_text(element: str | int) -> str:
    if isinstance(element, int):
        return f"[{element}]"
    if re.fullmatch(r"\w+", element, re.ASCII):
        return f".{element}"
    quoted = element.replace('"', r"\"")
    return f'["{quoted}"]'


def reset(path: Path, old: Any, new: Any) -> tuple[Any, bool]:
    """`new` with whatever stands at `path` put back to what `old` has there, absence included, and
    whether that could be done: a list cannot gain or lose items, nor can what lies on the way."""
    head, rest = path[0], path[1:]
    if head == WILDCARD:
        return _reset_all(rest, old, new)
    was, now = _item(old, head), _item(new, head)
    if isinstance(head, int):
        if _is_list(old) != _is_list(new) or (was is MISSING) != (now is MISSING):
            return new, False
    elif not rest:
        fits = was is MISSING or _is_map(new)
        return _with_item(new, head, was), fits
    elif _is_map(old) != _is_map(new) or (now is MISSING and was is not MISSING):
        return new, False
    if now is MISSING:
        return new, True
    value, done = reset(rest, was, now) if rest else (was, True)
    return _with_item(new, head, value), done


def _reset_all(rest: Path, old: Any, new: Any) -> tuple[Any, bool]:
    if not (_is_list(new) or _is_map(new)):
        return new, False
    if _is_list(old) != _is_list(new) or _is_map(old) != _is_map(new):
        return new, not rest
    keys = _keys(old)
    if not rest and _is_map(new):
        keys = [*keys, *(key for key in _keys(new) if key not in keys)]
    done = not _is_list(new) or len(_keys(old)) == len(_keys(new))
    for key in keys:
        if not rest and _is_map(new):
            new = _with_item(new, key, _item(old, key))
        elif _item(new, key) is MISSING:
            done = False
        else:
            new, fits = reset((key, *rest), old, new)
            done = done and fits
    return new, done


def _is_map(value: Any) -> bool:
    return isinstance(_opened(value), Mapping)


def _is_list(value: Any) -> bool:
    return isinstance(_opened(value), list)


def _with_item(container: Any, key: str | int, value: Any) -> Any:
    if isinstance(container, Secret):
        return secret(_with_item(container.value, key, _opened(value)))
    if isinstance(container, Mapping):
        kept = {name: item for name, item in container.items() if name != str(key)}
        return kept if value is MISSING else {**kept, str(key): value}
    if isinstance(container, list) and isinstance(key, int) and key < len(container):
        return [*container[:key], value, *container[key + 1 :]]
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
