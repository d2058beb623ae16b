"""Supabase's Management API on a project that has servers: over HTTP, and by Supabase's own command
line, unmodified."""

import csv
import io
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from tests.e2e.conftest import RunJs
from tests.e2e.test_legacy_keys import wait_until_idle
from tests.fixtures.platform import Platform, connect, eventually
from tests.fixtures.supabase_cli import MakeSupabaseCli, SupabaseCli

pytestmark = pytest.mark.platform

Project = dict[str, Any]
LATELY = timedelta(minutes=10)
MCP_QUERY = (
    "select identifier, postgres_logs.timestamp, id, event_message, parsed.error_severity"
    " from postgres_logs cross join unnest(metadata) as m"
    " cross join unnest(m.parsed) as parsed order by timestamp desc limit 1000"
)


@pytest.fixture
def api(platform: Platform, project: Project) -> Iterator[httpx2.Client]:
    """Below the project's path."""
    with httpx2.Client(
        base_url=f"{platform.home.api_url}/v1/projects/{project['ref']}",
        headers={"Authorization": f"Bearer {platform.token}"},
        timeout=90,
    ) as client:
        yield client


@pytest.fixture
def supabase(
    platform: Platform, project: Project, make_supabase_cli: MakeSupabaseCli
) -> SupabaseCli:
    """Linked to the project."""
    cli = make_supabase_cli(platform.home.api_url, platform.token)
    cli.text("link", "--project-ref", project["ref"])
    return cli


@pytest.fixture
def own_project(platform: Platform) -> Iterator[Project]:
    made = platform.create_project("pushed to")
    yield made
    platform.destroy(made["ref"])


def query(api: httpx2.Client, sql: str, *, path: str = "query", **more: Any) -> httpx2.Response:
    return api.post(f"/database/{path}", json={"query": sql, **more})


def test_sql_over_http(api: httpx2.Client, project: Project) -> None:
    made = query(api, "create table made_by_api (id int, word text)")
    assert (made.status_code, made.json()) == (201, [])
    query(api, "insert into made_by_api values (1, 'a'), (2, null)")
    rows = query(api, "select * from made_by_api order by id", path="query/read-only").json()
    assert rows == [{"id": 1, "word": "a"}, {"id": 2, "word": None}]
    one = query(api, "select word from made_by_api where id = $1", parameters=[1])
    assert one.json() == [{"word": "a"}]
    [who] = query(api, "select current_user, rolsuper from pg_roles where rolname = user").json()
    assert who == {"current_user": f"{project['ref']}_postgres", "rolsuper": False}
    query(api, "drop table made_by_api")


@pytest.mark.parametrize(
    ("sql", "path", "sqlstate"),
    [
        ("select * from missing", "query", "42P01"),
        ("selec", "query", "42601"),
        ("create role other", "query", "42501"),
        ("select pg_read_file('/etc/passwd')", "query", "42501"),
        ("create table other (id int)", "query/read-only", "25006"),
        ("commit; create table other (id int)", "query/read-only", "42601"),
        ("set local statement_timeout = '50ms'; select pg_sleep(60)", "query", "57014"),
    ],
)
def test_what_postgresql_refuses(api: httpx2.Client, sql: str, path: str, sqlstate: str) -> None:
    answer = query(api, sql, path=path)
    assert answer.status_code == 400
    assert f"Failed to run sql query: ERROR:  {sqlstate}: " in answer.json()["message"]


def test_migrations_over_http(api: httpx2.Client) -> None:
    def applied() -> dict[str, str]:
        return {each["name"]: each["version"] for each in api.get("/database/migrations").json()}

    before = applied()
    body = {"name": "steps", "query": "create table steps (id int) -- no end"}
    assert api.post("/database/migrations", json=body).status_code == 200
    body = {
        "name": "twice",
        "query": "create table other_steps (id int); create table steps (id int)",
    }
    assert api.post("/database/migrations", json=body).status_code == 400  # all of it or nothing
    assert query(api, "select * from other_steps").status_code == 400
    body = {"name": "more_steps", "query": "alter table steps add word text"}
    body |= {"rollback": "alter table steps drop word"}
    assert api.post("/database/migrations", json=body).status_code == 200
    found = applied()
    assert found.keys() - before.keys() == {"steps", "more_steps"}
    assert found["steps"] < found["more_steps"]
    one = api.get(f"/database/migrations/{found['more_steps']}").json()
    assert (one["statements"], one["rollback"]) == ([body["query"]], [body["rollback"]])

    # Nothing says how to take the first one back: none is.
    refused = api.delete("/database/migrations", params={"gte": found["steps"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "migration_without_rollback")
    assert applied() == found
    path = f"/database/migrations/{found['steps']}"
    patched = api.patch(path, json={"name": "first_steps", "rollback": "drop table steps"})
    assert patched.status_code == 200
    assert api.delete("/database/migrations", params={"gte": found["steps"]}).status_code == 200
    assert applied() == before
    assert query(api, "select * from steps").status_code == 400


def test_a_migration_that_was_applied_elsewhere_is_recorded(api: httpx2.Client) -> None:
    for text in ("create table never_made (id int)", "create table never (id int)"):
        body = {"name": "recorded", "query": text, "rollback": "select 1"}
        assert api.put("/database/migrations", json=body).status_code == 200
    [one] = [each for each in api.get("/database/migrations").json() if each["name"] == "recorded"]
    path = f"/database/migrations/{one['version']}"
    assert api.get(path).json()["statements"] == ["create table never (id int)"]
    assert query(api, "select * from never_made").status_code == 400
    assert api.delete("/database/migrations", params={"gte": one["version"]}).status_code == 200
    assert api.get(path).status_code == 404


def test_migrations_at_once_wait_for_one_another(api: httpx2.Client) -> None:
    def apply(number: int) -> int:
        body = {"name": f"at_once_{number}", "query": "select 1", "rollback": "select 1"}
        return api.post("/database/migrations", json=body).status_code

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(apply, range(4))) == {200}
    found = api.get("/database/migrations").json()
    versions = [each["version"] for each in found if each["name"].startswith("at_once_")]
    assert len(set(versions)) == 4
    assert api.delete("/database/migrations", params={"gte": min(versions)}).status_code == 200


def test_supabases_cli_asks_a_database(supabase: SupabaseCli) -> None:
    asked = "select 1 as one, 'é, \"x\"' as word, null as nothing"
    assert supabase.json("db", "query", "--remote", "--yes", asked)
    table = supabase.text("db", "query", "--remote", "--yes", "-o", "table", asked)
    assert "one" in table and "é" in table
    done = supabase("db", "query", "--remote", "--yes", "-o", "csv", asked)
    header, _ = csv.reader(io.StringIO(done.stdout))
    assert header == ["one", "word", "nothing"]
    read_only = ("db", "query", "--remote", "--read-only")
    supabase.text(*read_only, "select 1")
    # It refuses by itself what does not begin as a query does.
    refused = supabase(*read_only, "select lo_create(0)")
    assert refused.returncode != 0 and "25006" in refused.stdout + refused.stderr


def test_supabases_cli_lists_migrations(
    supabase: SupabaseCli, api: httpx2.Client, project: Project
) -> None:
    """By the database's address: of a linked project it wants a server on port 5432."""
    body = {"name": "listed", "query": "select 1", "rollback": "select 1"}
    assert api.post("/database/migrations", json=body).status_code == 200
    [one] = [each for each in api.get("/database/migrations").json() if each["name"] == "listed"]
    address = f"--remote={project['db_url']}?sslmode=disable"
    assert one["version"] in supabase.text("migration", "list", address)
    assert api.delete("/database/migrations", params={"gte": one["version"]}).status_code == 200


def test_supabases_cli_generates_types(
    supabase: SupabaseCli, api: httpx2.Client, project: Project, tmp_path: Path
) -> None:
    query(api, "create table typed (id bigint primary key, word text)")
    for target in ("--remote", f"--remote={project['ref']}"):
        done = supabase("gen", "types", target, "--schema", "public")
        assert done.returncode == 0, done.stderr
        assert "typed: {\n        Row: {\n          id: number\n" in done.stdout
    query(api, "drop table typed")


def test_supabases_cli_pushes_what_its_init_wrote(
    platform: Platform, make_supabase_cli: MakeSupabaseCli, own_project: Project
) -> None:
    """Unchanged, twice; and what nothing here could act on is refused by name."""
    ref = own_project["ref"]
    cli = make_supabase_cli(platform.home.api_url, platform.token)
    cli.text("init")
    cli.text("link", "--project-ref", ref)
    pushed = cli.text("config", "push", "--yes")
    assert "(not returned: pooler, realtime, storage)" in pushed
    wait_until_idle(platform, ref)
    told = platform.json("config", "get", "auth", "--project", ref)
    assert (told["site_url"], told["disable_signup"]) == ("http://127.0.0.1:3000", False)
    assert (told["rate_limit_otp"], told["mailer_otp_length"]) == (30, 6)
    rest = platform.json("config", "get", "rest", "--project", ref)
    assert rest["db_schema"] == "public,graphql_public"
    headers = {"apikey": own_project["anon_key"]}
    assert httpx2.get(f"{own_project['api_url']}/rest/v1/", headers=headers).is_success
    assert "Would update" not in cli.text("config", "push", "--yes")

    file = cli.folder / "supabase/config.toml"
    mfa = "[auth.mfa.totp]\nenroll_enabled = "
    file.write_text(file.read_text().replace(f"{mfa}false", f"{mfa}true"))
    refused = cli("config", "push", "--yes")
    assert refused.returncode != 0
    assert "could act on mfa_totp_enroll_enabled" in refused.stdout + refused.stderr


def test_logs_are_the_projects_own(
    platform: Platform, api: httpx2.Client, project: Project, neighbor: Project
) -> None:
    """What it did itself, and nothing of a neighbor who writes as if it were; nor does what a login
    claims to be called, with a line break in it, pass for a line of its own."""
    word, ref, other = secrets.token_hex(8), project["ref"], neighbor["ref"]
    assert query(api, f"select mine_{word}").status_code == 400
    begins = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}.000 UTC [1] client backend"
    with connect(neighbor["db_url"]) as conn, pytest.raises(psycopg.Error):
        conn.execute(f"select 'theirs_{word}\n{begins} {ref}/{ref}_postgres ERROR:  a_{word}'::int")
    address = f"host=127.0.0.1 port={platform.home.ports.postgres} password=x"
    for database, login in (
        (f"\n{begins} {ref}", f"{ref}_postgres ERROR:  b_{word}"),
        (other, f"\n{begins} {ref}/{ref}_postgres ERROR:  c_{word}"),
    ):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(address, dbname=database, user=login)
    asked = {"sql": MCP_QUERY, "iso_timestamp_start": f"{datetime.now(UTC) - LATELY:%FT%TZ}"}
    answer = api.get("/analytics/endpoints/logs", params=asked)
    assert answer.status_code == 200, answer.text
    found = {row["event_message"] for row in answer.json()["result"] if word in str(row)}
    assert found == {f"select mine_{word}", f'column "mine_{word}" does not exist at character 8'}


def test_publishable_and_secret_keys_open_the_project_and_close_it(
    platform: Platform, api: httpx2.Client, notes: Project, run_js: RunJs
) -> None:
    def issue(type: str) -> dict[str, str]:
        body = {"type": type, "name": f"{type}_e2e"}
        answer = api.post("/api-keys", params={"reveal": "true"}, json=body)
        assert answer.status_code == 201, answer.text
        return _ended(platform, answer)

    page, server = issue("publishable"), issue("secret")
    issued = {**notes, "anon_key": page["api_key"], "service_role_key": server["api_key"]}
    done = run_js("rows.test.mjs", issued)
    assert done.returncode == 0, done.stdout + done.stderr
    for key in (page, server):
        _ended(platform, api.delete(f"/api-keys/{key['id']}"))
        url, headers = f"{notes['api_url']}/rest/v1/open_notes", {"apikey": key["api_key"]}
        # Traefik reads its files a moment later.
        eventually(lambda: httpx2.get(url, headers=headers).status_code == 401, timeout_s=10)  # noqa: B023
    done = run_js("rows.test.mjs", notes)
    assert done.returncode == 0, done.stdout + done.stderr


def _ended(platform: Platform, answer: httpx2.Response) -> dict[str, str]:
    """The answer, once its operation has ended well."""
    operation = answer.headers["Location"].rpartition("/")[2]
    assert platform.croft("operations", "watch", operation).returncode == 0
    found: dict[str, str] = answer.json()
    return found
