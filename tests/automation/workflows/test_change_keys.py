"""A rotation as the registry sees it: which secrets are in use, and a password that was chosen."""

from typing import Any
from uuid import UUID

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from automation import changes, failpoints, project_keys, signing_keys
from automation.key_change import SECRETS_OF, STANDBY, WAITING
from contracts.project_keys import ROTATED_KINDS
from stacks.spec import PREVIOUS
from tests.automation.conftest import TESTER
from tests.automation.workflows.conftest import Plane
from tests.automation.workflows.laws import active

pytestmark = pytest.mark.usefixtures("in_process_worker")

NAMES = [name for names in SECRETS_OF.values() for name in names]
CHOSEN = "chosen by a person"


def test_a_rotation_and_its_revocation(plane: Plane) -> None:
    ref = active(plane)
    first, port = plane.secrets(ref), plane.project(ref).rest_port
    rotation = plane.request(ref, "rotate", kinds=list(ROTATED_KINDS), overlap_s=60)
    assert plane.wait(rotation).status == "finished"
    second = plane.secrets(ref)
    assert {name for name in NAMES if second[name] != first[name]} == set(NAMES)
    assert all(second[f"{PREVIOUS}{name}"] == first[name] for name in NAMES)
    row = plane.project(ref)
    assert row.rest_port != port and (row.rest_generation, row.next_rest_port) == (2, None)
    revocation = plane.request(ref, "revoke", kinds=list(ROTATED_KINDS))
    assert plane.wait(revocation).status == "finished"
    assert plane.secrets(ref) == {
        name: text for name, text in second.items() if not name.startswith(PREVIOUS)
    }
    assert plane.project(ref).rest_port == port


def test_a_rotation_that_fails_leaves_nothing_behind(plane: Plane) -> None:
    ref = active(plane)
    before, row = plane.secrets(ref), plane.project(ref)
    failpoints.arm({failpoints.VARIABLE: "probe_keys:after=fail"})
    rotation = plane.request(ref, "rotate", kinds=["api"], overlap_s=60)
    assert plane.wait(rotation).status == "failed"
    assert plane.secrets(ref) == before
    assert plane.project(ref).rest_port == row.rest_port
    assert plane.project(ref).next_rest_port is None


def test_a_password_that_was_chosen(plane: Plane) -> None:
    ref = active(plane)
    asked = project_keys.change_password(plane.context, TESTER, ref, CHOSEN)
    assert plane.wait(UUID(asked.id)).status == "finished"
    found = plane.secrets(ref)
    assert found["postgres_password"] == CHOSEN
    assert not [name for name in found if name.startswith(STANDBY)]


def test_a_signing_key_on_standby_waits_whatever_is_done_meanwhile(plane: Plane) -> None:
    ref, context = active(plane), plane.context
    key, _ = project_keys.prepare(context, TESTER, ref, use=False)
    waiting = plane.secrets(ref)[WAITING]
    other = plane.request(ref, "rotate", kinds=["database"], overlap_s=60)
    assert plane.wait(other).status == "finished"
    failpoints.arm({failpoints.VARIABLE: "probe_keys:after=fail"})
    failing = project_keys.use_prepared(context, TESTER, ref, key)
    assert plane.wait(UUID(failing.id)).status == "failed"
    failpoints.disarm()
    assert {name for name in plane.secrets(ref) if name.startswith(STANDBY)} == {WAITING}
    found = {row.id: row for row in signing_keys.list_keys(context, ref)}
    assert found[str(key.id)].status == "standby"

    again = changes.retry(context, TESTER, failing.id)
    assert plane.wait(UUID(again.id)).status == "finished"
    after = plane.secrets(ref)
    assert (after["jwt_secret"], WAITING in after) == (waiting, False)
    assert check_token(after["anon_key"], waiting)["role"] == "anon"
    found = {row.id: row for row in signing_keys.list_keys(context, ref)}
    assert found[str(key.id)].status == "in_use"


def check_token(token: str, secret: str) -> dict[str, Any]:
    return jwt.decode(token, OctKey.import_key(secret), algorithms=["HS256"]).claims


def test_a_password_is_not_kept_for_a_second_try(plane: Plane) -> None:
    ref = active(plane)
    failpoints.arm({failpoints.VARIABLE: "up_keys:before=fail"})
    asked = project_keys.change_password(plane.context, TESTER, ref, CHOSEN)
    assert plane.wait(UUID(asked.id)).status == "failed"
    failpoints.disarm()
    retried = plane.wait(UUID(changes.retry(plane.context, TESTER, asked.id).id))
    assert retried.error is not None and retried.error["code"] == "password_not_kept"
    assert plane.project(ref).state == "ACTIVE"
