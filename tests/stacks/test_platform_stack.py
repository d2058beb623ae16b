"""The platform stack as declared."""

from pathlib import Path

from contracts.home import Home, Ports
from stacks.platform_stack import platform_program
from stacks.spec import PlatformSpec, read_spec, spec_to_config
from tests.stacks.programs import Monitor, declare

SPEC = PlatformSpec.on(Home(Path("/srv/croft"), Path("/srv/tools"), Ports(20000)))


def made() -> Monitor:
    config = spec_to_config(SPEC, {"keycloak_provisioner": "hush"})
    return declare(lambda: platform_program(read_spec(PlatformSpec)), config)


def test_shared_roles_cannot_log_in_and_carry_no_power() -> None:
    roles = {r.inputs["name"]: r.inputs for r in made().of("postgresql:index/role:Role")}
    assert {"anon", "authenticated", "service_role", "postgres", "supabase_admin"} <= set(roles)
    for name, inputs in roles.items():
        assert inputs["login"] is False, name
        assert set(inputs) <= {"name", "login", "inherit", "bypassRowLevelSecurity"}, name
    bypassing = {name for name, i in roles.items() if i.get("bypassRowLevelSecurity")}
    assert bypassing == {"service_role"}


def test_public_is_shut_out_of_the_platforms_databases() -> None:
    grants = made().of("postgresql:index/grant:Grant")
    assert {g.inputs["database"] for g in grants} == {
        "postgres", "template1", "control", "keycloak",
    }  # fmt: skip
    for grant in grants:
        assert (grant.inputs["role"], grant.inputs["privileges"]) == ("public", [])
        assert grant.inputs["objectType"] == "database"


def test_the_provisioner_may_make_realms_and_nothing_else_by_name() -> None:
    monitor = made()
    client = monitor.one("keycloak:openid/client:Client")
    assert client.inputs["clientId"] == "croft-provisioner"
    assert client.is_secret("clientSecret")
    assert client.inputs["extraConfig"] == {"client.use.lightweight.access.token.enabled": "true"}
    token = "keycloak:openid/clientServiceAccountRealmRole:ClientServiceAccountRealmRole"
    assert [r.inputs["role"] for r in monitor.of(token)] == ["create-realm"]
