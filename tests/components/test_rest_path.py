"""The path of a request, for real: Traefik -> PostgREST -> PostgreSQL."""

import time

import psycopg
import pytest

from tests.components.conftest import RestPair, Served
from tests.components.servers import opaque_key, request

# Two seconds are promised; a machine that runs every test at once may need more.
RELOAD_S = 6.0
BROWSER = {"Origin": "http://localhost:3000"}


@pytest.fixture
def table(rest: RestPair) -> str:
    """A table with one open and one hidden row, made over the tenant's own login."""
    name = f"notes_{time.monotonic_ns()}"
    with rest.a.project.connect() as conn:
        conn.execute(f"create table {name} (id int primary key, body text, open boolean)")
        conn.execute(f"insert into {name} values (1, 'seen', true), (2, 'hidden', false)")
        conn.execute(f"create policy readers on {name} for select to anon using (open)")
    _wait_for(rest, name)
    return name


def _wait_for(rest: RestPair, path: str, served: Served | None = None) -> None:
    """PostgREST must learn of new objects by itself. (A GET proves nothing for a table: version 12
    asks the database whether it exists; OPTIONS asks the schema cache.)"""
    served = served or rest.a
    deadline = time.monotonic() + RELOAD_S
    url, key = f"{served.api_url}/rest/v1/{path}", served.project.key("service_role")
    while request("OPTIONS", url, apikey=key).status == 404:
        assert time.monotonic() < deadline, f"{path} is not known to PostgREST"
        time.sleep(0.02)


def _get(rest: RestPair, path: str, **headers: str):
    return request("GET", f"{rest.a.api_url}/rest/v1/{path}", **headers)


def test_anon_reads_and_row_security_hides(rest: RestPair, table: str) -> None:
    anon, service = rest.a.project.key("anon"), rest.a.project.key("service_role")
    assert len(_get(rest, table, apikey=anon).json) == 2
    with rest.a.project.connect() as conn:
        conn.execute(f"alter table {table} enable row level security")
    assert [row["id"] for row in _get(rest, table, apikey=anon).json] == [1]
    assert len(_get(rest, table, apikey=service).json) == 2


def test_clients_repeat_their_key_as_bearer(rest: RestPair, table: str) -> None:
    for role in ("anon", "service_role"):
        for key in (rest.a.project.key(role), opaque_key(role)):
            answer = _get(rest, table, apikey=key, Authorization=f"Bearer {key}")
            assert answer.status == 200, (role, key, answer.body)
            if key.startswith("sb_"):
                lower = _get(rest, table, apikey=key, Authorization=f"bearer  {key}")
                assert lower.status == 200


def test_the_platforms_own_question_is_answered_as_anons(rest: RestPair, table: str) -> None:
    project = rest.a.project
    probe = project.probe_key
    with project.connect() as conn:
        conn.execute(f"alter table {table} enable row level security")
    service = f"Bearer {project.key('service_role')}"
    assert len(_get(rest, table, apikey=project.key("anon"), Authorization=service).json) == 2
    for headers in ({"apikey": probe}, {"apikey": probe, "Authorization": service}):
        assert [row["id"] for row in _get(rest, table, **headers).json] == [1]
    assert _get(rest, table, apikey=rest.b.project.probe_key).status == 401


def test_both_forms_of_address(rest: RestPair, table: str) -> None:
    host = f"{rest.a.project.ref}.localhost"
    anon = rest.a.project.key("anon")
    for name in (host, host.upper(), f"{host}:54321"):
        answer = request("GET", f"{rest.gateway.url}/rest/v1/{table}", apikey=anon, Host=name)
        assert answer.status == 200, name
    for path in ("rest/v1x/", "rest/v1", "auth/v1/x", "rest/v2/"):
        answer = request("GET", f"{rest.a.api_url}/{path}", apikey=anon)
        assert answer.status == (200 if path == "rest/v1" else 404), path


def test_writing(rest: RestPair, table: str) -> None:
    key = rest.a.project.key("service_role")
    url = f"{rest.a.api_url}/rest/v1/{table}"
    made = request("POST", url, {"id": 3, "body": "é"}, apikey=key, Prefer="return=representation")
    assert made.status == 201, made.body
    assert (made.status, made.json[0]["body"]) == (201, "é")
    assert request("PATCH", f"{url}?id=eq.3", {"body": "x"}, apikey=key).status == 204
    assert request("DELETE", f"{url}?id=eq.3", apikey=key).status == 204


def test_no_or_unknown_key_is_refused_before_the_database(rest: RestPair, table: str) -> None:
    project = rest.a.project
    with project.cluster.connect(project.names.database) as conn:
        before = _settled_backend_starts(conn)
        user = {"Authorization": f"Bearer {project.user_token()}"}
        for headers in (
            {}, {"apikey": ""}, {"apikey": "nonsense"}, {"apikey": project.key("anon") + "x"},
            {"apikey": project.key("anon").upper()}, {"apikey": rest.b.project.key("anon")},
            user, {"apikey": "nonsense", **user},
            {"apikey": "x", "Authorization": f"Bearer {project.key('service_role')}"},
        ):  # fmt: skip
            for method in ("GET", "POST", "DELETE", "OPTIONS", "HEAD"):
                answer = request(method, f"{rest.a.api_url}/rest/v1/{table}", **headers, **BROWSER)
                assert answer.status == 401, (method, headers)
                assert answer.headers.get_all("Access-Control-Allow-Origin") == ["*"]
                assert "apikey" in answer.headers["WWW-Authenticate"]
                if method != "HEAD":
                    assert answer.json["message"]
        assert _backend_starts(conn) == before


def _settled_backend_starts(conn) -> list:
    """Once PostgREST has read all of what the table's making told it of."""
    before = _backend_starts(conn)
    deadline = time.monotonic() + RELOAD_S
    while time.sleep(0.5) or before != (now := _backend_starts(conn)):
        assert time.monotonic() < deadline, "PostgREST goes on asking the database"
        before = now
    return before


def _backend_starts(conn) -> list:
    """When each of PostgREST's connections last began a query."""
    return conn.execute(
        "select pid, query_start from pg_stat_activity where application_name = 'postgrest'"
        " and datname = current_database() order by pid"
    ).fetchall()


def test_preflight_is_answered_without_a_key(rest: RestPair, table: str) -> None:
    headers = {
        **BROWSER,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "apikey,authorization,x-client-info",
    }
    for url in (f"{rest.a.api_url}/rest/v1/{table}", f"{rest.a.api_url}/rest/v1/rpc/x"):
        answer = request("OPTIONS", url, **headers)
        assert answer.status == 200
        allowed = answer.headers["Access-Control-Allow-Headers"].split(",")
        assert {"apikey", "authorization", "x-client-info", "prefer"} <= {
            a.strip() for a in allowed
        }
        assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
        assert answer.headers.get_all("Access-Control-Allow-Origin") == ["*"]


def test_browser_may_read_answer_and_range(rest: RestPair, table: str) -> None:
    answer = _get(rest, table, apikey=rest.a.project.key("anon"), Prefer="count=exact", **BROWSER)
    assert answer.headers.get_all("Access-Control-Allow-Origin") == ["*"]
    exposed = answer.headers.get_all("Access-Control-Expose-Headers")
    assert len(exposed) == 1
    assert "content-range" in exposed[0]
    assert answer.headers["Content-Range"] == "0-1/2"


def test_user_tokens(rest: RestPair, table: str) -> None:
    project, anon = rest.a.project, rest.a.project.key("anon")
    with project.connect() as conn:
        conn.execute(
            f"create policy own on {table} for select to authenticated using"
            f" (auth.uid() = '9f1b2c3d-0000-4000-8000-000000000001' and id = 2)"
        )
        conn.execute(f"alter table {table} enable row level security")

    def ask(token: str):
        return _get(rest, table, apikey=anon, Authorization=f"Bearer {token}")

    good = ask(project.user_token())
    assert [row["id"] for row in good.json] == [2]
    assert ask(project.user_token(aud=["x", "authenticated"])).status == 200
    assert (
        ask(project.user_token(iss=f"http://{project.ref}.localhost:54321/auth/v1")).status == 200
    )
    for wrong in (
        {"exp": None}, {"exp": 1},
        {"nbf": 4_000_000_000}, {"iat": 4_000_000_000},
        {"iss": None}, {"iss": rest.b.project.issuer}, {"aud": None},
        {"aud": "other"}, {"aud": []}, {"secret": "another secret, long enough for HS256"},
    ):  # fmt: skip
        answer = ask(project.user_token(**wrong))
        assert answer.status == 401, (wrong, answer.body)
        assert answer.json["message"], wrong
    assert "iss" in ask(project.user_token(iss="x")).json["message"]
    for other in (rest.b.project.user_token(), rest.b.project.key("service_role"), "nonsense", ""):
        assert ask(other).status == 401 or other == "", other
    for role in (
        "postgres",
        project.names.postgres,
        project.names.authenticator,
        "croft_admin",
        rest.b.project.names.postgres,
    ):
        assert ask(project.user_token(role=role)).status in (401, 403)


def test_other_project_sees_nothing(rest: RestPair, table: str) -> None:
    b = rest.b.project
    for key in (b.key("anon"), b.key("service_role")):
        assert _get(rest, table, apikey=key, Authorization=f"Bearer {key}").status == 401
        own = request("GET", f"{rest.b.api_url}/rest/v1/{table}", apikey=key)
        assert own.status == 404


def test_new_table_function_and_foreign_key_are_there_at_once(rest: RestPair, table: str) -> None:
    stamp = time.monotonic_ns()
    key = rest.a.project.key("service_role")
    with rest.a.project.connect() as conn:
        conn.execute(f"create table lines_{stamp} (id int primary key, note int)")
        conn.execute(f"insert into lines_{stamp} values (7, 1)")
        conn.execute(
            f"create function add_{stamp}(a int, b int) returns int language sql return a + b"
        )
    _wait_for(rest, f"lines_{stamp}")
    _wait_for(rest, f"rpc/add_{stamp}?a=1&b=2")
    assert _get(rest, f"rpc/add_{stamp}?a=1&b=2", apikey=rest.a.project.key("anon")).json == 3
    with rest.a.project.connect() as conn:
        conn.execute(f"alter table lines_{stamp} add foreign key (note) references {table}")
    deadline = time.monotonic() + RELOAD_S
    while (found := _get(rest, f"lines_{stamp}?select=id,{table}(body)", apikey=key)).status != 200:
        assert time.monotonic() < deadline, found.body
        time.sleep(0.02)
    assert found.json == [{"id": 7, table: {"body": "seen"}}]
    with rest.a.project.connect() as conn:
        conn.execute(f"drop table lines_{stamp}")
    assert _get(rest, f"lines_{stamp}", apikey=key).status == 404


def test_settings_of_shared_roles_change_nothing(rest: RestPair, table: str) -> None:
    """Any member may ALTER ROLE anon SET; with db-config off nobody reads it."""
    b = rest.b.project
    with rest.a.project.connect() as conn:
        conn.execute(
            f"create function shown_{table}() returns text language sql"
            " return current_setting('statement_timeout')"
        )
        _wait_for(rest, f"rpc/shown_{table}")
        conn.execute("set role anon")
        conn.execute("alter role anon set statement_timeout = '1ms'")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("alter role anon set pgrst.db_schemas = 'auth'")
        conn.execute("notify pgrst, 'reload config'")
    with b.connect() as conn:
        conn.execute(
            "create or replace function slow() returns int language sql volatile as"
            " $$ select 1 from pg_sleep(0.1) $$"
        )
    _wait_for(rest, "rpc/slow", rest.b)
    try:
        time.sleep(0.5)
        shown = _get(rest, f"rpc/shown_{table}", apikey=rest.a.project.key("anon"))
        assert shown.json == "3s"
        assert _get(rest, table, apikey=rest.a.project.key("anon")).status == 200
        url = f"{rest.b.api_url}/rest/v1/rpc/slow"
        assert request("GET", url, apikey=b.key("anon")).json == 1
    finally:
        with b.cluster.connect() as conn:
            conn.execute("alter role anon reset all")


def test_timeouts_by_role(rest: RestPair, table: str) -> None:
    project = rest.a.project
    with project.connect() as conn:
        conn.execute(
            f"create function limit_{table}() returns text language sql"
            " return current_setting('statement_timeout')"
        )
        conn.execute(
            f"create function sleep_{table}() returns void language sql volatile as"
            " $$ select pg_sleep(4) $$"
        )
    _wait_for(rest, f"rpc/limit_{table}")
    anon, service = project.key("anon"), project.key("service_role")
    bearer = {"Authorization": f"Bearer {project.user_token()}"}
    assert _get(rest, f"rpc/limit_{table}", apikey=anon).json == "3s"
    assert _get(rest, f"rpc/limit_{table}", apikey=anon, **bearer).json == "8s"
    assert _get(rest, f"rpc/limit_{table}", apikey=service).json == "8s"
    assert _get(rest, f"rpc/sleep_{table}", apikey=anon).json["code"] == "57014"


def test_a_restricted_project_says_so_until_the_platform_lifts_it(
    rest: RestPair, table: str
) -> None:
    project, other = rest.a.project, rest.b.project
    anon, service = project.key("anon"), project.key("service_role")
    bearer = {"Authorization": f"Bearer {project.user_token()}"}
    with project.connect() as conn:  # in a session, hence in none of PostgREST's
        conn.execute(
            f"create function lift_{table}() returns text language sql"
            " return set_config('croft.restriction', '', false)"
        )
    _wait_for(rest, f"rpc/lift_{table}")
    assert (
        request("POST", f"{rest.a.api_url}/rest/v1/rpc/lift_{table}", {}, apikey=service).json == ""
    )
    with project.cluster.connect() as admin:
        admin.execute(
            f"alter database {project.names.database}"
            " set croft.restriction = 'exceed_api_requests_quota'"
        )
        try:
            for headers in ({"apikey": anon}, {"apikey": service}, {"apikey": anon} | bearer):
                answer = _get(rest, table, **headers)
                assert answer.status == 402
                assert "exceed_api_requests_quota" in answer.json["message"]
            with project.connect() as conn:  # its data is there for whoever logs in
                assert conn.execute(f"select count(*) from {table}").fetchone() == (2,)
            assert _get(rest, table, apikey=anon).status == 402
            url = f"{rest.b.api_url}/rest/v1/"
            assert request("GET", url, apikey=other.key("anon")).status == 200
        finally:
            admin.execute(f"alter database {project.names.database} reset croft.restriction")
    assert _get(rest, table, apikey=anon).status == 200


def test_hidden_schemas(rest: RestPair) -> None:
    key = rest.a.project.key("service_role")
    for schema in ("auth", "croft", "extensions", "pg_catalog", "information_schema"):
        answer = _get(rest, "users", apikey=key, Accept_Profile=schema)
        assert answer.status == 406, schema
    assert _get(rest, "rpc/pg_sleep?seconds=1", apikey=key).status == 404


def test_forwarded_headers_from_outside_are_dropped(rest: RestPair) -> None:
    project = rest.a.project
    with project.connect() as conn:
        conn.execute(
            "create or replace function headers() returns json language sql as"
            " $$ select current_setting('request.headers')::json $$"
        )
    _wait_for(rest, "rpc/headers")
    names = ("X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-Forwarded-For",
             "X-Forwarded-Port", "X-Real-Ip", "X-Forwarded-Uri")  # fmt: skip
    seen = _get(
        rest, "rpc/headers", apikey=project.key("anon"), traceparent="00-1-2-03",
        **dict.fromkeys(names, "evil"),
    ).json  # fmt: skip
    assert "evil" not in str(seen)
    assert seen["x-forwarded-prefix"] == f"/p/{project.ref}/rest/v1"
    assert seen["x-forwarded-host"] == f"127.0.0.1:{rest.gateway.port}"
    assert seen["traceparent"] == "00-1-2-03"
