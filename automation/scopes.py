"""Which of a token's scopes opens which route: one table.

Owns the groups that routes belong to. Pure: must not know requests or rows. A route that is missing
here is open to tokens with the scope `all` only.
"""

from collections.abc import Collection, Mapping

from contracts.tokens import Scope

READING = frozenset({"GET", "HEAD"})

# By the noun that a route's name begins with.
_GROUPS: Mapping[str, str] = {
    "organizations": "organizations",
    "members": "organizations",
    "webhooks": "organizations",
    "audit": "organizations",
    "projects": "projects",
    "operations": "projects",
}
# What these answer with opens a project.
_SECRET = frozenset(
    {
        "projects_api_keys",
        "projects_api_key",
        "projects_connection",
        "projects_environment",
        "projects_export",
    }
)
# These yield a token or a role that need not have the asking token's limits.
_WHOLE = frozenset(
    {
        "members_add",
        "members_update",
        "members_token",
        "organizations_create",
        "projects_api_keys_create",
    }
)
# It tells callers who they are.
_OPEN = frozenset({"profile_get"})


def opens(scopes: Collection[Scope], route: str, method: str) -> bool:
    """Whether a token with `scopes` opens `route`. What its member may do is another question."""
    if "all" in scopes or route in _OPEN:
        return True
    group = "secrets" if route in _SECRET else _GROUPS.get(route.partition("_")[0])
    if group is None or route in _WHOLE:
        return False
    if method not in READING:
        return f"{group}:write" in scopes
    # Whoever may write may see what they write.
    wanted = {f"{group}:read", f"{group}:write"} | ({"read"} if group != "secrets" else set())
    return not wanted.isdisjoint(scopes)
