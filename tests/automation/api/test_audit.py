"""Every route that changes something writes to the audit log; and the log over HTTP."""

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import pytest

from automation import audit_log
from automation.client import Client
from automation.registry import operations
from automation.registry import projects as rows
from contracts.audit import Head, check_export
from tests.automation.api.documented import OPERATIONS
from tests.automation.api.members import member_of, organization
from tests.automation.api.test_errors import check_problem
from tests.automation.work_done import settle, store_secrets

# A worker runs the SQL and writes the entry, tests/automation/key_service and e2e; of the keys
# there is one state only; and what may be asked of storage and realtime changes nothing.
ELSEWHERE = {
    "projects_query",
    "projects_query_read_only",
    "projects_migrations_apply",
    "projects_migrations_record",
    "projects_migrations_take_back",
    "projects_migration_update",
    "projects_keys_revoke",
    "projects_signing_key_update",
    "projects_signing_key_legacy_create",
    "projects_storage_config_update",
    "projects_realtime_config_update",
}
# What is not built changes nothing (test_supabase_paths.py).
MUTATING = {
    route["operationId"]: (method, path)
    for method, path, route in OPERATIONS
    if method in ("POST", "PUT", "PATCH", "DELETE")
    and "supabase" not in route["tags"]
    and route["operationId"] not in ELSEWHERE
}


@dataclass(frozen=True)
class Case:
    """How a route is asked so that it changes something: every other one with an empty object, on
    an ACTIVE project of organization `shop`."""

    body: Any = field(default_factory=dict)
    state: rows.ProjectState | None = "ACTIVE"
    """None: its create still runs. FAILED: it failed."""
    slug: str = "shop"
    member: str = "ada"
    once: str | None = None
    """The route that there must have been before."""
    query: dict[str, str] = field(default_factory=dict)


CASES: dict[str, Case] = {
    "projects_api_keys_create": Case({"type": "secret", "name": "backend"}),
    "projects_api_key_update": Case({"description": "more"}, once="projects_api_keys_create"),
    "projects_api_key_delete": Case(once="projects_api_keys_create"),
    "projects_signing_keys_create": Case({"algorithm": "HS256"}),
    "projects_signing_key_delete": Case(once="projects_signing_keys_create"),
    "projects_legacy_keys_update": Case(query={"enabled": "false"}),
    "projects_create": Case({"name": "two", "organization_slug": "shop"}),
    "organizations_create": Case({"name": "other"}),
    "organizations_delete": Case(slug="empty"),
    "organizations_limits_update": Case({"plan": "pro"}),
    "projects_secrets_set": Case([{"name": "KEY", "value": "v"}]),
    "projects_secrets_unset": Case(["SET"]),
    "members_add": Case({"name": "bob", "role": "developer"}),
    "members_token": Case(member="ci"),
    "tokens_create": Case({"name": "ci"}),
    "webhooks_add": Case({"url": "https://hooks.test/"}),
    "webhooks_rotate": Case({"overlap_hours": 1}),
    "members_update": Case({"role": "read-only"}),
    "projects_no_default": Case(once="projects_default"),
    "projects_database_password": Case({"password": "Chosen-by-a-person-1"}),
    "projects_rename": Case({"name": "two"}),
    "projects_restore": Case(state="PAUSED"),
    "projects_transfer": Case({"organization_slug": "empty"}),
    "operations_cancel": Case(state=None),
    "operations_retry": Case(state="FAILED"),
}


def prepare(ctx, api, state):
    """A project of an organization with a member; what paths name."""
    organization(api, "shop", projects_max=9)
    organization(api, "empty")
    member_of(api, "shop", "ada", "developer")
    ci = {"name": "ci", "role": "developer", "service_account": True}
    assert api.post("/v1/organizations/shop/members", json=ci).status_code == 201
    token = api.post("/v1/tokens", json={"name": "mine"}).json()
    created = api.post("/v1/projects", json={"name": "one", "organization_slug": "shop"})
    ref = created.json()["ref"]
    operation_id = created.headers["Location"].rpartition("/")[2]
    if state is not None:
        store_secrets(ctx, ref)
        settle(ctx, ref, state, "failed" if state == "FAILED" else "finished")
    api.post(f"/v1/projects/{ref}/secrets", json=[{"name": "SET", "value": "v"}])
    hook = api.post("/v1/organizations/shop/webhooks", json={"url": "https://hooks.test/"}).json()
    named = {"ref": ref, "operation_id": operation_id, "webhook_id": hook["id"]}
    return named | {"token_id": token["id"]}


def entries(api, **query):
    return [row["entry"] for row in api.get("/v1/audit", params=query).json()["data"]]


@pytest.mark.parametrize("route", MUTATING)
def test_every_route_that_changes_something_is_in_the_log(ctx, api, route):
    case = CASES.get(route, Case())
    method, path = MUTATING[route]
    named = prepare(ctx, api, case.state) | {"slug": case.slug, "member": case.member}
    if case.once is not None:
        before, at = MUTATING[case.once]
        made = api.request(before, at.format(**named), json=CASES.get(case.once, Case()).body)
        assert made.is_success, made.text
        named["id"] = made.json().get("id", "")
        if operation := made.headers.get("Location"):
            with ctx.transaction() as conn:
                operations.finish(conn, operation.rpartition("/")[2], "finished", None)
                rows.set_state(conn, named["ref"], "ACTIVE")
    request_id = secrets.token_hex(8)
    answer = api.request(
        method,
        path.format(**named),
        params=case.query,
        json=case.body,
        headers={"X-Request-Id": request_id},
    )
    assert answer.is_success, f"{route}: add to CASES how it is asked; {answer.text}"
    written = [entry for entry in entries(api) if entry["request_id"] == request_id]
    assert written, f"{route} changed something and wrote no entry: call audit.record"
    for entry in written:
        assert entry["actor"] == "member:operator"
        assert entry["address"] == "testclient"
        assert entry["action"].count(".") == 1
        # A member's own, and the platform's.
        assert entry["organization_id"] or route.startswith(("tokens_", "encryption_"))
        assert (entry["before"], entry["after"], entry["operation_id"]) != (None, None, None)


def test_what_is_only_looked_at_is_not(ctx, api):
    named = prepare(ctx, api, "ACTIVE")
    before = api.get("/v1/audit").json()["data"]
    api.get(f"/v1/projects/{named['ref']}/api-keys")
    api.post("/v1/projects", json={"name": ""})
    assert api.get("/v1/audit").json()["data"] == before


# --- the log over HTTP ----------------------------------------------------------------------------


def test_list_finds_by_what_is_asked_for(api):
    slug = organization(api, "shop", projects_max=5)
    ada = member_of(api, slug, "ada", "administrator")
    ref = ada.post("/v1/projects", json={"name": "one"}).json()["ref"]
    (entry,) = entries(ada, target=f"projects/{ref}")
    assert (entry["actor"], entry["action"]) == ("member:ada", "projects.create")
    assert entries(ada, organization=slug, member="ada") == [entry]
    assert [e["action"] for e in entries(ada)] == [
        "projects.create", "members.add", "organizations.limits", "organizations.create",
    ]  # fmt: skip
    assert entries(ada, action="nothing", target="%00") == []
    developer = member_of(api, slug, "bob", "developer")
    check_problem(developer.get("/v1/audit"), 403, "forbidden")


def test_pages(api):
    slug = organization(api, "shop")
    for name in "abcd":
        member_of(api, slug, name, "developer")
    seen, cursor = [], None
    while True:
        query = {"limit": 2, "organization": slug} | ({"cursor": cursor} if cursor else {})
        page = api.get("/v1/audit", params=query).json()
        seen += [row["seq"] for row in page["data"]]
        if (cursor := page["pagination"]["next"]) is None:
            break
    assert len(seen) == 5
    assert seen == sorted(seen, reverse=True)


def test_export_and_verify(api, monkeypatch):
    monkeypatch.setattr(audit_log, "BATCH", 3)
    for n in range(5):
        organization(api, f"große {n}")
    answer = api.get("/v1/audit/export")
    assert answer.headers["Content-Type"].startswith("application/x-ndjson")
    lines = answer.text.removesuffix("\n").split("\n")
    exported = check_export(lines)
    assert exported.problems == []
    verdict = api.get("/v1/audit/verify").json()
    assert verdict == {"rows": exported.rows, "head": json.loads(lines[0])["head"], "problems": []}
    organization(api, "later")
    assert api.get("/v1/audit/verify", params={"anchor": verdict["head"]}).json()["problems"] == []
    false = Head(exported.rows, b"x" * 32)
    assert api.get("/v1/audit/verify", params={"anchor": str(false)}).json()["problems"]
    check_problem(api.get("/v1/audit/verify?anchor=x"), 422, "anchor_invalid")


def test_the_client_reads_it(client: Client):
    for n in range(3):
        client.create_organization(f"shop {n}")
    newest = list(client.audit(rows_max=2, action="organizations.create"))
    assert [row.entry["after"]["name"] for row in newest] == ["shop 2", "shop 1"]
    assert check_export(client.audit_export()).problems == []
    assert client.verify_audit().problems == []
