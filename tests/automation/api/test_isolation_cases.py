"""Isolation cases 35, 36 and 37: each holds, and fails as soon as its guard is taken away."""

import itertools
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from unittest.mock import ANY

import pytest

from automation.actors import Actor
from automation.registry import idempotency_keys
from automation.registry.projects import LIVE_NAME_INDEX
from contracts.projects import check_name
from contracts.refs import is_ref
from tests.automation.api.members import member_of, organization
from tests.automation.api.test_errors import check_problem
from tests.automation.api.test_organizations import at_once, statuses

PROJECTS = "/v1/projects"
NO_NAMES = ["", " ", "x" * 256, "a\0b", "a\nb", "\x1b[2J", "\u2028"]
# Labels, kept as they are: none of them names anything outside the registry.
LABELS = ["😀", "../", "';--", "pg_x", "postgres", "con", "trailing ", "www", "api", "admin"]
# All of them look like "shop": some letters are Cyrillic or Greek.
LETTERS = ["s\u0455", "h\u04bb", "o\u043e\u03bf", "p\u0440"]
HOMOGRAPHS = ["".join(letters) for letters in itertools.product(*LETTERS)]


@dataclass(frozen=True)
class World:
    """What a case is tried on."""

    api: object
    ctx: object
    monkeypatch: pytest.MonkeyPatch


@pytest.fixture
def world(api, ctx, monkeypatch):
    return World(api, ctx, monkeypatch)


# --- 35: names ------------------------------------------------------------------------------------


def names(world):
    refused = [world.api.post(PROJECTS, json={"name": name}) for name in NO_NAMES]
    for answer in refused:
        check_problem(answer, 422, "project_name_invalid")
    assert world.api.get(PROJECTS).json() == []
    taken = [*LABELS, *HOMOGRAPHS]
    made = [world.api.post(PROJECTS, json={"name": name}).json() for name in taken]
    assert [each["name"] for each in made] == taken
    assert all(is_ref(each["ref"]) for each in made)


@contextmanager
def any_name(world):
    world.monkeypatch.setattr(check_name, "__code__", (lambda name: name).__code__)
    yield


# --- 36: one create of 20 -------------------------------------------------------------------------


def one_of_twenty(world):
    answers = at_once(*[partial(world.api.post, PROJECTS, json={"name": "shop"})] * 20)
    assert statuses(answers) == [201] + [409] * 19
    assert len(world.api.get(PROJECTS).json()) == 1


@contextmanager
def any_number(world):
    """The index goes, and comes back as it was."""
    with world.ctx.transaction() as conn:
        query = "SELECT indexdef FROM pg_indexes WHERE indexname = %s"
        (definition,) = conn.execute(query, [LIVE_NAME_INDEX]).fetchone()
        conn.execute(f"DROP INDEX {LIVE_NAME_INDEX}")
    try:
        yield
    finally:
        with world.ctx.transaction() as conn:
            conn.execute("TRUNCATE projects CASCADE")
            conn.execute(definition)


# --- 37: idempotency keys -------------------------------------------------------------------------


def keyed(client, name):
    return client.post(PROJECTS, json={"name": name}, headers={"Idempotency-Key": "one"})


def another_body(world):
    assert keyed(world.api, "shop").status_code == 201
    check_problem(keyed(world.api, "other"), 422, "idempotency_key_reused")


@contextmanager
def any_body(world):
    real = idempotency_keys.find

    def found(*asked):
        kept = real(*asked)
        return kept and replace(kept, request_hash=ANY)

    world.monkeypatch.setattr(idempotency_keys, "find", found)
    yield


def another_actor(world):
    """Who has the key of somebody else is not told what that one was answered."""
    slugs = [organization(world.api, name, projects_max=9) for name in ("a", "b")]
    ada, eve = (member_of(world.api, slug, slug, "owner") for slug in slugs)
    told = keyed(ada, "shop").json()["ref"]
    assert keyed(eve, "shop").json()["ref"] != told


@contextmanager
def any_actor(world):
    world.monkeypatch.setattr(Actor, "key_owner", "everybody")
    yield


CASES: list[tuple[Callable[[World], None], Callable]] = [
    (names, any_name),
    (one_of_twenty, any_number),
    (another_body, any_body),
    (another_actor, any_actor),
]


@pytest.mark.parametrize("case", [case for case, _ in CASES], ids=lambda case: case.__name__)
def test_it_holds(world, case):
    case(world)


@pytest.mark.parametrize(("case", "unguarded"), CASES, ids=lambda each: each.__name__)
def test_without_its_guard_it_does_not(world, case, unguarded):
    with unguarded(world), pytest.raises((AssertionError, KeyError)):
        case(world)
