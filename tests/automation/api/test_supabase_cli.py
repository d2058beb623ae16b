"""Supabase's own command line, unmodified, does its work against this API.

No project of these has servers: what a worker opens is the key service alone.
"""

from datetime import UTC, datetime

import pytest

from tests.automation.work_done import make_active


@pytest.fixture
def supabase(make_supabase_cli, api_server, key_service, ctx):
    return make_supabase_cli(api_server.url, ctx.settings.token_path.read_text())


def test_an_organization_and_the_life_of_a_project(supabase, ctx):
    supabase.text("orgs", "create", "acme", "--yes")
    assert "acme" in {each["slug"] for each in supabase.json("orgs", "list")}
    made = supabase.json(
        *("projects", "create", "shop", "--org-id", "default", "--yes"),
        *("--db-password", "password 1", "--region", "us-east-1"),
    )
    ref = made["ref"]
    assert [each["ref"] for each in supabase.json("projects", "list")] == [ref]
    make_active(ctx, ref)
    shown = supabase.json("projects", "api-keys", f"--remote={ref}", "--reveal")
    assert {key["name"]: key["api_key"].count(".") for key in shown} == {
        "anon": 2,
        "service_role": 2,
    }
    supabase.text("projects", "delete", ref, "--yes")
    assert [each["status"] for each in supabase.json("projects", "list")] == ["GOING_DOWN"]


def test_a_linked_project(supabase, client, ctx):
    ref = client.create_project("shop").project.ref
    make_active(ctx, ref)
    supabase.text("link", "--project-ref", ref)
    assert (supabase.folder / "supabase/.temp/project-ref").read_text() == ref
    assert not supabase.json("branches", "list")
    assert "local" in supabase.text("backups", "list")
    assert "not started" in supabase.text("domains", "get", "--experimental")
    assert "127.0.0.0/8" in supabase.text("network-restrictions", "get", "--experimental")
    assert "max_connections" in supabase.text("postgres-config", "get", "--experimental")


def test_secrets(supabase, client, ctx):
    ref = client.create_project("shop").project.ref
    here = f"--remote={ref}"

    def listed():
        return {each["name"]: each["value"] for each in supabase.json("secrets", "list", here)}

    supabase.text("secrets", "set", "ONE=first", "TWO=second", here, "--yes")
    before = listed()
    assert before.keys() == {"ONE", "TWO"}
    supabase.text("secrets", "set", "ONE=other", here, "--yes")
    after = listed()
    assert (after["TWO"], after["ONE"] != before["ONE"]) == (before["TWO"], True)
    supabase.text("secrets", "unset", "ONE", here, "--yes")
    assert listed().keys() == {"TWO"}


def test_logs_of_the_project_and_of_no_other(supabase, client, ctx):
    ref, other = (client.create_project(name).project.ref for name in ("shop", "other"))
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}.000 UTC [42] client backend"
    ctx.settings.home.logs.mkdir(exist_ok=True)
    (ctx.settings.home.logs / "postgres.log").write_text(
        f"{now} {ref}/{ref}_postgres ERROR:  of mine\n"
        f"{now} {other}/{other}_postgres ERROR:  of another\n"
    )
    services = ("--service", "postgres", "--service", "postgrest")
    found = supabase.text("logs", f"--remote={ref}", *services, "--output-format", "json")
    assert "of mine" in found and "of another" not in found
    searched = ("--level", "error", "--search", "OF MINE", "--service", "postgres")
    assert "of mine" in supabase.text("logs", f"--remote={ref}", *searched)
    refused = supabase("logs", f"--remote={ref}", "--service", "edge", "--output-format", "json")
    assert refused.returncode != 0 and "HTTP 400" in refused.stdout + refused.stderr


def test_what_is_not_built_is_said_so(supabase, client):
    ref = client.create_project("shop").project.ref
    refused = supabase("encryption", "get-root-key", f"--remote={ref}", "--experimental")
    assert refused.returncode != 0
    assert "not part of this platform yet" in refused.stdout + refused.stderr
