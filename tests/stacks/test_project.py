"""The project stack as declared: names, wiring, order, secrets."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from contracts.home import Home, Ports
from engine.providers.keycloak.openid_client import Client
from engine.providers.keycloak.realm import Realm
from stacks.project import project_program
from stacks.spec import (
    OUTPUTS,
    PREVIOUS,
    REPLACED_SECRETS,
    SECRETS,
    SPEC_KEY,
    ConfigEntry,
    OpenLogins,
    ProjectSpec,
    read_spec,
    spec_to_config,
)
from tests.stacks.programs import Declared, Monitor, declare

HOME = Home(Path("/srv/croft"), Path("/srv/tools"), Ports(20000))
REF = "abcdefghijklmnopqrst"
SPEC = ProjectSpec.on(HOME, REF, rest_port=20200)
VALUES = {name: f"value of {name}" for name in SECRETS}


def program() -> None:
    project_program(read_spec(ProjectSpec))


@pytest.fixture(scope="module")
def made() -> Monitor:
    return declare(program, spec_to_config(SPEC, VALUES))


def test_the_five_components_with_their_outputs(made: Monitor) -> None:
    for component in ("Database", "Realm", "Bucket", "AppStack", "DnsRecord"):
        assert made.outputs_of(f"basecroft:index:{component}"), component
    database = made.outputs_of("basecroft:index:Database")
    assert (database["name"], database["user"]) == (REF, f"{REF}_postgres")


def test_stack_outputs(made: Monitor) -> None:
    outputs = made.exports
    assert tuple(outputs) == OUTPUTS
    assert outputs["api_url"] == f"http://127.0.0.1:20001/p/{REF}"
    assert outputs["api_host_url"] == f"http://{REF}.localhost:20001"
    assert (outputs["db_port"], outputs["rest_port"]) == (20002, 20200)


def test_every_name_follows_from_the_ref(made: Monitor) -> None:
    names = {
        (r.token, r.inputs[key])
        for r in made.declared
        for key in ("name", "realm", "bucket")
        if key in r.inputs and "openid" not in r.token and "providers" not in r.token
    }
    assert names == {
        ("postgresql:index/role:Role", f"{REF}_postgres"),
        ("postgresql:index/role:Role", f"{REF}_authenticator"),
        ("postgresql:index/database:Database", REF),
        ("keycloak:index/realm:Realm", REF),
        ("minio:index/s3Bucket:S3Bucket", f"p-{REF}"),
        ("minio:index/iamUser:IamUser", f"p-{REF}"),
        ("minio:index/iamPolicy:IamPolicy", f"p-{REF}"),
        ("croft:index:Process", f"rest-{REF}"),
        ("croft:index:GatewayRoute", REF),
    }


def test_children_have_parent_and_explicit_provider(made: Monitor) -> None:
    for r in made.declared:
        if r.token.startswith("pulumi:") or r.token.startswith("basecroft:"):
            continue
        assert "basecroft:index:" in r.parent, r.name
        package = r.token.split(":")[0]
        assert f"pulumi:providers:{package}::{package}" in r.provider, r.name


def test_no_provider_holds_a_credential(made: Monitor) -> None:
    for r in made.declared:
        if r.token.startswith("pulumi:providers:"):
            assert not {"password", "username", "clientSecret", "minioPassword", "minioUser"} & set(
                r.inputs
            ), r.name


def test_deleting_begins_with_the_database(made: Monitor) -> None:
    """Deletes run against the dependencies: what comes later goes first."""
    database = made.one("postgresql:index/database:Database")
    migration = made.one("croft:index:SqlMigration")
    process = made.one("croft:index:Process")
    route = made.one("croft:index:GatewayRoute")
    roles = {r.urn for r in made.of("postgresql:index/role:Role")}
    assert len(roles) == 2
    assert roles <= made.behind(database)
    grants = {r.urn for r in made.of("postgresql:index/grantRole:GrantRole")}
    assert len(grants) == 7
    assert grants | roles | {database.urn} <= made.behind(migration)
    assert migration.urn in made.behind(process)
    assert process.urn in made.behind(route)


def test_a_realm_from_before_it_could_be_configured_is_left_as_it_is(made: Monitor) -> None:
    """Its state has what Keycloak chose."""
    chosen = {
        "accessTokenLifespan": "1h0m0s",
        "ssoSessionIdleTimeout": "30m0s",
        "ssoSessionMaxLifespan": "10h0m0s",
        "revokeRefreshToken": False,
        "passwordPolicy": "",
    }
    realm = made.one("keycloak:index/realm:Realm").inputs
    client = made.one("keycloak:openid/client:Client").inputs
    for handler, there, wanted in (
        (Realm(), chosen, realm),
        (Client(), {"baseUrl": ""}, client),
    ):
        news = handler.check({}, "", None, dict(wanted))
        assert handler.diff({}, "", {}, {**news, **there}, news).changes == []


def test_memberships(made: Monitor) -> None:
    pairs = {
        (r.inputs["role"].removeprefix(f"{REF}_"), r.inputs["grantRole"])
        for r in made.of("postgresql:index/grantRole:GrantRole")
    }
    api = ("anon", "authenticated", "service_role")
    assert pairs == {("authenticator", r) for r in api} | {
        ("postgres", r) for r in (*api, "postgres")
    }
    assert not any(r.inputs.get("withAdminOption") for r in made.of(
        "postgresql:index/grantRole:GrantRole"))  # fmt: skip


def test_secrets_are_secret_wherever_they_stand(made: Monitor) -> None:
    for token, name, key in (
        ("postgresql:index/role:Role", "postgres", "password"),
        ("postgresql:index/role:Role", "authenticator", "password"),
        ("keycloak:openid/client:Client", "auth", "clientSecret"),
        ("minio:index/iamUser:IamUser", "user", "secret"),
        ("croft:index:Process", "rest", "files"),
        ("croft:index:GatewayRoute", "rest", "config"),
    ):
        assert made.one(token, name).is_secret(key), name
    for r in made.declared:
        for key, value in r.wire.items():
            if "value of " in json.dumps(value):
                assert r.is_secret(key), f"{r.name}.{key} shows a secret"
    for outputs in made.component_outputs.values():
        assert "value of " not in json.dumps(outputs)


def test_the_users_own_passwords_reach_their_place(made: Monitor) -> None:
    role = made.one("postgresql:index/role:Role", "postgres")
    assert role.inputs["password"] == VALUES["postgres_password"]
    files = made.one("croft:index:Process").inputs["files"]
    assert "value%20of%20authenticator_password@127.0.0.1:20002" in files["db-uri"]
    config = json.dumps(made.one("croft:index:GatewayRoute").inputs["config"])
    assert VALUES["anon_key"] in config
    assert VALUES["service_role_key"] in config


def test_realm_claims_and_bucket_policy(made: Monitor) -> None:
    token = "keycloak:openid/hardcodedClaimProtocolMapper:HardcodedClaimProtocolMapper"
    claims = {r.inputs["claimName"]: r.inputs["claimValue"] for r in made.of(token)}
    assert claims == {"project_id": REF, "role": "authenticated"}
    policy = json.loads(made.one("minio:index/iamPolicy:IamPolicy").inputs["policy"])
    arns = [arn for s in policy["Statement"] for arn in s.get("Resource", [])]
    assert arns == [f"arn:aws:s3:::p-{REF}", f"arn:aws:s3:::p-{REF}/*"]
    assert made.one("minio:index/s3Bucket:S3Bucket").inputs["quota"] == SPEC.storage_quota_bytes


def test_a_protected_project_keeps_its_data() -> None:
    spec = SPEC.model_copy(update={"protected": True})
    made = declare(program, spec_to_config(spec, VALUES))
    protected = {r.token.split(":")[-1] for r in made.declared if r.protect}
    assert protected == {"Database", "Realm", "S3Bucket"}
    assert made.one("minio:index/s3Bucket:S3Bucket").inputs["forceDestroy"] is False


def test_a_preview_needs_no_secrets_but_an_up_does() -> None:
    config = {SPEC_KEY: ConfigEntry(SPEC.model_dump_json())}
    assert declare(program, config, preview=True).one("croft:index:Process")
    with pytest.raises(Exception, match="postgres_password"):
        declare(program, config)


def test_spec_survives_stack_config() -> None:
    config = spec_to_config(SPEC, VALUES)
    assert ProjectSpec.model_validate_json(config[SPEC_KEY].value) == SPEC
    assert {key for key, entry in config.items() if entry.secret} == {
        f"basecroft:{name}" for name in SECRETS
    }
    with pytest.raises(KeyError):
        spec_to_config(SPEC, {})


@pytest.mark.parametrize(
    "change",
    [{"ref": "short"}, {"ref": "A" * 20}, {"target": "mars"}, {"unknown": 1}, {"rest": {}}],
)
def test_a_wrong_spec_is_refused(change: dict) -> None:
    with pytest.raises(ValidationError):
        ProjectSpec.model_validate(SPEC.model_dump() | change)


def test_while_keys_are_replaced_both_generations_are_open() -> None:
    """And a PostgREST of a name of its own knows them; roles that own things stay for good."""
    spec = ProjectSpec.on(
        HOME,
        REF,
        rest_port=20201,
        rest_generation=2,
        logins=OpenLogins(api=(1, 2), database=(1, 2), storage=(1, 2)),
    )
    older = {f"{PREVIOUS}{name}": f"older {name}" for name in REPLACED_SECRETS}
    both = declare(program, spec_to_config(spec, VALUES | older))
    assert both.exports["db_user"] == f"{REF}_postgres_b"
    roles = {r.inputs["name"]: r.inputs for r in both.declared if _is(r, "Role")}
    assert {name: (role["login"], role["password"]) for name, role in roles.items()} == {
        f"{REF}_{word}{turn}": (True, f"{whose} {word}_password")
        for word in ("postgres", "authenticator")
        for turn, whose in (("", "older"), ("_b", "value of"))
    }
    assert roles[f"{REF}_postgres_b"]["assumeRole"] == f"{REF}_postgres"
    users = {r.inputs["name"]: r.inputs["secret"] for r in both.declared if _is(r, "IamUser")}
    assert users == {f"p-{REF}": "older storage_secret", f"p-{REF}-b": "value of storage_secret"}
    (process,) = [r for r in both.declared if r.token == "croft:index:Process"]
    assert process.inputs["name"] == f"restb-{REF}"
    ring = json.loads(process.inputs["files"]["jwks.json"])["keys"]
    assert len(ring) == 2

    (route,) = [r for r in both.declared if r.token == "croft:index:GatewayRoute"]
    routers = route.inputs["config"]["http"]["routers"]
    for generation, whose in ((1, "older"), (2, "value of")):
        rule = routers[f"{REF}-rest-anon-api-{generation}"]["rule"]
        assert f"`{whose} anon_key`" in rule

    spec = spec.model_copy(update={"logins": OpenLogins(api=(2,), database=(2,), storage=(2,))})
    newer = declare(program, spec_to_config(spec, VALUES))
    logins = {r.inputs["name"]: r.inputs["login"] for r in newer.declared if _is(r, "Role")}
    assert logins == {name: name.endswith("_b") for name in roles}


def _is(resource: Declared, kind: str) -> bool:
    return resource.token.endswith(f":{kind}")
