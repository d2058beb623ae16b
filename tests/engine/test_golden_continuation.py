"""A stack that the real CLI made, continued by this engine with the genuine SDK classes.

Nothing differs, so no handler may touch a server: there is none at that address.
"""

import pulumi
import pulumi_postgresql as postgresql
import pytest

from engine.checkpoint import CheckpointWriter, read_checkpoint
from engine.providers import builtin_packages
from engine.secrecy import plain
from engine.testing import MemoryStack
from tests.engine.goldens import Opened, golden


def program(**role_arguments):
    provider = postgresql.Provider(
        "pg",
        host="127.0.0.1",
        port=55433,
        username="postgres",
        password="unused",
        sslmode="disable",
        superuser=True,
    )
    options = pulumi.ResourceOptions(provider=provider)
    role = postgresql.Role(
        "app",
        name="app_role",
        login=True,
        password=pulumi.Output.secret("s3cret-pw"),
        **role_arguments,
        opts=options,
    )
    database = postgresql.Database("appdb", name="appdb", owner=role.name, opts=options)
    postgresql.Grant(
        "app-grant",
        database=database.name,
        role=role.name,
        schema="public",
        object_type="schema",
        privileges=["CREATE", "USAGE"],
        opts=options,
    )
    pulumi.export("role", role.name)
    pulumi.export("db", database.name)
    pulumi.export("password", role.password)


@pytest.fixture(params=["cli-1-after-up-create.json", "auto-1-after-up-create.json"])
def opened(request):
    opened = Opened()
    snapshot = read_checkpoint(golden(request.param), opened)
    return snapshot, opened.secrets


def stack_of(snapshot):
    project, name = snapshot.resources[0].urn.split("::")[1], snapshot.resources[0].urn
    return MemoryStack(
        builtin_packages(),
        name=name.split("::")[0].split(":")[-1],
        project=project,
        snapshot=snapshot,
    )


@pytest.fixture
def stack(opened):
    return stack_of(opened[0])


def test_preview_and_up_change_nothing(stack, opened):
    before = {state.urn: state for state in opened[0].resources}
    assert stack.preview(program).changes == {"same": 5}, stack.errors()
    outcome = stack.up(program)
    assert outcome.changes == {"same": 5}, stack.errors()
    assert len(stack.snapshot.resources) == len(before)
    for after in stack.snapshot.resources:
        old = before[after.urn]
        assert plain(after.inputs) == plain(old.inputs), after.urn
        assert plain(after.outputs) == plain(old.outputs), after.urn
        assert (after.id, after.provider, after.parent) == (old.id, old.provider, old.parent)
        assert set(after.dependencies) == set(old.dependencies)
        assert (after.created, after.modified) == (old.created, old.modified)


def test_unchanged_secrets_keep_their_ciphertext(stack, opened):
    secrets = opened[1]
    text = CheckpointWriter(secrets).checkpoint("organization/pgdemo/dev", stack.snapshot)
    stack.up(program)
    again = CheckpointWriter(secrets).checkpoint("organization/pgdemo/dev", stack.snapshot)

    def ciphertexts(data):
        return {part.split(b'"')[0] for part in data.split(b'"ciphertext":"')[1:]}

    assert ciphertexts(again) == ciphertexts(text) != set()


def test_a_change_is_seen_by_its_key(stack):
    outcome = stack.preview(lambda: program(connection_limit=7))
    assert outcome.changes == {"same": 4, "update": 1}, stack.errors()
    events = [event.get("resourcePreEvent", {}).get("metadata", {}) for event in stack.events]
    assert [event["diffs"] for event in events if "diffs" in event] == [["connectionLimit"]]
