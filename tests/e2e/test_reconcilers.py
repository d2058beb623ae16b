"""Reconcilers on a real platform: what somebody does by hand is found, named and put right."""

import json
from typing import Any

import psycopg
import pytest

from automation import operations
from automation.actors import platform as platform_actor
from automation.context import open_context
from automation.orphans import minio_backends
from automation.registry import reconciler_runs
from automation.settings import settings_from
from contracts.refs import ProjectNames, new_ref
from engine.providers.keycloak.admin import admin_of
from engine.providers.minio.server import server_of
from tests.fixtures.platform import Platform, connect, eventually

pytestmark = pytest.mark.platform

RUN_TIMEOUT_S = 300.0


def wake(platform: Platform, name: str) -> None:
    """Want the reconciler, and wait until a worker has run it: long before its period."""
    with psycopg.connect(settings_from(platform.home).control_dsn, autocommit=True) as registry:
        reconciler_runs.want(registry, name)
        eventually(
            lambda: reconciler_runs.has_run_since_wanted(registry, name), timeout_s=RUN_TIMEOUT_S
        )


def conditions(platform: Platform, ref: str) -> dict[str, str]:
    found = platform.json("projects", "get", ref)["conditions"]
    return {each["type"]: each["message"] for each in found}


def test_drift_made_by_hand_is_a_condition_that_names_it(
    platform: Platform, project: dict[str, Any]
) -> None:
    ref = project["ref"]
    role = ProjectNames(ref).postgres
    query = "select rolconnlimit from pg_roles where rolname = %s"
    with connect(platform.admin_url()) as conn:
        row = conn.execute(query, [role]).fetchone()
        assert row is not None
        conn.execute(f'alter role "{role}" connection limit 3')
        try:
            wake(platform, "drift")
            assert "connectionLimit" in conditions(platform, ref)["Drifted"]
        finally:
            conn.execute(f'alter role "{role}" connection limit {row[0]}')
    wake(platform, "drift")
    assert "Drifted" not in conditions(platform, ref)


def test_a_realm_a_bucket_and_a_database_left_alone_are_found_and_removed(
    platform: Platform,
) -> None:
    """Of projects that are gone for so long that nobody looks for them everywhere any more."""
    realm, bucket, database = (new_ref() for _ in range(3))
    with psycopg.connect(settings_from(platform.home).control_dsn) as registry:
        for ref in (realm, bucket, database):
            registry.execute(
                "INSERT INTO projects (ref, organization_id, name, region, state, rest_port,"
                "   deleted_at) SELECT %(ref)s, id, %(ref)s, 'local', 'REMOVED', 1,"
                "   now() - interval '3 hours' FROM organizations LIMIT 1",
                {"ref": ref},
            )
    home = platform.home
    keycloak = {"clientId": "croft-provisioner"}
    keycloak["clientSecret"] = home.secret("keycloak_provisioner").read_text()
    admin_of({"url": home.keycloak_url, **keycloak}).post("", {"realm": realm})
    minio = {"minioUser": "croft_admin", "minioPassword": home.secret("minio_root").read_text()}
    server = server_of({"minioServer": home.minio_server, **minio})
    server.make_bucket(ProjectNames(bucket).bucket, object_lock=False)
    with connect(platform.admin_url()) as conn:
        conn.execute(f'create database "{database}"')

    told = orphans(platform)
    for thing in (f"realm {realm}", f"bucket p-{bucket}", f"database {database}"):
        assert thing in told
    assert "left of destroyed" not in orphans(platform, "--fix")
    assert [platform.orphans(ref) for ref in (realm, bucket, database)] == [[], [], []]
    assert minio_backends(home)[0].find(bucket) == []


def orphans(platform: Platform, *args: str) -> str:
    found: list[dict[str, str]] = json.loads(platform.croft("doctor", "-o", "json", *args).stdout)
    return next(each["detail"] for each in found if each["check"] == "orphans")


def test_a_setting_on_a_shared_role_is_undone_and_told(
    platform: Platform, project: dict[str, Any]
) -> None:
    ref = project["ref"]
    query = (
        "select count(*) from pg_db_role_setting s join pg_roles r on r.oid = s.setrole"
        " where r.rolname = 'anon'"
    )
    with connect(platform.admin_url()) as conn:
        conn.execute(f"alter role anon in database \"{ref}\" set search_path = 'evil'")
        wake(platform, "shared-roles")
        assert conn.execute(query).fetchone() == (0,)
    assert "search_path" in conditions(platform, ref)["SharedRoleSetting"]
    wake(platform, "shared-roles")
    assert "SharedRoleSetting" not in conditions(platform, ref)


def test_what_was_promised_while_the_api_was_down_is_done(
    platform: Platform, project: dict[str, Any]
) -> None:
    platform.unit("stop", "api")
    try:
        with open_context(settings_from(platform.home)) as ctx:
            promised = operations.request_operation(
                ctx, platform_actor("test"), project["ref"], "restart"
            )
    finally:
        platform.unit("start", "api")

    def is_done() -> bool:
        operation = platform.json("operations", "get", promised.id)
        return bool(operation["status"] == "finished")

    eventually(is_done, timeout_s=120)
