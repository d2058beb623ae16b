"""Every operation that Supabase documents is answered: as built, as an empty list, or by a 501 that
says so; never by a 404 of a path that its tools know."""

import pytest

from automation.api.not_built import MARK
from automation.supabase_paths import OPERATIONS
from tests.automation.api.documented import PATHS


def shown(operation):
    return PATHS[operation.path][operation.method.lower()]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: f"{o.method} {o.path}")
def test_the_document_has_it_and_says_what_is_missing(operation):
    assert shown(operation).get(MARK, False) is (operation.state == "missing")
    assert ("501" in shown(operation)["responses"]) is (operation.state == "missing")
    named = [
        each["name"] for each in shown(operation).get("parameters", []) if each["in"] == "path"
    ]
    assert named == operation.parameters


def test_there_are_all_of_them():
    assert len(OPERATIONS) == len({(each.method, each.path) for each in OPERATIONS}) == 172


def test_what_is_not_built_says_so_and_lists_are_empty(api):
    ref = api.post("/v1/projects", json={"name": "shop"}).json()["ref"]
    for operation in OPERATIONS:
        if operation.state == "built":
            continue
        names = dict.fromkeys(operation.parameters, "x") | {"ref": ref, "slug": "default"}
        # As Supabase's tools send it, without a key.
        path = operation.path.format(**names)
        headers = {"Authorization": api.headers["Authorization"]}
        answer = api.request(operation.method, path, headers=headers)
        if operation.state == "missing":
            assert answer.status_code == 501, operation
            if operation.method != "HEAD":
                assert answer.json()["code"] == "not_built"
        else:
            assert answer.status_code in (200, 201), operation
            lists = answer.json() if isinstance(answer.json(), dict) else {"": answer.json()}
            assert [] in lists.values()
            assert not [each for each in lists.values() if isinstance(each, list) and each]


def test_no_tool_of_supabases_is_asked_for_a_key(ctx, api):
    answer = api.post("/v1/projects", json={"name": "x"}, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 201
