"""What a rotation and a revocation make of a project's secrets and logins."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from automation.key_change import SECRETS_OF, STANDBY, UNCHANGED, WAITING, KeyChange
from automation.registry.project_keys import KeyRow
from contracts.project_keys import ROTATED_KINDS
from stacks.spec import PREVIOUS, REPLACED_SECRETS, OpenLogins

ALL = KeyChange("rotate", ROTATED_KINDS)
NAMES = [name for names in SECRETS_OF.values() for name in names]
NOW = {name: f"{name} 1" for name in NAMES} | {"passphrase": "p", "env:A": "a"}
PREPARED = NOW | {f"{STANDBY}{name}": f"{name} 2" for name in NAMES}


def row(kind, generation, status):
    at = datetime.now(UTC)
    return KeyRow(uuid4(), kind, generation, status, None, at, at, None, None, True)


def test_every_secret_that_is_replaced_belongs_to_one_kind():
    assert sorted(NAMES) == sorted(REPLACED_SECRETS)


def test_a_rotation_keeps_the_older_ones_beside_the_new():
    after = ALL.secrets(PREPARED)
    assert after == {
        **NOW,
        **{name: f"{name} 2" for name in NAMES},
        **{f"{PREVIOUS}{name}": f"{name} 1" for name in NAMES},
    }
    assert KeyChange("revoke", ROTATED_KINDS).secrets(after).keys() == NOW.keys()


def test_one_kind_leaves_the_others_alone():
    after = KeyChange("rotate", ("storage",)).secrets(PREPARED)
    assert {name for name in NOW if after[name] != NOW[name]} == {"storage_secret"}
    assert KeyChange("revoke", ("api",)).secrets(after) == after


def test_what_is_only_prepared_is_in_nobodys_use():
    assert UNCHANGED.secrets(PREPARED) == NOW
    assert KeyChange("revoke", ROTATED_KINDS).secrets(PREPARED) == NOW


def test_a_signing_key_waits_until_there_is_another():
    waiting = NOW | {WAITING: "jwt_secret 2", f"{PREVIOUS}storage_secret": "storage_secret 0"}
    assert KeyChange("rotate", ("database",)).kept_no_longer(
        waiting | {f"{STANDBY}{name}": "2" for name in SECRETS_OF["database"]}
    ) == sorted(f"{STANDBY}{name}" for name in SECRETS_OF["database"])
    assert KeyChange("revoke", ("storage",)).kept_no_longer(waiting) == ["previous_storage_secret"]
    used = KeyChange("rotate", ("api",)).kept_no_longer(PREPARED)
    assert WAITING in used


def test_logins_take_turns():
    rows = [
        *(row("database", 1, "revoked"), row("database", 2, "in_use")),
        *(row("database", 3, "standby"), row("storage", 1, "previously_used")),
        *(row("storage", 2, "in_use"), row("api", 7, "in_use")),
    ]
    assert UNCHANGED.logins(rows) == OpenLogins(api=(7,), database=(2,), storage=(1, 2))
    assert ALL.logins(rows).database == (2, 3)
    revoked = KeyChange("revoke", ("storage",)).logins(rows)
    assert revoked == OpenLogins(api=(7,), database=(2,), storage=(2,))
    assert UNCHANGED.logins([]) == OpenLogins()
    closed = [replace(each, status="revoked") for each in rows]
    assert UNCHANGED.logins(closed) == OpenLogins()


@pytest.mark.parametrize(
    ("verb", "kinds", "new_process"),
    [
        ("rotate", ("api",), True),
        ("revoke", ("api",), True),
        ("rotate", ("database",), True),
        ("revoke", ("database",), False),
        ("rotate", ("storage",), False),
        (None, (), False),
    ],
)
def test_when_postgrest_has_to_be_another(verb, kinds, new_process):
    assert KeyChange(verb, kinds).replaces_rest is new_process
