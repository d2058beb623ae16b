"""What the real plugins wrote is what these handlers would: inputs, ids, and no diff."""

import pytest

from engine.checkpoint import read_checkpoint
from engine.provider import Handler
from engine.providers import builtin_packages
from engine.secrecy import plain
from engine.values import Secret
from tests.engine.goldens import Opened, golden

HANDLERS: dict[str, Handler] = {}
for package in builtin_packages():
    HANDLERS |= package.handlers

FILES = [
    "cli-1-after-up-create.json",
    "auto-1-after-up-create.json",
    "keycloak-0-after-failed-up.json",
    "keycloak-1-after-up-create.json",
    "minio-1-after-up-create.json",
]
RESOURCES = [
    pytest.param(resource, id=f"{name.partition('-')[0]}-{resource.urn.rpartition('::')[2]}")
    for name in FILES
    for resource in read_checkpoint(golden(name), Opened()).resources
    if resource.type in HANDLERS
]
REAL_THINGS = [p for p in RESOURCES if not p.values[0].type.startswith("pulumi:")]
PRIVATE = ("__defaults", "__meta", "__pulumi_raw_state_delta", "__internal")


def given(value):
    """The program's own inputs, out of final ones."""
    if not isinstance(value, dict):
        return value
    filled = value.get("__defaults", [])
    return {k: given(v) for k, v in value.items() if k not in filled and k not in PRIVATE}


def test_every_kind_of_golden_file_is_covered():
    assert {param.values[0].type.partition(":")[0] for param in RESOURCES} == {
        "pulumi",
        "postgresql",
        "keycloak",
        "minio",
    }
    assert len(RESOURCES) >= 15


@pytest.mark.parametrize("resource", RESOURCES)
def test_check_comes_to_the_plugins_final_inputs(resource):
    final = plain(resource.inputs)
    handler = HANDLERS[resource.type]
    assert given(handler.check({}, resource.urn, final, given(final))) == given(final)
    if "__defaults" in final:
        assert handler.check({}, resource.urn, final, given(final)) == final


@pytest.mark.parametrize("resource", RESOURCES)
def test_there_is_no_diff_against_the_plugins_outputs(resource):
    inputs, outputs = plain(resource.inputs), plain(resource.outputs)
    diff = HANDLERS[resource.type].diff({}, resource.id, inputs, outputs, inputs)
    assert (list(diff.changes), list(diff.replaces)) == ([], [])


@pytest.mark.parametrize("resource", REAL_THINGS)
def test_the_same_outputs_are_secret(resource):
    theirs = {key for key, value in resource.outputs.items() if isinstance(value, Secret)}
    assert set(HANDLERS[resource.type].secret_outputs) == theirs


@pytest.mark.parametrize("resource", REAL_THINGS)
def test_the_same_outputs_exist(resource):
    theirs = {key for key in resource.outputs if key not in PRIVATE} - {"id"}
    unused = {"bucketPrefix", "namePrefix"}  # outputs of the plugin, inputs refused by us
    assert set(HANDLERS[resource.type].fields) - unused == theirs - unused


def test_a_plaintext_password_of_a_provider_becomes_secret():
    minio = HANDLERS["pulumi:providers:minio"]
    keycloak = HANDLERS["pulumi:providers:keycloak"]
    assert "minioPassword" in minio.secret_outputs
    assert {"clientSecret", "password"} <= set(keycloak.secret_outputs)
