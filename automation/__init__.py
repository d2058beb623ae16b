"""The control plane: what was asked for, what runs, and the way from one to the other.

Owns the registry, the HTTP API, the workflows and the boot order. Must not know how a server is
started (local), what a project is made of (components) or how a command looks (cli).

Other Python services, which create and watch projects (docs/embedding.md), find these names here:
`connect`, `Client`, `ProjectSettings`, `errors`, `verify_webhook`. Each is loaded when it is used,
so that `import automation` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automation.client import Client
    from automation.embedding import connect
    from contracts import errors
    from contracts.project_settings import ProjectSettings
    from contracts.webhooks import verify_webhook

__all__ = ["Client", "ProjectSettings", "connect", "errors", "verify_webhook"]

_HOMES = {
    "Client": "automation.client",
    "ProjectSettings": "contracts.project_settings",
    "connect": "automation.embedding",
    "errors": "contracts",
    "verify_webhook": "contracts.webhooks",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES[name]
    if name == "errors":  # a module, not a name in one
        return import_module(f"{home}.errors")
    return getattr(import_module(home), name)
