"""Who asks for a change: what authorization decides on and the audit log records.

Owns the type and what an actor may see. Must not know how an actor was authenticated
(automation/api/access.py), nor which route needs what (automation/permissions.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from automation.permissions import is_at_least
from automation.registry.members import Bearer
from contracts.errors import Forbidden
from contracts.organizations import Role
from contracts.tokens import Scope


@dataclass(frozen=True)
class Actor:
    """A member with one of their tokens, or a part of the platform itself."""

    name: str
    address: str = ""
    request_id: str = ""
    member_id: UUID | None = None
    is_operator: bool = False
    """An owner of every organization."""
    roles: Mapping[UUID, Role] = field(default_factory=dict)
    """By organization; for a token bound to one organization, that one at most."""
    bound_to: UUID | None = None
    """The one organization the token is valid in."""
    scopes: frozenset[Scope] = frozenset({"all"})
    token_id: UUID | None = None
    """The access token that was sent; None for a login or the platform."""
    expires_at: datetime | None = None
    bearer: str = field(default="", repr=False, compare=False)
    """The credential as it was sent: a worker checks again whose it is (automation/key_service).
    Never written to a log or a table."""

    def role_in(self, organization_id: UUID) -> Role | None:
        return "owner" if self.is_operator else self.roles.get(organization_id)

    @property
    def key_owner(self) -> str:
        """The namespace of idempotency keys: one member in one organization, since others may know
        their token for another one, and with the same scopes, since a replayed answer is not
        authorized again."""
        limits = [str(self.bound_to or ""), *sorted(self.scopes - {"all"})]
        return " ".join([self.name, *limits]).rstrip()

    @property
    def organizations(self) -> list[UUID] | None:
        """Those that the actor may see; None means all."""
        return None if self.is_operator else list(self.roles)

    def require(self, needed: Role, organization_id: UUID) -> None:
        """Raises Forbidden. To a non-member the organization does not even exist: callers look it
        up among `organizations` first."""
        role = self.role_in(organization_id)
        if not is_at_least(role, needed):
            raise Forbidden(
                f"this needs the role {needed}, and yours is {role or 'none'}",
                fix="ask an owner of the organization",
            )


def actor_of(
    bearer: Bearer,
    *,
    token_id: UUID | None = None,
    expires_at: datetime | None = None,
    address: str = "",
    request_id: str = "",
) -> Actor:
    kind = "service-account" if bearer.is_service_account else "member"
    return Actor(
        name=f"{kind}:{bearer.member_name}",
        address=address,
        request_id=request_id,
        member_id=bearer.member_id,
        is_operator=bearer.is_operator,
        roles={UUID(key): role for key, role in bearer.roles.items()},
        bound_to=bearer.bound_to,
        scopes=frozenset(bearer.scopes),
        token_id=token_id,
        expires_at=expires_at,
    )


def platform(part: str) -> Actor:
    """The platform acting by itself: `worker`, `reconciler`, `boot`."""
    return Actor(f"platform:{part}", is_operator=True)


# Acts without being asked.
RECONCILER = platform("reconciler")
