"""How every type of the provider `croft` compares.

Owns the structural Diff that the engine's protocol asks for. Must not know any one type.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

Props = dict[str, Any]

# What the engine's protocol and Pulumi's SDK put for a value that a preview cannot know.
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


@dataclass(frozen=True)
class Diff:
    changes: Collection[str] = ()
    replaces: Collection[str] = ()
    delete_before_replace: bool = False


def compare(old_outputs: Mapping[str, Any], news: Mapping[str, Any], *, key: str) -> Diff:
    """New inputs against old outputs, so that drift a refresh recorded is seen. `key` names the
    object outside: another key is another object."""
    changes = [name for name in news if news[name] != old_outputs.get(name)]
    return Diff(changes, [key] if key in changes else [])


def has_unknown(value: object) -> bool:
    """Whether a preview left a value open anywhere inside."""
    if isinstance(value, dict):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return value == UNKNOWN
