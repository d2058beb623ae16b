"""Who asks for a change: what authorization decides on and the audit log writes down.

Owns the type. Must not know how somebody proved to be one (automation/api/access.py).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """A member with one of their tokens, or a part of the platform itself."""

    name: str
    address: str = ""
    request_id: str = ""


def platform(part: str) -> Actor:
    """The platform acting by itself: `worker`, `reconciler`, `boot`."""
    return Actor(f"platform:{part}")
