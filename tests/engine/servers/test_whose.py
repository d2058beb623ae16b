"""What is there and is somebody else's stays theirs, whoever comes first (engine/provider.py)."""

import threading

import pulumi
import pulumi_keycloak as keycloak
import pulumi_minio as minio
import pulumi_postgresql as postgresql
import pytest

from engine.providers import builtin_packages
from engine.testing import MemoryStack
from tests.engine.servers.places import HANDLERS, Place, unique

POLICY = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],'
    '"Resource":["arn:aws:s3:::any/*"]}]}'
)
TYPES = [
    pytest.param("postgres", postgresql, postgresql.Role, "name", {"login": True}, id="role"),
    pytest.param("postgres", postgresql, postgresql.Database, "name", {}, id="database"),
    *(
        pytest.param(*case, marks=pytest.mark.platform, id=case[2].__name__)
        for case in (
            ("keycloak_settings", keycloak, keycloak.Realm, "realm", {}),
            ("minio_settings", minio, minio.S3Bucket, "bucket", {}),
            ("minio_settings", minio, minio.IamUser, "name", {"secret": "hush-hush"}),
            ("minio_settings", minio, minio.IamPolicy, "name", {"policy": POLICY}),
        )
    ),
]


def program(package, cls, settings, args):
    def run():
        there = package.Provider("there", **settings)
        cls("it", **args, opts=pulumi.ResourceOptions(provider=there))

    return run


@pytest.mark.parametrize(("settings", "package", "cls", "key", "args"), TYPES)
def test_what_is_theirs_stays_theirs(request, settings, package, cls, key, args):
    settings = request.getfixturevalue(settings)
    args = {key: unique(), **args}
    if cls is keycloak.Realm:
        args["default_signature_algorithm"] = "ES256"
    theirs, ours = (MemoryStack(builtin_packages()) for _ in range(2))
    run = program(package, cls, settings, args)
    assert theirs.up(run).succeeded, theirs.errors()
    for _ in range(2):
        assert not ours.up(run).succeeded
        assert "already exists" in ours.errors()[0]
        assert f"import it (id '{args[key]}')" in ours.errors()[0]
        assert ours.snapshot.pending_operations == ()
    assert ours.destroy().succeeded
    assert theirs.refresh().succeeded
    assert theirs.up(run).changes == {"same": 3}
    assert theirs.destroy().succeeded


@pytest.mark.parametrize("cls", [postgresql.Role, postgresql.Database])
def test_of_two_at_once_one_has_it(postgres, cls):
    """Both find the name free; the server gives it to one. The other neither adopts nor deletes."""
    name = unique()
    stacks = [MemoryStack(builtin_packages(), name=f"s{n}") for n in range(4)]
    run = program(postgresql, cls, postgres, {"name": name})
    outcomes = {}

    def work(stack):
        outcomes[stack.name] = stack.up(run).succeeded

    threads = [threading.Thread(target=work, args=(stack,)) for stack in stacks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [winner] = [stack for stack in stacks if outcomes[stack.name]]
    for loser in stacks:
        if loser is not winner:
            assert "already exists" in loser.errors()[0]
            assert loser.snapshot.pending_operations == ()
            assert loser.destroy().succeeded
    place = Place({key: str(value) for key, value in postgres.items()}, postgres)
    state = winner.resource("it")
    assert HANDLERS[state.type].find(place.cfg, {"name": name}) == name
    assert winner.destroy().succeeded
