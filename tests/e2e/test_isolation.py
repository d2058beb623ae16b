"""Two projects side by side: neither notices the other, by whatever way a tenant can try."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import psycopg
import pytest

from tests.fixtures.platform import Platform, connect, eventually

pytestmark = pytest.mark.platform

Project = dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
def secret_table(project: Project, neighbor: Project) -> None:
    for owner in (project, neighbor):
        with connect(owner["db_url"]) as conn:
            conn.execute("create table mine (ref text)")
            conn.execute("insert into mine values (%s)", (owner["ref"],))
        url, headers = f"{owner['api_url']}/rest/v1/mine", {"apikey": owner["anon_key"]}
        eventually(lambda: httpx2.get(url, headers=headers).status_code == 200, timeout_s=5)  # noqa: B023


def _get(project: Project, apikey: str, bearer: str, *, expect: int, path: str = "mine") -> str:
    answer = httpx2.get(
        f"{project['api_url']}/rest/v1/{path}",
        headers={"apikey": apikey, "authorization": f"Bearer {bearer}"},
        timeout=10,
    )
    assert answer.status_code == expect, answer.text
    return answer.text


@pytest.mark.parametrize("key", ["anon_key", "service_role_key"])
def test_a_key_opens_only_its_own_project(project: Project, neighbor: Project, key: str) -> None:
    assert neighbor["ref"] in _get(neighbor, neighbor[key], neighbor[key], expect=200)
    _get(neighbor, project[key], project[key], expect=401)
    _get(project, neighbor[key], neighbor[key], expect=401)


@pytest.mark.parametrize("key", ["anon_key", "service_role_key"])
def test_a_token_of_another_project_is_refused_beside_a_good_key(
    project: Project, neighbor: Project, key: str
) -> None:
    _get(neighbor, neighbor["anon_key"], project[key], expect=401)


def test_a_forged_token_is_refused(neighbor: Project) -> None:
    header, _, signature = neighbor["anon_key"].split(".")
    claims = _part({"role": "service_role", "iss": "basecroft", "exp": 4102444800})
    apikey = neighbor["anon_key"]
    _get(neighbor, apikey, f"{header}.{claims}.{signature}", expect=401)
    _get(neighbor, apikey, f"{_part({'alg': 'none', 'typ': 'JWT'})}.{claims}.", expect=401)


def test_without_a_key_nothing_is_served(neighbor: Project) -> None:
    for headers in ({}, {"apikey": ""}, {"authorization": f"Bearer {neighbor['anon_key']}"}):
        answer = httpx2.get(f"{neighbor['api_url']}/rest/v1/mine", headers=headers, timeout=10)
        assert answer.status_code == 401, headers


def test_a_sql_login_reaches_its_own_database_only(
    platform: Platform, project: Project, neighbor: Project
) -> None:
    with psycopg.connect(platform.admin_url()) as admin:
        databases = {name for (name,) in admin.execute("select datname from pg_database")}
    foreign = databases - {project["ref"]}
    assert {"postgres", "template1", "control", "keycloak", neighbor["ref"]} <= foreign
    for database in foreign:
        with pytest.raises(psycopg.OperationalError, match=r"permission denied|not currently acc"):
            psycopg.connect(_login(project, database)).close()


def test_a_login_cannot_open_its_database_to_others(project: Project, neighbor: Project) -> None:
    with connect(project["db_url"]) as conn:
        # Without the right to grant, PostgreSQL warns and grants nothing.
        conn.execute(f"grant connect on database {project['ref']} to public")
        for statement in (
            f"alter database {project['ref']} connection limit -1",
            f"alter role {project['ref']}_postgres superuser",
            f"alter role {project['ref']}_postgres bypassrls",
            "create role intruder login",
            "create database intruder",
            f"set role {neighbor['ref']}_postgres",
            "set role croft_admin",
            "alter system set log_statement = 'all'",
            "copy (select 1) to program 'true'",
        ):
            _refused(conn, statement)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(_login(neighbor, project["ref"])).close()


@pytest.fixture
def anon_settings_reset(platform: Platform) -> Iterator[None]:
    yield
    with connect(platform.admin_url()) as admin:
        for role in ("anon", "authenticated", "service_role"):
            admin.execute(f"alter role {role} reset all")


@pytest.mark.usefixtures("anon_settings_reset")
def test_alter_role_anon_changes_nothing_for_the_other(project: Project, neighbor: Project) -> None:
    with connect(project["db_url"]) as conn:
        try:  # as itself any role may set its own defaults; refusing it is fine too
            conn.execute("set role anon")
            conn.execute("alter role anon set statement_timeout = '1ms'")
            conn.execute("alter role anon set search_path = 'nowhere'")
        except psycopg.errors.InsufficientPrivilege:
            pass
    with connect(neighbor["db_url"]) as conn:
        conn.execute(
            "create or replace function slow() returns text language sql volatile as"
            " $$select current_setting('statement_timeout') from pg_sleep(0.05)$$"
        )
        # Whatever PostgREST reads from the database, it reads again now.
        conn.execute("notify pgrst, 'reload config'")
        conn.execute("notify pgrst, 'reload schema'")

    key = neighbor["anon_key"]
    rpc = f"{neighbor['api_url']}/rest/v1/rpc/slow"
    eventually(
        lambda: httpx2.get(rpc, headers={"apikey": key}, timeout=10).status_code == 200,
        timeout_s=5,
    )
    for _ in range(5):
        assert neighbor["ref"] in _get(neighbor, key, key, expect=200)
        _get(neighbor, key, key, expect=200, path="rpc/slow")


def test_a_storage_key_opens_its_own_bucket_only(
    platform: Platform, project: Project, neighbor: Project
) -> None:
    minio = pytest.importorskip("minio")
    own, other = (f"p-{each['ref']}" for each in (project, neighbor))
    client = minio.Minio(
        platform.home.minio_server,
        access_key=own,
        secret_key=platform.secret(project["ref"], "storage_secret"),
        secure=False,
    )
    assert list(client.list_objects(own)) == []
    for attempt in (
        lambda: list(client.list_objects(other)),
        lambda: client.stat_object(other, "x"),
        lambda: client.make_bucket("intruder"),
        lambda: client.remove_bucket(other),
        lambda: client.set_bucket_policy(own, "{}"),
    ):
        with pytest.raises(minio.error.S3Error) as refused:
            attempt()
        assert refused.value.code in ("AccessDenied", "MalformedPolicy")
    assert [bucket.name for bucket in client.list_buckets()] in ([], [own])


def _part(data: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


def _login(project: Project, database: str) -> str:
    return psycopg.conninfo.make_conninfo(project["db_url"], dbname=database, connect_timeout=10)


def _refused(conn: psycopg.Connection[Any], statement: str) -> None:
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedObject)):
        conn.execute(statement)
        pytest.fail(f"allowed: {statement}")
