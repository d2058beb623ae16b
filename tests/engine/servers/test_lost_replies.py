"""A server does what it was asked, and its answer gets lost: the next `up` converges.

One loss per kind of create. A MinIO user and policy are set, not made: their handlers ask again in
the same run.
"""

import secrets

import pulumi
import pulumi_keycloak as keycloak
import pulumi_minio as minio
import pulumi_postgresql as postgresql
import pytest

from engine.providers.postgresql.connection import query
from engine.providers.postgresql.idle import close_idle
from engine.resource_state import OperationType
from tests.fixtures.fault_proxy import HttpProxy, PostgresProxy, losing


def through(provider):
    return pulumi.ResourceOptions(provider=provider)


def converges(stack, loss, program, urn):
    """One loss, one failed `up` that does not forget, one that adopts, one that does nothing."""
    failed = stack.up(program)
    assert loss.happened
    assert not failed.succeeded
    [pending] = stack.snapshot.pending_operations
    assert (pending.type, pending.resource.urn.rpartition("::")[2]) == (OperationType.CREATING, urn)
    outcome = stack.up(program)
    assert outcome.succeeded, stack.errors()
    assert ("create", urn) not in stack.steps()
    assert stack.snapshot.pending_operations == ()
    assert stack.up(program).changes == {"same": len(stack.snapshot.resources)}
    assert stack.destroy().succeeded, stack.errors()


@pytest.mark.parametrize(
    ("urn", "wanted"),
    [
        ("role", "CREATE ROLE .*COMMIT$"),
        ("database", "CREATE DATABASE"),
        ("publication", "CREATE PUBLICATION .*COMMIT$"),
    ],
)
def test_of_postgresql(stack, postgres, urn, wanted):
    name = f"t_{secrets.token_hex(4)}"
    with losing(PostgresProxy, postgres["port"], wanted) as (port, loss):

        def program():
            there = through(postgresql.Provider("there", **{**postgres, "port": port}))
            role = postgresql.Role("role", name=name, login=True, password="hush", opts=there)
            database = postgresql.Database("database", name=name, owner=role.name, opts=there)
            postgresql.Publication("publication", name=name, database=database.name, opts=there)

        converges(stack, loss, program, urn)


def test_a_read_is_simply_asked_again(postgres):
    with losing(PostgresProxy, postgres["port"], "SELECT 42") as (port, loss):
        cfg = {key: str(value) for key, value in {**postgres, "port": port}.items()}
        assert query(cfg, "SELECT 42", []) == [(42,)]
        assert loss.happened
    close_idle()  # what is kept leads to a proxy that is gone


@pytest.mark.platform
@pytest.mark.parametrize(
    ("urn", "wanted"),
    [
        ("role", r"POST /admin/realms/[^/]+/roles$"),
        ("mapper", r"POST .*/protocol-mappers/models$"),
    ],
)
def test_of_keycloak(stack, keycloak_settings, urn, wanted):
    name = f"t-{secrets.token_hex(4)}"
    port = int(keycloak_settings["url"].rpartition(":")[2])
    with losing(HttpProxy, port, wanted) as (port, loss):
        url = f"http://127.0.0.1:{port}"

        def program():
            there = through(keycloak.Provider("there", **{**keycloak_settings, "url": url}))
            realm = keycloak.Realm(
                "realm", realm=name, default_signature_algorithm="ES256", opts=there
            )
            keycloak.Role("role", realm_id=realm.id, name="editor", opts=there)
            client = keycloak.openid.Client(
                "client", realm_id=realm.id, client_id="web", access_type="PUBLIC", opts=there
            )
            keycloak.openid.AudienceProtocolMapper(
                "mapper",
                realm_id=realm.id,
                client_id=client.id,
                name="audience",
                included_custom_audience="api",
                opts=there,
            )

        converges(stack, loss, program, urn)


@pytest.mark.platform
def test_of_minio(stack, minio_settings):
    name = f"t-{secrets.token_hex(4)}"
    port = int(minio_settings["minio_server"].rpartition(":")[2])
    with losing(HttpProxy, port, rf"PUT /{name}/?$") as (port, loss):
        server = {**minio_settings, "minio_server": f"127.0.0.1:{port}"}

        def program():
            there = through(minio.Provider("there", **server))
            minio.S3Bucket("bucket", bucket=name, quota=1_000_000, opts=there)

        converges(stack, loss, program, "bucket")


@pytest.mark.platform
@pytest.mark.parametrize("call", ["add-user", "add-canned-policy"])
def test_of_what_is_asked_again(stack, minio_settings, call):
    name = f"t-{secrets.token_hex(4)}"
    port = int(minio_settings["minio_server"].rpartition(":")[2])
    policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],'
    policy += f'"Resource":["arn:aws:s3:::{name}/*"]}}]}}'
    with losing(HttpProxy, port, rf"/{call}\?") as (port, loss):
        server = {**minio_settings, "minio_server": f"127.0.0.1:{port}"}

        def program():
            there = through(minio.Provider("there", **server))
            minio.IamUser("user", name=name, secret="hush-hush-hush", opts=there)
            minio.IamPolicy("policy", name=name, policy=policy, opts=there)

        assert stack.up(program).succeeded, stack.errors()
        assert loss.happened
        assert stack.up(program).changes == {"same": 4}
        assert stack.destroy().succeeded
