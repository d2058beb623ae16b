"""What the API's own login may do with the registry: what its routes do, and nothing else.

Owns the list, which is complete: a table that is missing here is closed, as is the schema of DBOS,
whose rows are pickles that workers open. Who may do what (members, their roles, tokens, who owns a
project) is for this login to read only: workers write it (key_service/access_changes.py). Must not
know routes.
"""

from collections.abc import Mapping
from typing import Any, LiteralString

from psycopg import Connection, sql

from automation.settings import API_LOGIN

RIGHTS: Mapping[LiteralString, LiteralString] = {
    "access_tokens": "SELECT, UPDATE (last_used_at)",
    "members": "SELECT",
    "organization_members": "SELECT",
    "organizations": "SELECT, UPDATE (plan, limits)",
    "projects": (
        "SELECT, INSERT, UPDATE (name, state, spec, observed, rest_port, legacy_keys, is_default,"
        " recoverable_until, deleted_at, op_epoch)"
    ),
    "project_keys": "SELECT, INSERT, UPDATE, DELETE",
    "project_secrets": "SELECT, INSERT, DELETE",
    "project_requests": "SELECT",
    "project_usage": "SELECT",
    "api_keys": "SELECT, INSERT, UPDATE, DELETE",
    # It seals by a public key, and reads none that opens.
    "encryption_keys": (
        "SELECT (id, owner, public_key, created_at, retired_at), UPDATE (retired_at), DELETE"
    ),
    "operations": "SELECT, INSERT, UPDATE",
    "operation_events": "SELECT, INSERT",
    "outbox": "INSERT (workflow_id, kind, project_ref, operation_id)",
    "webhooks": "SELECT, INSERT, DELETE",
    "webhook_secrets": "SELECT, INSERT, UPDATE (ends_at)",
    "webhook_deliveries": "SELECT, INSERT",
    "idempotency_keys": "SELECT, INSERT, UPDATE, DELETE",
    "reconciler_runs": "SELECT, INSERT (name, started_at, wanted_at), UPDATE (wanted_at)",
}


def grant(conn: Connection[Any]) -> None:
    """Grant these rights and no others on what the connection's login owns: in one transaction, so
    that a running API never lacks one."""
    login = sql.Identifier(API_LOGIN)
    with conn.transaction():
        conn.execute(sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}").format(login))
        for table, rights in RIGHTS.items():
            statement = sql.SQL("GRANT {} ON {} TO {}")
            conn.execute(statement.format(sql.SQL(rights), sql.Identifier(table), login))
