"""What `state ...` does to a snapshot."""

from dataclasses import replace

import pytest

from engine.errors import UsageError
from engine.integrity import verify_integrity
from engine.resource_state import Manifest, ResourceState, Snapshot
from engine.state_edit import changed, deleted, renamed

A, B, C = (f"urn:pulumi:dev::proj::t:i:T::{name}" for name in "abc")
SNAPSHOT = Snapshot(
    manifest=Manifest("", ""),
    resources=(
        ResourceState(urn=A, type="t:i:T"),
        ResourceState(urn=B, type="t:i:T", parent=A, property_dependencies={"x": (A,)}),
        ResourceState(urn=C, type="t:i:T", protect=True),
    ),
)


def urns(snapshot):
    verify_integrity(snapshot)
    return "".join(state.urn[-1] for state in snapshot.resources)


def test_deleting():
    with pytest.raises(UsageError, match="depend on it"):
        deleted(SNAPSHOT, A, dependents=False, force=True)
    assert urns(deleted(SNAPSHOT, A, dependents=True, force=False)) == "c"
    assert urns(deleted(SNAPSHOT, B, dependents=False, force=False)) == "ac"
    with pytest.raises(UsageError, match="protected"):
        deleted(SNAPSHOT, C, dependents=False, force=False)
    assert urns(deleted(SNAPSHOT, C, dependents=False, force=True)) == "ab"
    with pytest.raises(UsageError, match="No such resource"):
        deleted(SNAPSHOT, "x", dependents=False, force=False)


def test_changing_one_or_all():
    def protect(state):
        return replace(state, protect=True)

    assert [s.protect for s in changed(SNAPSHOT, A, protect).resources] == [True, False, True]
    assert all(s.protect for s in changed(SNAPSHOT, None, protect).resources)
    with pytest.raises(UsageError):
        changed(SNAPSHOT, "x", protect)


def test_renaming():
    after = renamed(SNAPSHOT, A, "new")
    assert urns(after) == "wbc"
    assert after.resources[1].parent.endswith("::new")
    assert after.resources[1].property_dependencies == {"x": (after.resources[0].urn,)}
    for name in ("b", "", "x::y"):
        with pytest.raises(UsageError):
            renamed(SNAPSHOT, A, name)
