from dataclasses import replace

import pytest

from engine.checkpoint import read_checkpoint
from engine.errors import IntegrityError
from engine.integrity import verify_integrity
from engine.resource_state import Manifest, ResourceState, Snapshot
from tests.engine.goldens import Opened, golden


def state(name, **fields):
    fields = {"type": "a:b:C", "custom": True, "id": "i", **fields}
    return ResourceState(urn=f"urn:pulumi:s::p::{fields['type']}::{name}", **fields)


def verify(*resources):
    verify_integrity(Snapshot(manifest=Manifest("", "v"), resources=resources))


A, B = state("a"), state("b")
PROVIDER = state("p", type="pulumi:providers:a")


@pytest.mark.parametrize(
    ("resources", "text"),
    [
        ([state("x", parent=A.urn)], "refers to missing parent"),
        ([state("x", parent=A.urn), A], "comes after it"),
        ([state("x", dependencies=(A.urn,))], "refers to missing dependency"),
        ([state("x", dependencies=(A.urn,)), A], "dependency .* comes after it"),
        ([state("x", property_dependencies={"k": (A.urn,)})], "missing property dependency"),
        ([state("x", property_dependencies={"k": (A.urn,)}), A], "property dependency .* after"),
        ([state("x", deleted_with=A.urn)], "deleted with .* missing"),
        ([state("x", deleted_with=A.urn), A], "deleted with .* after it"),
        ([state("x", dependencies=("urn:pulumi:s::p::a:b:C::x",))], "missing|after"),
        ([state("x", provider=PROVIDER.provider_reference)], "unknown provider"),
        ([PROVIDER, state("x", provider=f"{PROVIDER.urn}::other")], "unknown provider"),
        ([state("p", type="pulumi:providers:a", id="")], "not referenceable"),
        ([state("x", custom=False)], "non-empty ID"),
        ([A, state("a")], "duplicate resource"),
    ],
)
def test_states_that_contradict_themselves(resources, text):
    with pytest.raises(IntegrityError, match=text):
        verify(*resources)


def test_states_that_are_whole():
    verify()
    verify(A, state("a", delete=True), state("a", delete=True))
    verify(state("a", delete=True))
    verify(A, B, state("x", parent=A.urn, dependencies=(A.urn, B.urn), deleted_with=B.urn))
    verify(PROVIDER, state("x", provider=PROVIDER.provider_reference))
    # Deleted before its replacement: what it depended on may be gone, and its provider too.
    verify(state("x", provider="urn:gone::id", pending_replacement=True))


def test_a_golden_state_in_the_wrong_order():
    snapshot = read_checkpoint(golden("cli-1-after-up-create.json"), Opened())
    with pytest.raises(IntegrityError):
        verify_integrity(replace(snapshot, resources=snapshot.resources[::-1]))
