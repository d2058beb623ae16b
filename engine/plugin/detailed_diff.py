"""Where inside a property two values differ, as provider.proto tells it.

Owns the paths and their kinds. The CLI needs them for `replace_on_changes` and `ignore_changes` of
nested paths, and shows them. Must not know why a handler calls a property changed.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pulumi.runtime.proto import provider_pb2

from engine import provider
from engine.property_path import Path, path_text
from engine.provider import Props

_ABSENT = object()

_Kind = provider_pb2.PropertyDiff
_KINDS = {
    # what it is, and whether it replaces
    ("add", False): _Kind.ADD,
    ("add", True): _Kind.ADD_REPLACE,
    ("delete", False): _Kind.DELETE,
    ("delete", True): _Kind.DELETE_REPLACE,
    ("update", False): _Kind.UPDATE,
    ("update", True): _Kind.UPDATE_REPLACE,
}


def detailed(
    diff: provider.Diff, old_inputs: Props, old_outputs: Props, news: Props
) -> Mapping[str, provider_pb2.PropertyDiff]:
    """Against the old inputs where those differ, else (something drifted) the old outputs."""
    found = {}
    for key in {*diff.changes, *diff.replaces}:
        new = news.get(key, _ABSENT)
        replaces = key in diff.replaces
        places = list(_places((key,), old_inputs.get(key, _ABSENT), new))
        by_inputs = bool(places)
        if not by_inputs:
            places = list(_places((key,), old_outputs.get(key, _ABSENT), new))
        for path, kind in places or [((key,), "update")]:
            found[path_text(path)] = provider_pb2.PropertyDiff(
                kind=_KINDS[kind, replaces], inputDiff=by_inputs
            )
    return found


def _places(path: Path, old: Any, new: Any) -> Iterator[tuple[Path, str]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _inside(path, old, new, sorted({*old, *new}))
    elif isinstance(old, list) and isinstance(new, list):
        olds, new_items = dict(enumerate(old)), dict(enumerate(new))
        yield from _inside(path, olds, new_items, range(max(len(old), len(new))))
    elif old is _ABSENT and new is not _ABSENT:
        yield path, "add"
    elif new is _ABSENT and old is not _ABSENT:
        yield path, "delete"
    elif old != new:
        yield path, "update"


def _inside(
    path: Path, old: Mapping[Any, Any], new: Mapping[Any, Any], keys: Collection[str | int]
) -> Iterator[tuple[Path, str]]:
    for key in keys:
        if key not in ("__defaults", "__internal"):
            yield from _places((*path, key), old.get(key, _ABSENT), new.get(key, _ABSENT))
