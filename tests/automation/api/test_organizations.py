"""Organizations, their members and limits over HTTP; two at once wherever that could matter."""

import threading
from functools import partial

import pytest

from automation.limits import PLANS
from automation.organizations import slug_of
from tests.automation.api.members import member_of, organization
from tests.automation.api.test_errors import check_problem


def at_once(*asks):
    """What each of `asks` was answered, all of them asked at the same moment."""
    gate = threading.Barrier(len(asks))
    answers = []

    def run(ask):
        gate.wait()
        answers.append(ask())

    threads = [threading.Thread(target=run, args=(ask,)) for ask in asks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def statuses(answers):
    return sorted(answer.status_code for answer in answers)


# --- organizations --------------------------------------------------------------------------------


def test_create_get_list_delete(api):
    created = api.post("/v1/organizations", json={"name": "Große Läden", "kind": "ignored"})
    assert created.status_code == 201
    view = created.json()
    assert (view["slug"], view["name"], view["plan"]) == ("gro-e-l-den", "Große Läden", "free")
    path = f"/v1/organizations/{view['slug']}"
    assert api.get(path).json() == view
    assert api.get(f"/v1/organizations/{view['id']}").json() == view
    assert [each["slug"] for each in api.get("/v1/organizations").json()] == [
        "default", view["slug"],
    ]  # fmt: skip
    assert api.delete(path).json() == view
    check_problem(api.get(path), 404, "organization_not_found")
    check_problem(api.delete(path), 404, "organization_not_found")
    again = api.post("/v1/organizations", json={"name": "x", "slug": view["slug"]})
    assert again.status_code == 201  # the slug is free again


def test_who_makes_an_organization_owns_it(api):
    slug = organization(api, "shop")
    (owner,) = api.get(f"/v1/organizations/{slug}/members").json()
    assert (owner["user_name"], owner["role_name"]) == ("operator", "owner")


@pytest.mark.parametrize("slug", ["", "A", "-a", "a b", "a" * 64, "ä", "a\n", "1a"])
def test_bad_slugs(api, slug):
    body = {"name": "x", "slug": slug}
    check_problem(api.post("/v1/organizations", json=body), 422, "invalid_input")


def test_a_slug_of_ones_own_is_taken_once(api):
    asks = [lambda: api.post("/v1/organizations", json={"name": "x", "slug": "shop"})] * 8
    assert statuses(at_once(*asks)) == [201] + [409] * 7


def test_the_same_name_gets_another_slug(api):
    slugs = {organization(api, "shop") for _ in range(3)}
    assert len(slugs) == 3
    assert all(slug.startswith("shop") for slug in slugs)


@pytest.mark.parametrize("name", ["shop", "日本", "123", "-", "Ä!", "x" * 255, "a--b "])
def test_a_slug_can_always_be_made(name):
    for slug in (slug_of(name), slug_of(name, "abcdef")):
        assert len(slug) <= 63
        assert slug[0].isalpha() and slug[-1] != "-"
        assert set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_an_organization_with_projects_stays(api):
    slug = organization(api, "shop")
    api.post("/v1/projects", json={"name": "one", "organization_slug": slug})
    check_problem(api.delete(f"/v1/organizations/{slug}"), 409, "organization_not_empty")


def test_the_default_organization_stays(api):
    check_problem(api.delete("/v1/organizations/default"), 409, "organization_is_default")


def test_a_project_created_while_its_organization_is_deleted(api):
    """One of the two wins; never a project without its organization."""
    for turn in range(5):
        slug = organization(api, f"shop {turn}")
        body = {"name": "one", "organization_slug": slug}
        answers = at_once(
            lambda slug=slug: api.delete(f"/v1/organizations/{slug}"),
            lambda body=body: api.post("/v1/projects", json=body),
        )
        assert statuses(answers) in ([200, 404], [201, 409])


# --- limits ---------------------------------------------------------------------------------------


def test_limits_are_the_plans_unless_its_own(api):
    slug = organization(api, "shop")
    path = f"/v1/organizations/{slug}/limits"
    before = api.get(path).json()
    assert before["plan"] == "free"
    assert before["limits"] == vars(PLANS["free"])
    assert before["used"] == {"projects": 0}
    changed = api.patch(path, json={"plan": "team", "projects_max": 7}).json()
    assert changed["limits"] == {**vars(PLANS["team"]), "projects_max": 7}
    assert changed["own"] == {"projects_max": 7}
    assert api.get(path).json() == changed
    back = api.patch(path, json={"plan": "enterprise", "projects_max": None}).json()
    assert (back["own"], back["limits"]["projects_max"]) == ({}, None)


@pytest.mark.parametrize(
    "change",
    [
        {"projects_max": -1},
        {"projects_max": 2**53 + 1},
        {"projects_max": 1.5},
        {"projects_max": "many"},
        {"projects": 5},
        {"plan": "gold"},
        {"plan": "gold\x00"},
    ],
)
def test_bad_limits(api, change):
    answer = api.patch("/v1/organizations/default/limits", json=change)
    assert answer.status_code == 422, answer.text
    assert api.get("/v1/organizations/default/limits").json()["own"] == {"projects_max": 500}


def test_a_limit_holds_for_many_at_once_and_counts_what_is_there(api):
    slug = organization(api, "shop", projects_max=3)

    def create(n):
        return api.post("/v1/projects", json={"name": f"shop {n}", "organization_slug": slug})

    answers = at_once(*[lambda n=n: create(n) for n in range(10)])
    assert statuses(answers) == [201] * 3 + [403] * 7
    assert {a.json()["code"] for a in answers if a.status_code == 403} == {"limit_reached"}
    assert api.get(f"/v1/organizations/{slug}/limits").json()["used"]["projects"] == 3
    assert len(api.get(f"/v1/organizations/{slug}/projects").json()["projects"]) == 3
    # A refused create used nothing up.
    api.patch(f"/v1/organizations/{slug}/limits", json={"projects_max": 4})
    assert statuses([create("x"), create("y")]) == [201, 403]


def test_a_limit_lowered_below_what_is_used_takes_nothing_away(api):
    slug = organization(api, "shop")
    for name in "ab":
        api.post("/v1/projects", json={"name": name, "organization_slug": slug})
    api.patch(f"/v1/organizations/{slug}/limits", json={"projects_max": 0})
    assert len(api.get(f"/v1/organizations/{slug}/projects").json()["projects"]) == 2


def test_entitlements_are_the_limits_in_supabases_form(api):
    api.patch("/v1/organizations/default/limits", json={"plan": "enterprise"})
    found = api.get("/v1/organizations/default/entitlements").json()["entitlements"]
    by_key = {each["feature"]["key"]: each for each in found}
    assert by_key["projects"] == {
        "feature": {"key": "projects", "type": "numeric"},
        "hasAccess": True,
        "type": "numeric",
        "config": {"enabled": True, "value": 500, "unlimited": False, "unit": "projects"},
    }
    assert by_key["storage.size"]["config"]["unlimited"] is True


# --- members --------------------------------------------------------------------------------------


@pytest.fixture
def shop(api):
    return organization(api, "shop", projects_max=50)


@pytest.fixture
def path(shop):
    return f"/v1/organizations/{shop}/members"


def test_members_come_change_and_go(api, shop, path):
    ada = member_of(api, shop, "ada@example.org", "developer")
    names = [(each["user_name"], each["role_name"]) for each in api.get(path).json()]
    assert names == [("ada@example.org", "developer"), ("operator", "owner")]
    assert ada.get(f"/v1/organizations/{shop}").status_code == 200
    changed = api.patch(f"{path}/ADA@example.org", json={"role": "read-only"})
    assert changed.json()["role_name"] == "read-only"
    assert api.delete(f"{path}/{changed.json()['user_id']}").status_code == 200
    check_problem(ada.get(f"/v1/organizations/{shop}"), 401, "unauthorized")
    check_problem(api.delete(f"{path}/ada@example.org"), 404, "member_not_found")
    again = member_of(api, shop, "ada@example.org", "owner")
    assert again.get(path).status_code == 200


@pytest.mark.parametrize("name", ["", "a b", "a/b", "../x", "a\x00", "ä", "x" * 129, "-a", None])
def test_bad_member_names(api, path, name):
    answer = api.post(path, json={"name": name, "role": "developer"})
    check_problem(answer, 422, answer.json()["code"])


@pytest.mark.parametrize("member", ["nobody", "a%00b", "%F0%9F%8F%AA", "x" * 500])
def test_unknown_members(api, path, member):
    check_problem(api.delete(f"{path}/{member}"), 404, "member_not_found")


def test_added_twice_at_once(api, path):
    asks = [lambda: api.post(path, json={"name": "ada", "role": "developer"})] * 6
    assert statuses(at_once(*asks)) == [201] + [409] * 5


def test_the_last_owner_cannot_leave(api, shop, path):
    ada = member_of(api, shop, "ada", "owner")
    api.delete(f"{path}/operator")
    check_problem(ada.delete(f"{path}/ada"), 409, "last_owner")
    check_problem(ada.patch(f"{path}/ada", json={"role": "developer"}), 409, "last_owner")
    member_of(ada, shop, "bob", "owner")
    assert ada.delete(f"{path}/ada").status_code == 200


def test_two_owners_who_leave_at_once(api, shop, path):
    for turn in range(4):
        ada = member_of(api, shop, f"ada{turn}", "owner")
        bob = member_of(api, shop, f"bob{turn}", "owner")
        api.delete(f"{path}/operator")
        step_down = {"url": f"{path}/bob{turn}", "json": {"role": "developer"}}
        answers = at_once(partial(ada.delete, f"{path}/ada{turn}"), partial(bob.patch, **step_down))
        assert statuses(answers) == [200, 409]
        owners = [m for m in api.get(path).json() if m["role_name"] == "owner"]
        assert len(owners) == 1
        assert api.post(path, json={"name": "operator", "role": "owner"}).status_code == 201
        for member in api.get(path).json():
            if member["user_name"] != "operator":
                api.delete(f"{path}/{member['user_name']}")


def test_nobody_gives_or_takes_a_role_above_ones_own(api, shop, path):
    admin = member_of(api, shop, "admin", "administrator")
    check_problem(admin.post(path, json={"name": "eve", "role": "owner"}), 403, "forbidden")
    check_problem(admin.patch(f"{path}/admin", json={"role": "owner"}), 403, "forbidden")
    check_problem(admin.patch(f"{path}/operator", json={"role": "developer"}), 403, "forbidden")
    check_problem(admin.delete(f"{path}/operator"), 403, "forbidden")
    dev = member_of(admin, shop, "dev", "developer")
    member_of(admin, shop, "other", "read-only")
    check_problem(dev.delete(f"{path}/other"), 403, "forbidden")
    assert dev.delete(f"{path}/dev").status_code == 200  # whoever wants to may leave


def test_a_token_is_good_in_the_organization_that_handed_it_out(api, shop):
    """Whoever adds somebody sees the token; it must not open what the same person has elsewhere."""
    other = organization(api, "other")
    in_shop = member_of(api, shop, "ada", "developer")
    in_other = member_of(api, other, "ada", "owner")
    assert [each["slug"] for each in in_shop.get("/v1/organizations").json()] == [shop]
    assert [each["slug"] for each in in_other.get("/v1/organizations").json()] == [other]
    check_problem(in_shop.get(f"/v1/organizations/{other}"), 404, "organization_not_found")
    check_problem(in_shop.post("/v1/organizations", json={"name": "x"}), 403, "forbidden")


def test_pages_of_members(api, shop, path):
    for name in "bcad":
        member_of(api, shop, name, "read-only")
    seen, following = [], f"{path}?limit=2"
    while following:
        answer = api.get(following)
        seen += [member["user_name"] for member in answer.json()]
        following = answer.links.get("next", {}).get("url")
    assert seen == ["a", "b", "c", "d", "operator"]
