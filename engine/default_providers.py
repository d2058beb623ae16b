"""Default providers: what serves a resource whose program names no provider.

Owns their names, where their configuration comes from, and which packages must do without. Must not
know when they are registered, or what they serve.
"""

import json
from collections.abc import Mapping
from typing import Any

from engine.errors import EngineError
from engine.goal import Goal
from engine.resource_state import PROVIDER_TYPE_PREFIX
from engine.values import unwrap_secrets

_DISABLED = "pulumi:disable-default-providers"


def default_provider(package: str, version: str, config: Mapping[str, Any]) -> Goal:
    """The default provider of a package, made of the stack's configuration of that name."""
    prefix = f"{package}:"
    return Goal(
        type=f"{PROVIDER_TYPE_PREFIX}{package}",
        name=f"default_{version.replace('.', '_')}" if version else "default",
        custom=True,
        properties={
            key.removeprefix(prefix): value
            for key, value in config.items()
            if key.startswith(prefix)
        },
        version=version,
    )


def refuse_disabled(package: str, type_: str, config: Mapping[str, Any]) -> None:
    """Raise if the stack's configuration wants explicit providers of a package, or of all."""
    if package == "pulumi":
        return  # built in: there is nothing to configure
    disabled = _disabled(unwrap_secrets(config.get(_DISABLED)))
    if package in disabled or "*" in disabled:
        raise EngineError(
            f"Default provider for '{package}' disabled. '{type_}' must use an explicit provider."
        )


def _disabled(value: Any) -> list[str]:
    if not value:
        return []
    try:
        names = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise EngineError(f"{_DISABLED} must be a list of package names")
    return [name.strip() for name in names]
