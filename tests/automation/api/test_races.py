"""Requests that meet: over HTTP, on a real PostgreSQL, many at the same moment.

Each race is run for several rounds, since one alone may go in order. What a worker would write is
written by hand here; races with its workflows are in tests/automation/workflows.
"""

from functools import partial

import pytest

from automation.client import Client
from automation.context import Context
from automation.reconcilers.purges import purge_if_due
from automation.registry import operations
from automation.registry import projects as rows
from automation.registry.projects import ProjectState
from contracts.errors import PlatformError
from contracts.project_settings import ProjectSettings, RestSettings
from contracts.projects import Project
from tests.automation.work_done import store_secrets
from tests.fixtures.at_once import at_once, codes

ROUNDS = 3


class Race:
    """The API, and a hand that writes what workers would."""

    def __init__(self, client: Client, ctx: Context) -> None:
        self.client = client
        self.ctx = ctx

    def organization(self, name: str, *, projects_max: int = 100) -> str:
        slug = self.client.create_organization(name).slug
        self.client.set_organization_limits(slug, limits={"projects_max": projects_max})
        return slug

    def active(self, name: str, organization: str = "default") -> str:
        started = self.client.create_project(name, organization_slug=organization)
        ref = started.project.ref
        store_secrets(self.ctx, ref)
        self.end(ref, "ACTIVE")
        return ref

    def deleted(self, name: str, organization: str = "default", *, kept_s: float = 1000) -> str:
        ref = self.active(name, organization)
        self.client.destroy_project(ref)
        self.end(ref, "DELETED", kept_s=kept_s)
        return ref

    def end(self, ref: str, state: ProjectState, *, kept_s: float | None = None) -> None:
        """The project's operation is done."""
        with self.ctx.transaction() as conn:
            operation = operations.find_active(conn, ref)
            assert operation is not None
            rows.set_state(conn, ref, state)
            if state == "DELETED":
                rows.keep_until(conn, ref, seconds=kept_s)
            operations.finish(conn, operation.id, "finished")

    def projects(self, organization: str) -> list[Project]:
        return [each for each in self.client.projects() if each.organization_slug == organization]

    def assert_quota_is_count(self, organization: str) -> None:
        """Deleted ones are shown, and count no more."""
        live = [each for each in self.projects(organization) if each.recoverable_until is None]
        assert self.client.organization_limits(organization).used["projects"] == len(live)


@pytest.fixture
def race(client: Client, ctx: Context) -> Race:
    return Race(client, ctx)


def test_of_20_creates_of_one_name_one_is_promised(race: Race) -> None:
    slug = race.organization("Twenty")
    make = partial(race.client.create_project, "shop", organization_slug=slug)
    assert codes(at_once(*[make] * 20)) == ["", *["project_name_taken"] * 19]
    assert len(race.projects(slug)) == 1
    race.assert_quota_is_count(slug)


def test_creates_while_their_organization_is_deleted(race: Race) -> None:
    """Either it is empty and gone, and nobody gets in any more; or somebody was faster."""
    for n in range(ROUNDS):
        slug = race.organization(f"Fleeting {n}")
        make = [
            partial(race.client.create_project, f"shop {n}", organization_slug=slug)
            for n in range(3)
        ]
        leave = partial(race.client.delete_organization, slug)
        *made, left = at_once(*make, leave)
        if isinstance(left, PlatformError):
            assert left.code == "organization_not_empty"
            assert "" in codes(made)
            race.assert_quota_is_count(slug)
        else:
            assert codes(made) == ["organization_not_found"] * 3
            assert race.projects(slug) == []


def test_transfers_into_an_organization_that_is_deleted(race: Race) -> None:
    for n in range(ROUNDS):
        slug = race.organization(f"Fleeting {n}")
        ref = race.active(f"moving {n}")
        moved, left = at_once(
            partial(race.client.transfer_project, ref, slug),
            partial(race.client.delete_organization, slug),
        )
        assert codes([moved, left]) in (
            ["", "organization_not_empty"],
            ["", "organization_not_found"],
        )
        owner = "default" if isinstance(moved, PlatformError) else slug
        assert race.client.project(ref).organization_slug == owner


CHANGES = {
    "update": lambda client, ref: client.update_project(
        ref, ProjectSettings(rest=RestSettings(max_rows=7))
    ),
    "pause": lambda client, ref: client.pause_project(ref),
    "restart": lambda client, ref: client.restart_project(ref),
    "preview": lambda client, ref: client.preview(ref),
    "destroy": lambda client, ref: client.destroy_project(ref),
    "purge": lambda client, ref: client.destroy_project(ref, now=True),
}


@pytest.mark.parametrize("other", [kind for kind in CHANGES if kind not in ("destroy", "purge")])
@pytest.mark.parametrize("destroy", ["destroy", "purge"])
def test_a_change_and_a_destroy(race: Race, other: str, destroy: str) -> None:
    for n in range(ROUNDS):
        ref = race.active(f"shop {n}")
        outcomes = at_once(
            partial(CHANGES[other], race.client, ref), partial(CHANGES[destroy], race.client, ref)
        )
        assert codes(outcomes) == ["", "project_locked"]


def test_two_destroys_are_one_unless_the_second_does_more(race: Race) -> None:
    for n in range(ROUNDS):
        ref = race.active(f"shop {n}")
        one, two = (partial(race.client.destroy_project, ref, now=now) for now in (False, True))
        deleted, purged = at_once(one, two)
        if isinstance(purged, PlatformError):
            assert (codes([deleted]), purged.code) == ([""], "project_locked")
        else:
            assert not isinstance(deleted, PlatformError)
            assert deleted.operation_id == purged.operation_id


def test_two_projects_that_swap_their_names(race: Race) -> None:
    for n in range(ROUNDS):
        left, right = race.active(f"left {n}"), race.active(f"right {n}")
        outcomes = at_once(
            partial(race.client.rename_project, left, f"right {n}"),
            partial(race.client.rename_project, right, f"left {n}"),
        )
        assert codes(outcomes) == ["project_name_taken"] * 2


def test_two_projects_of_one_name_that_swap_their_organizations(race: Race) -> None:
    one, two = race.organization("One"), race.organization("Two")
    for n in range(ROUNDS):
        left, right = race.active(f"shop {n}", one), race.active(f"shop {n}", two)
        outcomes = at_once(
            partial(race.client.transfer_project, left, two),
            partial(race.client.transfer_project, right, one),
        )
        assert codes(outcomes) == ["project_name_taken"] * 2


@pytest.mark.parametrize("limit", [100, 1])
def test_a_name_that_is_wanted_back_and_by_a_new_one(race: Race, limit: int) -> None:
    refusal = {100: "project_name_taken", 1: "limit_reached"}[limit]
    for n in range(ROUNDS):
        slug = race.organization(f"Small {n}", projects_max=limit)
        ref = race.deleted("shop", slug)
        outcomes = at_once(
            partial(race.client.restore_project, ref),
            partial(race.client.create_project, "Shop", organization_slug=slug),
        )
        assert codes(outcomes) == ["", refusal]
        race.assert_quota_is_count(slug)


def test_one_name_is_wanted_in_three_ways(race: Race) -> None:
    for n in range(ROUNDS):
        here, there = race.organization(f"Here {n}"), race.organization(f"There {n}")
        renamed, moved = race.active("old", here), race.active("shop", there)
        outcomes = at_once(
            partial(race.client.create_project, "shop", organization_slug=here),
            partial(race.client.rename_project, renamed, "shop"),
            partial(race.client.transfer_project, moved, here),
        )
        assert codes(outcomes) == ["", *["project_name_taken"] * 2]
        race.assert_quota_is_count(here)
        race.assert_quota_is_count(there)


def test_two_retries_of_one_failed_create(race: Race) -> None:
    for n in range(ROUNDS):
        started = race.client.create_project(f"shop {n}")
        with race.ctx.transaction() as conn:
            rows.set_state(conn, started.project.ref, "FAILED")
            operations.finish(conn, started.operation_id, "failed")
        again = partial(race.client.retry_operation, started.operation_id)
        assert codes(at_once(again, again)) in (
            ["", "project_locked"],
            ["", "operation_not_newest"],
        )


def test_what_was_restored_in_the_last_moment_is_not_purged(race: Race) -> None:
    """Between the look for what is due and its turn a project may have come back."""
    ref = race.deleted("shop", kept_s=-1)
    race.client.restore_project(ref)
    assert not purge_if_due(race.ctx, ref)
    race.end(ref, "ACTIVE")
    assert not purge_if_due(race.ctx, ref)
    assert race.client.project(ref).status == "ACTIVE_HEALTHY"


def test_a_restore_and_the_purge_of_what_is_due(race: Race) -> None:
    for n in range(ROUNDS):
        ref = race.deleted(f"shop {n}", kept_s=-1)
        restored, purged = at_once(
            partial(race.client.restore_project, ref), partial(purge_if_due, race.ctx, ref)
        )
        assert purged is isinstance(restored, PlatformError)
