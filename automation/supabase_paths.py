"""Supabase's Management API, operation by operation, and what this platform makes of each.

Owns the one list of it: what is not `built` is answered from here (automation/api/not_built.py), so
that a tool of Supabase's never meets a 404 for a path that it knows. Must not know the answers.

`P` stands for /v1/projects/{ref}. `built`: the answer is this platform's own; `empty`: there are
none of these here, and the answer is such a list; `missing`: 501, not built yet.
"""

import re
from dataclasses import dataclass
from typing import Literal, cast

State = Literal["built", "empty", "missing"]

_PROJECT = "/v1/projects/{ref}"
_TABLE = """
missing GET    /v1/branches/{branch_id_or_ref}
missing PATCH  /v1/branches/{branch_id_or_ref}
missing DELETE /v1/branches/{branch_id_or_ref}
missing GET    /v1/branches/{branch_id_or_ref}/diff
missing POST   /v1/branches/{branch_id_or_ref}/merge
missing POST   /v1/branches/{branch_id_or_ref}/push
missing POST   /v1/branches/{branch_id_or_ref}/reset
missing POST   /v1/branches/{branch_id_or_ref}/restore
missing GET    /v1/oauth/authorize
missing GET    /v1/oauth/authorize/project-claim
missing POST   /v1/oauth/revoke
missing POST   /v1/oauth/token
built   GET    /v1/organizations
built   POST   /v1/organizations
built   GET    /v1/organizations/{slug}
built   GET    /v1/organizations/{slug}/entitlements
built   GET    /v1/organizations/{slug}/members
missing GET    /v1/organizations/{slug}/project-claim/{token}
missing POST   /v1/organizations/{slug}/project-claim/{token}
built   GET    /v1/organizations/{slug}/projects
built   GET    /v1/profile
built   GET    /v1/projects
built   POST   /v1/projects
built   GET    /v1/projects/available-regions
built   GET    P
built   PATCH  P
built   DELETE P
empty   GET    P/actions
missing HEAD   P/actions
missing GET    P/actions/{run_id}
missing GET    P/actions/{run_id}/logs
missing PATCH  P/actions/{run_id}/status
missing GET    P/advisors/performance
missing GET    P/advisors/security
missing GET    P/analytics/endpoints/functions.combined-stats
built   GET    P/analytics/endpoints/logs
built   GET    P/analytics/endpoints/logs.all
missing GET    P/analytics/endpoints/metrics
built   GET    P/analytics/endpoints/usage.api-counts
built   GET    P/analytics/endpoints/usage.api-requests-count
built   GET    P/api-keys
built   POST   P/api-keys
built   GET    P/api-keys/legacy
built   PUT    P/api-keys/legacy
built   GET    P/api-keys/{id}
built   PATCH  P/api-keys/{id}
built   DELETE P/api-keys/{id}
empty   GET    P/billing/addons
missing PATCH  P/billing/addons
missing DELETE P/billing/addons/{addon_variant}
empty   GET    P/branches
missing POST   P/branches
missing DELETE P/branches
missing GET    P/branches/{name}
missing GET    P/claim-token
missing POST   P/claim-token
missing DELETE P/claim-token
missing POST   P/cli/login-role
missing DELETE P/cli/login-role
built   GET    P/config/auth
built   PATCH  P/config/auth
built   GET    P/config/auth/signing-keys
built   POST   P/config/auth/signing-keys
built   GET    P/config/auth/signing-keys/legacy
built   POST   P/config/auth/signing-keys/legacy
built   GET    P/config/auth/signing-keys/{id}
built   PATCH  P/config/auth/signing-keys/{id}
built   DELETE P/config/auth/signing-keys/{id}
empty   GET    P/config/auth/sso/providers
missing POST   P/config/auth/sso/providers
missing GET    P/config/auth/sso/providers/{provider_id}
missing PUT    P/config/auth/sso/providers/{provider_id}
missing DELETE P/config/auth/sso/providers/{provider_id}
empty   GET    P/config/auth/third-party-auth
missing POST   P/config/auth/third-party-auth
missing GET    P/config/auth/third-party-auth/{tpa_id}
missing DELETE P/config/auth/third-party-auth/{tpa_id}
missing GET    P/config/database/pgbouncer
empty   GET    P/config/database/pooler
missing PATCH  P/config/database/pooler
built   GET    P/config/database/postgres
missing PATCH  P/config/database/postgres
built   PUT    P/config/database/postgres
missing GET    P/config/disk
missing POST   P/config/disk
missing GET    P/config/disk/autoscale
missing GET    P/config/disk/util
built   GET    P/config/realtime
built   PATCH  P/config/realtime
missing POST   P/config/realtime/shutdown
built   GET    P/config/storage
built   PATCH  P/config/storage
built   GET    P/custom-hostname
missing DELETE P/custom-hostname
missing POST   P/custom-hostname/activate
missing POST   P/custom-hostname/initialize
missing POST   P/custom-hostname/reverify
empty   GET    P/database/backups
missing POST   P/database/backups/restore
missing POST   P/database/backups/restore-pitr
missing GET    P/database/backups/restore-point
missing POST   P/database/backups/restore-point
missing GET    P/database/backups/schedule
missing PATCH  P/database/backups/schedule
missing POST   P/database/backups/undo
missing GET    P/database/context
missing GET    P/database/jit
missing POST   P/database/jit
missing PUT    P/database/jit
missing POST   P/database/jit/invite
missing POST   P/database/jit/invite/accept
missing DELETE P/database/jit/invite/{invite_id}
empty   GET    P/database/jit/list
missing DELETE P/database/jit/{user_id}
built   GET    P/database/migrations
built   POST   P/database/migrations
built   PUT    P/database/migrations
built   DELETE P/database/migrations
built   GET    P/database/migrations/{version}
built   PATCH  P/database/migrations/{version}
missing GET    P/database/openapi
built   PATCH  P/database/password
built   POST   P/database/query
built   POST   P/database/query/read-only
missing POST   P/database/webhooks/enable
empty   GET    P/functions
missing POST   P/functions
missing PUT    P/functions
missing POST   P/functions/deploy
missing GET    P/functions/{function_slug}
missing PATCH  P/functions/{function_slug}
missing DELETE P/functions/{function_slug}
missing GET    P/functions/{function_slug}/body
built   GET    P/health
missing GET    P/jit-access
missing PUT    P/jit-access
missing DELETE P/network-bans
empty   POST   P/network-bans/retrieve
empty   POST   P/network-bans/retrieve/enriched
built   GET    P/network-restrictions
missing PATCH  P/network-restrictions
missing POST   P/network-restrictions/apply
missing POST   P/network-restrictions/review
built   POST   P/pause
missing GET    P/pgsodium
missing PUT    P/pgsodium
built   GET    P/postgrest
built   PATCH  P/postgrest
missing POST   P/read-replicas/remove
missing POST   P/read-replicas/setup
built   GET    P/readonly
missing POST   P/readonly/temporary-disable
built   POST   P/restart
empty   GET    P/restore
built   POST   P/restore
missing POST   P/restore/cancel
built   GET    P/secrets
built   POST   P/secrets
built   DELETE P/secrets
built   GET    P/ssl-enforcement
missing PUT    P/ssl-enforcement
empty   GET    P/storage/buckets
built   GET    P/types/typescript
missing POST   P/upgrade
built   GET    P/upgrade/eligibility
missing GET    P/upgrade/status
built   GET    P/vanity-subdomain
missing DELETE P/vanity-subdomain
missing POST   P/vanity-subdomain/activate
missing POST   P/vanity-subdomain/check-availability
empty   GET    /v1/snippets
missing GET    /v1/snippets/{id}
"""


@dataclass(frozen=True)
class SharedOperation:
    """A method on a path that Supabase documents."""

    method: str
    path: str
    state: State

    @property
    def name(self) -> str:
        """Its operationId if it has no route of its own: the words of its path."""
        words = self.path.removeprefix("/v1/").replace("-", "_").replace(".", "_")
        path = "_".join(word.strip("{}") for word in words.split("/"))
        return f"supabase_{self.method.lower()}_{path}"

    @property
    def parameters(self) -> list[str]:
        """What its path names."""
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]


def _parsed(line: str) -> SharedOperation:
    state, method, path = line.split()
    if path == "P" or path.startswith("P/"):
        path = _PROJECT + path[1:]
    return SharedOperation(method, path, cast("State", state))


OPERATIONS = tuple(_parsed(line) for line in _TABLE.split("\n") if line)
_POSTED = re.compile(
    "|".join(
        re.sub(r"\\{\w+\\}", "[^/]+", re.escape(operation.path))
        for operation in OPERATIONS
        if operation.method == "POST"
    )
)


def takes_post(path: str) -> bool:
    """Whether Supabase's tools may post there: they know nothing of what we require on top."""
    return _POSTED.fullmatch(path) is not None
