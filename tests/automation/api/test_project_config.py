"""A project's services in Supabase's paths and shapes: what is told, and what a change promises."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from automation import keys
from automation.api import turns
from automation.encryption.keyring import open_keyring
from automation.registry import operations, projects
from automation.status import DATABASE_FULL
from tests.automation.api.test_errors import check_problem
from tests.automation.work_done import settle


def wanted(ctx, answer):
    """The settings that the operation behind an answer is to bring about."""
    with ctx.transaction() as conn:
        row = operations.find(conn, answer.headers["Location"].rpartition("/")[2])
        assert row.kind == "update"
        return row.input["spec"]


def bring_about(ctx, ref, spec):
    """The project has these settings, and its operation has ended."""
    with ctx.transaction() as conn:
        conn.execute("UPDATE projects SET spec = %s WHERE ref = %s", [json.dumps(spec), ref])
    settle(ctx, ref)


def test_postgrest_is_part_of_the_spec(ctx, api, ref):
    path = f"/v1/projects/{ref}/postgrest"
    before = api.get(path)
    assert before.json() == {
        "db_schema": "public",
        "db_extra_search_path": "public,extensions",
        "max_rows": 1000,
        "db_pool": 4,
        "db_pool_acquisition_timeout": None,
        "db_pool_max_lifetime": None,
        "db_pool_max_idletime": None,
    }
    body = {"db_schema": "public, api", "max_rows": 7}
    answer = api.patch(path, json=body, headers={"If-Match": before.headers["ETag"]})
    assert answer.status_code == 200
    assert answer.json() == before.json() | {"db_schema": "public,api", "max_rows": 7}
    rest = wanted(ctx, answer)["rest"]
    assert (rest["schemas"], rest["max_rows"], rest["pool"]) == (["public", "api"], 7, 4)
    # Another operation holds the project now.
    locked = api.patch(path, json=body)
    check_problem(locked, 423, "project_locked")
    assert int(locked.headers["Retry-After"]) > 0


def test_a_change_made_from_another_configuration_is_refused(api, ref):
    for method, path, body in (
        ("PATCH", "postgrest", {"max_rows": 7}),
        ("PUT", "config/database/postgres", {"max_connections": 7}),
        ("PATCH", "config/auth", {"jwt_exp": 60}),
        ("PATCH", "config/storage", {}),
        ("PATCH", "config/realtime", {}),
    ):
        headers = {"If-Match": '"another"'}
        answer = api.request(method, f"/v1/projects/{ref}/{path}", json=body, headers=headers)
        check_problem(answer, 412, "spec_changed")


def test_the_next_change_waits_for_its_turn(ctx, api, ref, monkeypatch):
    """Supabase's tools send one after the other."""
    first = api.patch(f"/v1/projects/{ref}/postgrest", json={"max_rows": 7})
    monkeypatch.setattr(turns, "WAIT_S_MAX", 60)
    is_held, waits = turns.operations.is_held, Event()
    monkeypatch.setattr(
        turns.operations, "is_held", lambda *asked: [is_held(*asked), waits.set()][0]
    )
    with ThreadPoolExecutor(1) as threads:
        path = f"/v1/projects/{ref}/config/auth"
        second = threads.submit(api.patch, path, json={"jwt_exp": 60})
        assert waits.wait(timeout=60)
        bring_about(ctx, ref, wanted(ctx, first))
        answer = second.result(timeout=60)
    assert answer.status_code == 200, answer.text
    after = wanted(ctx, answer)
    assert (after["rest"]["max_rows"], after["auth"]["jwt_exp"]) == (7, 60)


@pytest.mark.parametrize(
    "body",
    [
        {"max_rows": 0},
        {"max_rows": True},
        {"db_pool": 101},
        {"db_schema": ""},
        {"db_schema": "auth"},
        {"db_schema": "public,pg_catalog"},
        {"db_schema": 'a"b'},
        {"db_schema": "a'; drop"},
        {"db_extra_search_path": "a b"},
        {"db_plan_enabled": True},
    ],
)
def test_what_postgrest_is_not_given(api, ref, body):
    answer = api.patch(f"/v1/projects/{ref}/postgrest", json=body)
    check_problem(answer, 422, "invalid_input")


def test_postgres_has_one_setting_of_a_projects_own(ctx, api, ref):
    path = f"/v1/projects/{ref}/config/database/postgres"
    assert api.get(path).json() == {"max_connections": 30}
    check_problem(api.put(path, json={"work_mem": "8GB"}), 422, "invalid_input")
    answer = api.put(path, json={"max_connections": 9, "restart_database": False})
    assert answer.json() == {"max_connections": 9}
    assert wanted(ctx, answer)["connections_max"] == 9


def test_auth_is_told_in_supabases_every_setting_and_part_of_the_spec(ctx, api, ref):
    path = f"/v1/projects/{ref}/config/auth"
    before = api.get(path)
    assert len(before.json()) == 238
    held = {name: value for name, value in before.json().items() if value}
    assert held == {
        "disable_signup": True,
        "external_email_enabled": True,
        "jwt_exp": 3600,
        "mailer_autoconfirm": True,
        "sessions_inactivity_timeout": 0.5,
        "sessions_timebox": 10,
    }
    body = {
        "disable_signup": False,
        "jwt_exp": 60,
        "password_min_length": 9,
        "sessions_timebox": 1,
        "uri_allow_list": "https://a.test/**, my.app://back",
        # Off already, as Supabase's CLI writes it down.
        "external_github_enabled": False,
        "mailer_autoconfirm": True,
        "smtp_host": None,
        "sms_template": "",
    }
    answer = api.patch(path, json=body, headers={"If-Match": before.headers["ETag"]})
    assert answer.status_code == 200, answer.text
    changed = {name: value for name, value in answer.json().items() if body.get(name)}
    assert changed == {
        "jwt_exp": 60,
        "mailer_autoconfirm": True,
        "password_min_length": 9,
        "sessions_timebox": 1,
        "uri_allow_list": "https://a.test/**,my.app://back",
    }
    auth = wanted(ctx, answer)["auth"]
    assert auth["uri_allow_list"] == ["https://a.test/**", "my.app://back"]
    assert (auth["disable_signup"], auth["external_email_enabled"]) == (False, True)


def test_null_is_what_a_new_project_has(ctx, api, ref):
    with ctx.transaction() as conn:
        conn.execute(
            "UPDATE projects SET spec = %s", ['{"auth": {"jwt_exp": 60, "site_url": "x://y"}}']
        )
    path = f"/v1/projects/{ref}/config/auth"
    told = api.get(path).json()
    assert (told["jwt_exp"], told["site_url"]) == (60, "x://y")
    auth = wanted(ctx, api.patch(path, json={"jwt_exp": None}))["auth"]
    assert (auth["jwt_exp"], auth["site_url"]) == (3600, "x://y")


def test_what_no_realm_holds_is_refused_by_name(api, ref):
    path = f"/v1/projects/{ref}/config/auth"
    for body, named in (
        ({"external_github_enabled": True, "jwt_exp": 60}, "external_github_enabled"),
        ({"smtp_host": "mail.test", "smtp_pass": "hunter2"}, "smtp_host, smtp_pass"),
        ({"mailer_autoconfirm": False}, "mailer_autoconfirm"),
        ({"mfa_totp_enroll_enabled": True, "rate_limit_otp": 30}, "mfa_totp_enroll_enabled"),
    ):
        answer = api.patch(path, json=body)
        check_problem(answer, 400, "setting_not_held")
        assert answer.json()["message"].endswith(f" {named}")
        assert "hunter2" not in answer.text
    assert api.get(path).json()["jwt_exp"] == 3600


KEPT = {
    "rate_limit_otp": 30,
    "security_refresh_token_reuse_interval": 10,
    "mailer_otp_exp": 3600,
    "mailer_secure_email_change_enabled": True,
    "sms_template": "Your code is {{ .Code }}",
}


def test_what_binds_nobody_yet_is_kept_and_given_back(ctx, api, ref):
    """Beside what the realm holds, and until it is asked for otherwise."""
    path = f"/v1/projects/{ref}/config/auth"
    before = api.get(path).json()
    answer = api.patch(path, json={**KEPT, "jwt_exp": 60})
    assert answer.json() == before | KEPT | {"jwt_exp": 60}
    spec = wanted(ctx, answer)
    kept = {name: value for name, value in spec["auth_service"].items() if value}
    assert (kept, spec["auth"]["jwt_exp"]) == (KEPT, 60)
    bring_about(ctx, ref, spec)
    assert api.get(path).json() == before | KEPT | {"jwt_exp": 60}
    answer = api.patch(path, json=dict.fromkeys(KEPT))
    assert answer.json() == before | {"jwt_exp": 60}


def test_what_a_realm_is_not_given(api, ref):
    for body in (
        {"rate_limit_otp": 0},
        {"rate_limit_otp": 2**31},
        {"mailer_otp_length": 5},
        {"sms_autoconfirm": 1},
        {"sms_template": "x" * 1001},
        {"sms_template": "a\0b"},
        {"auth_service": {"rate_limit_otp": 30}},
        {"jwt_exp": 29},
        {"jwt_exp": "60"},
        {"jwt_exp": 36_001},  # longer than its session
        {"sessions_timebox": 0},
        {"disable_signup": "no"},
        {"password_min_length": 5},
        {"password_required_characters": "abc"},
        {"site_url": "example.org"},
        {"site_url": "https://a.test/*"},
        {"site_url": "javascript://a.test/%0aalert(1)"},
        {"uri_allow_list": "https://*.test"},
        {"uri_allow_list": "https://a.test/*"},
        {"uri_allow_list": "https://**"},
        {"uri_allow_list": "x://y," * 51},
        {"uri_allow_list": ["https://a.test"]},
        {"sign_ups": True},
        [],
    ):
        answer = api.patch(f"/v1/projects/{ref}/config/auth", json=body)
        check_problem(answer, 422, "invalid_input")


OFF = {"enabled": False}
STORAGE_AS_IT_IS = {
    "fileSizeLimit": 1024**3,
    "features": {"s3Protocol": OFF, "vectorBuckets": OFF | {"maxBuckets": 0, "maxIndexes": 0}},
    "external": {"upstreamTarget": "main"},
}


def test_of_storage_and_realtime_what_is_so_already_may_be_asked_for(ctx, api, ref):
    path = f"/v1/projects/{ref}/config"
    storage = api.get(f"{path}/storage")
    same = {"If-Match": storage.headers["ETag"]}
    for body in ({}, STORAGE_AS_IT_IS, {"features": None, "fileSizeLimit": None}):
        answer = api.patch(f"{path}/storage", json=body, headers=same)
        assert (answer.status_code, answer.json()) == (200, storage.json()), answer.text
    for body in ({}, {"suspend": True, "presence_enabled": False, "private_only": False}):
        answer = api.patch(f"{path}/realtime", json=body, headers=same)
        assert (answer.status_code, answer.content) == (204, b""), answer.text
    with ctx.transaction() as conn:
        assert operations.find_active(conn, ref) is None


def test_of_storage_and_realtime_the_rest_is_refused_by_name(api, ref):
    on = {"enabled": True}
    for service, body, named in (
        ("storage", {"fileSizeLimit": 50 * 1024**2}, "fileSizeLimit"),
        ("storage", {"fileSizeLimit": 0}, "fileSizeLimit"),
        ("storage", {"external": {"upstreamTarget": "canary"}}, "external.upstreamTarget"),
        (
            "storage",
            {"features": {"imageTransformation": on, "purgeCache": OFF, "s3Protocol": on}},
            "features.imageTransformation.enabled, features.s3Protocol.enabled",
        ),
        (
            "storage",
            {"features": {"vectorBuckets": OFF | {"maxBuckets": 10, "maxIndexes": 0}}},
            "features.vectorBuckets.maxBuckets",
        ),
        ("realtime", {"suspend": False}, "suspend"),
        ("realtime", {"max_concurrent_users": 200, "private_only": True},
         "max_concurrent_users, private_only"),
    ):  # fmt: skip
        answer = api.patch(f"/v1/projects/{ref}/config/{service}", json=body)
        check_problem(answer, 400, "setting_not_held")
        assert answer.json()["message"] == f"nothing here could act on {named}"


def test_what_storage_and_realtime_are_not_given(api, ref):
    for service, body in (
        ("storage", {"fileSizeLimit": -1}),
        ("storage", {"fileSizeLimit": 500 * 1024**3 + 1}),
        ("storage", {"fileSizeLimit": True}),
        ("storage", {"features": {"s3Protocol": {}}}),
        ("storage", {"features": {"s3Protocol": {"enabled": 1}}}),
        ("storage", {"features": {"more": OFF}}),
        ("storage", {"migrationVersion": ""}),
        ("storage", []),
        ("realtime", {"max_joins_per_second": 0}),
        ("realtime", {"max_joins_per_second": 5001}),
        ("realtime", {"suspend": "yes"}),
        ("realtime", {"admin_suspended_at": None}),
    ):
        answer = api.patch(f"/v1/projects/{ref}/config/{service}", json=body)
        check_problem(answer, 422, "invalid_input")


def test_all_of_it_at_once_is_what_the_services_tell(api, ref):
    answer = api.get(f"/v2/projects/{ref}/config")
    spec = api.get(f"/v1/projects/{ref}/spec")
    assert answer.headers["ETag"] == spec.headers["ETag"]
    data = answer.json()["data"]
    assert (data["type"], data["id"]) == ("project_config", ref)
    # A block of what is not there would be taken for one that can be changed.
    assert data["attributes"].keys() == {"database", "auth", "api"}
    below = f"/v1/projects/{ref}"
    assert data["attributes"]["auth"] == api.get(f"{below}/config/auth").json()
    assert data["attributes"]["api"] == api.get(f"{below}/postgrest").json()
    database = data["attributes"]["database"]
    assert database["postgres_settings"] == api.get(f"{below}/config/database/postgres").json()
    version = api.get(below).json()["database"]["version"]
    assert version.startswith(f"{database['major_version']}.")
    assert [each["address"] for each in database["network_restrictions"]["allowed_cidrs"]] == [
        "127.0.0.0/8",
        "::1/128",
    ]


def test_secrets_are_kept_sealed_and_never_shown(ctx, api, ref):
    path = f"/v1/projects/{ref}/secrets"
    for value in ("hunter2 one", "hunter2 two"):
        body = [{"name": "API_TOKEN", "value": value}, {"name": "EMPTY", "value": ""}]
        assert api.post(path, json=body).status_code == 201
    listed = api.get(path)
    assert [each["name"] for each in listed.json()] == ["API_TOKEN", "EMPTY"]
    assert "hunter2" not in listed.text
    with ctx.transaction() as conn:
        row = projects.find(conn, ref)
        found = keys.read_secrets(conn, open_keyring(ctx.settings.home), row, ["env:API_TOKEN"])
        assert found == {"env:API_TOKEN": "hunter2 two"}
        stored = "SELECT count(*) FROM project_secrets WHERE name = 'env:API_TOKEN'"
        assert conn.execute(stored).fetchone() == (1,)  # nothing of what it was before
        logged = "SELECT 1 FROM audit.project_audit_logs WHERE entry LIKE '%hunter2%'"
        assert conn.execute(logged).fetchone() is None
    assert api.request("DELETE", path, json=["API_TOKEN", "NOT_THERE"]).status_code == 200
    assert [each["name"] for each in api.get(path).json()] == ["EMPTY"]


def test_the_environment_is_the_projects_own_and_its_users(api, ref, key_service):
    assert api.post(f"/v1/projects/{ref}/secrets", json=[{"name": "A", "value": "b c"}]).is_success
    given = api.get(f"/v1/projects/{ref}/connection").json()
    assert api.get(f"/v1/projects/{ref}/environment").json() == {
        "SUPABASE_URL": given["api_url"],
        "SUPABASE_ANON_KEY": given["anon_key"],
        "SUPABASE_SERVICE_ROLE_KEY": given["service_role_key"],
        "SUPABASE_DB_URL": given["db_url"],
        "A": "b c",
    }


@pytest.mark.parametrize(
    "name", ["", "SUPABASE_URL", "1A", "A-B", "A=B", "A\n", "A\0", "é", "A" * 257, None]
)
def test_names_that_no_variable_has(api, ref, name):
    path = f"/v1/projects/{ref}/secrets"
    answer = api.post(path, json=[{"name": "GOOD", "value": "x"}, {"name": name, "value": "x"}])
    check_problem(answer, 422, "invalid_input")
    assert api.get(path).json() == []


@pytest.mark.parametrize("value", ["a\0b", "x" * 24_577, 5, None])
def test_values_that_no_variable_holds(api, ref, value):
    body = [{"name": "A", "value": value}]
    check_problem(api.post(f"/v1/projects/{ref}/secrets", json=body), 422, "invalid_input")


def test_a_database_over_its_limit_is_said_to_be_read_only(ctx, api, ref):
    path = f"/v1/projects/{ref}/readonly"
    assert api.get(path).json()["enabled"] is False
    with ctx.transaction() as conn:
        projects.set_condition(conn, ref, DATABASE_FULL, reason="OverLimit", message="it is full")
    told = {"enabled": True, "override_enabled": False, "override_active_until": ""}
    assert api.get(path).json() == told


def test_health_tells_what_does_not_answer_and_what_is_not_built(api, ref):
    answer = api.get(f"/v1/projects/{ref}/health?services=db&services=rest&services=realtime")
    told = {each["name"]: (each["healthy"], each["status"]) for each in answer.json()}
    assert told == dict.fromkeys(("db", "rest", "realtime"), (False, "UNHEALTHY"))
    assert "not part of this platform yet" in answer.json()[2]["error"]
    check_problem(api.get(f"/v1/projects/{ref}/health?services=mail"), 422, "invalid_input")


def test_regions(api):
    told = api.get("/v1/projects/available-regions?organization_slug=default").json()
    assert [each["code"] for each in told["all"]["specific"]] == ["local"]
    answer = api.get("/v1/projects/available-regions?organization_slug=absent")
    check_problem(answer, 404, "organization_not_found")
