"""`croft orgs`, `croft members` and `croft audit`: what a person sees, and what is sent."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from contracts.audit import GENESIS, Link, canonical, link_hash
from tests.cli.conftest import RunCroft
from tests.cli.fake_control_plane import AT, FakeControlPlane
from tests.cli.snapshot import matches, transcript

ID = "00000000-0000-4000-8000-000000000001"
ORGANIZATION = {"id": ID, "slug": "shop", "name": "Our [red]shop"}
DETAIL = {**ORGANIZATION, "plan": "free", "created_at": AT}
LIMITS = {
    "plan": "free",
    "limits": {"projects_max": 5, "storage_bytes_max": 1000, "api_requests_month_max": None},
    "own": {"projects_max": 5},
    "used": {"projects": 3, "api_requests": 12},
}
ADA = {"user_id": ID, "user_name": "ada@example.org", "role_name": "developer"}


def chain(count: int) -> list[dict[str, Any]]:
    rows, last = [], GENESIS
    for seq in range(1, count + 1):
        entry = {
            "at": AT, "actor": "member:ada", "action": "projects.create", "target": f"p/{seq}",
            "organization_id": ID, "address": "127.0.0.1", "request_id": "r", "operation_id": None,
            "before": None, "after": {"name": "日本\u2028"}, "pulumi_update": None,
        }  # fmt: skip
        digest = link_hash(last, seq, canonical(entry))
        rows.append(Link(seq, last, digest, canonical(entry)).row.model_dump())
        last = digest
    return rows


ROWS = chain(3)
HEAD = f"3:{ROWS[-1]['hash']}"
EXPORT = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in [{"head": HEAD}, *ROWS])


def answer(request: httpx2.Request) -> httpx2.Response | None:
    match [request.method, *request.url.path.strip("/").split("/")[1:]]:
        case ["GET", "organizations"]:
            return httpx2.Response(200, json=[ORGANIZATION])
        case ["POST", "organizations"] | ["GET" | "DELETE", "organizations", "shop"]:
            return httpx2.Response(200, json=DETAIL)
        case ["GET" | "PATCH", "organizations", "shop", "limits"]:
            return httpx2.Response(200, json=LIMITS)
        case ["GET", "organizations", "shop", "members"]:
            if "cursor" in request.url.params:
                return httpx2.Response(200, json=[{**ADA, "user_name": "bob"}])
            link = '</v1/organizations/shop/members?cursor=x>; rel="next"'
            return httpx2.Response(200, json=[ADA], headers={"Link": link})
        case ["POST", "organizations", "shop", "members"]:
            return httpx2.Response(201, json={**ADA, "access_token": "sbp_" + "0" * 40})
        case ["PATCH" | "DELETE", "organizations", "shop", "members", "ada@example.org"]:
            return httpx2.Response(200, json=ADA)
        case ["GET", "audit"]:
            return httpx2.Response(200, json={"data": ROWS[::-1], "pagination": {"next": None}})
        case ["GET", "audit", "export"]:
            headers = {"content-type": "application/x-ndjson"}
            return httpx2.Response(200, text=EXPORT, headers=headers)
        case ["GET", "audit", "verify"]:
            return httpx2.Response(200, json={"rows": 3, "head": HEAD, "problems": []})
    return None


@pytest.fixture(autouse=True)
def _organizations(control_plane: FakeControlPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("CROFT_OUTPUT", raising=False)
    control_plane.answer = answer


COMMANDS = {
    "orgs-list": "orgs list",
    "orgs-create": "orgs create shop --slug shop",
    "orgs-get": "orgs get shop",
    "orgs-delete": "orgs delete shop --yes",
    "orgs-delete-unconfirmed": "orgs delete shop",
    "orgs-limits": "orgs limits shop",
    "orgs-limits-set": "orgs limits shop --plan team --set projects_max=5 -o json",
    "members-list": "members list shop",
    "members-add": "members add shop ada@example.org --role developer",
    "members-update": "members update shop ada@example.org --role owner -o yaml",
    "members-remove": "members remove shop ada@example.org --yes",
    "audit-list": "audit list",
    "audit-verify": "audit verify",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_output(name: str, croft: RunCroft) -> None:
    assert matches(name, transcript(COMMANDS[name], croft(*COMMANDS[name].split())))


def body(control_plane: FakeControlPlane) -> Any:
    return json.loads(control_plane.requests[-1].content)


def test_what_is_sent(croft: RunCroft, control_plane: FakeControlPlane) -> None:
    croft("orgs", "limits", "shop", "--set", "projects_max=7", "--set", "storage_bytes_max=plan")
    assert body(control_plane) == {"projects_max": 7, "storage_bytes_max": None}
    croft("orgs", "limits", "shop", "--plan", "pro")
    assert body(control_plane) == {"plan": "pro"}
    croft("audit", "list", "--org", "shop", "--member", "ada", "--limit", "2")
    sent = dict(control_plane.requests[-1].url.params)
    assert sent == {"organization": "shop", "member": "ada", "limit": "2"}


def test_every_post_has_a_key_of_its_own(croft: RunCroft, control_plane: FakeControlPlane) -> None:
    for _ in range(2):
        croft("orgs", "create", "shop")
    keys = {request.headers["Idempotency-Key"] for request in control_plane.requests}
    assert len(keys) == 2


def test_a_post_whose_answer_got_lost_is_sent_again_under_its_key(
    croft: RunCroft, control_plane: FakeControlPlane
) -> None:
    def lose_one(request: httpx2.Request) -> httpx2.Response | None:
        if len(control_plane.requests) == 1:
            raise httpx2.ReadError("connection reset")
        return answer(request)

    control_plane.answer = lose_one
    assert croft("orgs", "create", "shop").code == 0
    first, second = control_plane.requests
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]


@pytest.mark.parametrize(
    "args",
    [
        ["orgs", "limits", "shop", "--set", "projects_max"],
        ["orgs", "limits", "shop", "--set", "=5"],
        ["orgs", "limits", "shop", "--set", "projects_max=-1"],
        ["orgs", "limits", "shop", "--set", "projects_max=1e5"],
        ["orgs", "limits", "shop", "--set", "projects_max=" + "9" * 30],
        ["orgs", "create", "a\nb"],
        ["orgs", "create", "x", "--slug", "A B"],
        ["members", "add", "shop", "a b", "--role", "owner"],
        ["members", "add", "shop", "ada", "--role", "king"],
        ["members", "add", "shop", "ada"],
        ["audit", "verify", "--file", "nowhere.jsonl"],
        ["audit", "list", "--limit", "0"],
    ],
)
def test_nonsense_is_never_sent(
    croft: RunCroft, control_plane: FakeControlPlane, args: list[str]
) -> None:
    ran = croft(*args)
    assert (ran.code, ran.out) == (2, "")
    assert control_plane.requests == []


# --- the audit log --------------------------------------------------------------------------------


def test_an_export_verifies_without_the_server(
    croft: RunCroft, control_plane: FakeControlPlane, tmp_path: Path
) -> None:
    file = tmp_path / "audit.jsonl"
    file.write_text(croft("audit", "export").out)
    assert file.read_text() == EXPORT
    control_plane.requests.clear()
    ran = croft("audit", "verify", "--file", str(file), "--anchor", HEAD, "-o", "json")
    assert (ran.code, json.loads(ran.out)) == (0, {"rows": 3, "head": HEAD, "problems": []})
    assert control_plane.requests == []


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda lines: lines[:-1], "the log ends with row 2, but row 3 was written last"),
        (lambda lines: lines[:2] + lines[3:], "rows 2 to 2 are missing"),
        (lambda lines: [lines[0].replace("3:", "2:"), *lines[1:3]], "row 2 is not the row"),
        (lambda lines: [lines[0], lines[2], lines[1], lines[3]], "rows 1 to 1 are missing"),
        (
            lambda lines: [*lines[:2], lines[2].replace("ada", "eve"), lines[3]],
            "row 2 was edited or moved",
        ),
    ],
)
def test_a_damaged_export(croft: RunCroft, tmp_path: Path, damage: Any, problem: str) -> None:
    file = tmp_path / "audit.jsonl"
    lines = [f"{line}\n" for line in EXPORT.split("\n")[:-1]]
    file.write_text("".join(damage(lines)))
    ran = croft("audit", "verify", "--file", str(file))
    assert ran.code == 1
    assert problem in ran.out
    assert "code:  audit_broken" in ran.err


@pytest.mark.parametrize("text", ["", "{}", "[]", "\n", "x", '{"head": "1"}', "[" * 100_000])
def test_what_is_no_export(croft: RunCroft, tmp_path: Path, text: str) -> None:
    file = tmp_path / "audit.jsonl"
    file.write_text(text)
    ran = croft("audit", "verify", "--file", str(file))
    assert (ran.code, ran.out) == (2, "")


def test_a_broken_chain_leaves_with_1(croft: RunCroft, control_plane: FakeControlPlane) -> None:
    broken = {"rows": 3, "head": HEAD, "problems": ["row 2 was edited or moved"]}
    control_plane.answer = lambda request: httpx2.Response(200, json=broken)
    assert matches("audit-broken", transcript("audit verify", croft("audit", "verify")))
