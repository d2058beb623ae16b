"""The platform stack as declared."""

from pathlib import Path
from typing import Any

from contracts.home import Home, Ports
from stacks.platform_stack import platform_program
from stacks.spec import PlatformSpec, read_spec, spec_to_config
from tests.stacks.programs import Monitor, declare

SPEC = PlatformSpec.on(Home(Path("/srv/croft"), Path("/srv/tools"), Ports(20000)))


def made() -> Monitor:
    config = spec_to_config(SPEC, {"keycloak_provisioner": "hush"})
    return declare(lambda: platform_program(read_spec(PlatformSpec)), config)


def client_of(monitor: Monitor, client_id: str) -> Any:
    clients = monitor.of("keycloak:openid/client:Client")
    (client,) = [each for each in clients if each.inputs["clientId"] == client_id]
    return client


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
    client = client_of(monitor, "croft-provisioner")
    assert client.is_secret("clientSecret")
    assert client.inputs["extraConfig"] == {"client.use.lightweight.access.token.enabled": "true"}
    token = "keycloak:openid/clientServiceAccountRealmRole:ClientServiceAccountRealmRole"
    assert [r.inputs["role"] for r in monitor.of(token)] == ["create-realm"]


def test_nobody_registers_where_people_log_in_to_the_platform() -> None:
    realm = made().one("keycloak:index/realm:Realm").inputs
    assert (realm["realm"], realm["registrationAllowed"]) == ("croft", False)
    assert realm["defaultSignatureAlgorithm"] == "ES256"
    assert realm["accessTokenLifespan"] == "1m"


def test_its_clients_hold_no_secret_and_no_role_of_their_users() -> None:
    monitor = made()
    for name in ("croft-cli", "croft-dashboard"):
        inputs = client_of(monitor, name).inputs
        assert inputs["accessType"] == "PUBLIC"
        assert inputs["pkceCodeChallengeMethod"] == "S256"
        assert inputs["fullScopeAllowed"] is False
        assert inputs["directAccessGrantsEnabled"] is False
    assert client_of(monitor, "croft-cli").inputs["standardFlowEnabled"] is False
    dashboard = client_of(monitor, "croft-dashboard").inputs
    assert dashboard["validRedirectUris"] == ["http://127.0.0.1:20003/*"]
    token = "keycloak:openid/audienceProtocolMapper:AudienceProtocolMapper"
    assert {m.inputs["includedCustomAudience"] for m in monitor.of(token)} == {"croft-api"}
