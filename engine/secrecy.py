"""Which values of a resource are secret.

Owns the passage between what a program sends (secrets marked) and what a handler sees (plain
values), in both directions. Must not know resources' types, encryption or display.
"""

from collections.abc import Collection, Mapping
from typing import Any

from engine.provider import UNKNOWN, Props
from engine.values import (
    OutputValue,
    ResourceReference,
    Secret,
    has_secrets,
    nested,
    secret,
    unwrap_secrets,
)

MASK = "[secret]"


def plain(props: Mapping[str, Any]) -> Props:
    """Properties for a handler: secrets opened, a resource given by its id (or URN)."""
    opened: Props = _dereferenced(unwrap_secrets(props))
    return opened


def _dereferenced(value: Any) -> Any:
    if isinstance(value, ResourceReference):
        return value.urn if value.id is None else value.id or UNKNOWN
    if isinstance(value, Mapping):
        return {key: _dereferenced(item) for key, item in value.items()}
    return [_dereferenced(item) for item in value] if isinstance(value, list | tuple) else value


def marked_like(value: Any, pattern: Any) -> Any:
    """`value` with secrets wherever `pattern` has them."""
    if isinstance(pattern, Secret):
        return secret(value)
    if isinstance(value, Secret):
        return value
    if isinstance(value, Mapping) and isinstance(pattern, Mapping):
        return {
            key: marked_like(item, pattern[key]) if key in pattern else item
            for key, item in value.items()
        }
    if isinstance(value, list) and isinstance(pattern, list) and has_secrets(pattern):
        if len(value) != len(pattern):
            return secret(value)  # no telling which item is the secret one
        return [marked_like(item, like) for item, like in zip(value, pattern, strict=True)]
    return value


def with_secret_keys(props: Mapping[str, Any], keys: Collection[str]) -> Props:
    return {key: secret(item) if key in keys else item for key, item in props.items()}


def marked_outputs(outputs: Props, inputs: Props, keys: Collection[str]) -> Props:
    """Outputs that are secret where the inputs are, and by name."""
    return with_secret_keys(marked_like(outputs, inputs), keys)


def secret_texts(value: Any) -> set[str]:
    """Every text that stands inside a secret."""
    secrets = (item.value for item in nested(value) if isinstance(item, Secret))
    return {item for opened in secrets for item in nested(opened) if isinstance(item, str)}


def masked(value: Any) -> Any:
    """The value with every secret replaced by a text that says so, for people."""
    if isinstance(value, Secret) or (isinstance(value, OutputValue) and value.secret):
        return MASK
    if isinstance(value, OutputValue):
        return masked(value.value)
    if isinstance(value, Mapping):
        return {key: masked(item) for key, item in value.items()}
    return [masked(item) for item in value] if isinstance(value, list | tuple) else value
