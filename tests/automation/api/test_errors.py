"""Every refusal has one form, a code and a cure, and quotes nothing that was sent."""

import logging

import pytest

from automation import projects

PROBLEM_FIELDS = {
    "type", "title", "status", "detail", "instance", "code", "message", "fix", "request_id",
    "errors",
}  # fmt: skip
SECRET = "hunter2 hunter2"


def check_problem(answer, status, code):
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert set(problem) == PROBLEM_FIELDS
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["message"] == problem["detail"] != ""
    assert problem["fix"]
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert "\n" not in problem["message"]
    return problem


@pytest.mark.parametrize(
    "name", ["", " ", "a" * 256, "a\nb", "a\x00b", "\x1b[31mred", "a\u2028b", None, 5, ["x"]]
)
def test_names(api, name):
    problem = check_problem(
        api.post("/v1/projects", json={"name": name}), 422, "project_name_invalid"
    )
    assert problem["errors"][0]["pointer"] == "/body/name"


def test_a_name_that_is_no_unicode(api):
    answer = api.post(
        "/v1/projects",
        content=b'{"name": "\\ud800"}',
        headers={"Content-Type": "application/json"},
    )
    check_problem(answer, 422, "project_name_invalid")


def test_name_taken(api):
    api.post("/v1/projects", json={"name": "shop"})
    answer = api.post("/v1/projects", json={"name": "Shop", "db_pass": SECRET})
    check_problem(answer, 409, "project_name_taken")
    assert SECRET not in answer.text


@pytest.mark.parametrize("password", ["short7!", SECRET + "\x00", SECRET * 20, [SECRET]])
def test_a_refused_password_is_not_repeated(api, password):
    answer = api.post("/v1/projects", json={"name": "shop", "db_pass": password})
    check_problem(answer, 422, "db_pass_invalid")
    assert str(password) not in answer.text
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"name": NaN}']
)
def test_nonsense_bodies(api, body):
    answer = api.post("/v1/projects", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422), answer.text
    check_problem(answer, answer.status_code, answer.json()["code"])


@pytest.mark.parametrize(
    "path",
    [
        "/v1/projects/" + "z" * 20,
        "/v1/projects/nonsense",
        "/v1/projects/a%00b",
        "/v1/projects/%F0%9F%8F%AA",
        "/v1/projects/" + "z" * 20 + "/api-keys",
        "/v1/projects/" + "z" * 20 + "/api-keys?reveal=true",
        "/v1/projects/" + "z" * 20 + "/connection",
    ],
)
def test_unknown_projects(api, path):
    check_problem(api.get(path), 404, "project_not_found")


@pytest.mark.parametrize(
    "operation_id",
    ["x", "a%00b", "00000000-0000-0000-0000-000000000000", "{0}", "0" * 32],
)
@pytest.mark.parametrize("suffix", ["", "/events"])
def test_unknown_operations(api, operation_id, suffix):
    check_problem(api.get(f"/v1/operations/{operation_id}{suffix}"), 404, "operation_not_found")


def test_unknown_organization(api):
    body = {"name": "x", "organization_slug": "nobody"}
    check_problem(api.post("/v1/projects", json=body), 404, "organization_not_found")


def test_no_such_route_or_method(api):
    check_problem(api.get("/v1/nothing"), 404, "not_found")
    check_problem(api.put("/v1/projects"), 405, "method_not_allowed")


def test_a_bad_query(api):
    answer = api.get(f"/v1/projects/{'z' * 20}/api-keys?reveal=perhaps")
    check_problem(answer, 422, "invalid_input")


def test_a_bug_is_a_500_without_detail(api, monkeypatch):
    def broken(ctx, actor, **wanted):
        raise RuntimeError(SECRET)

    monkeypatch.setattr(projects, "list_projects", broken)
    answer = api.get("/v1/projects")
    check_problem(answer, 500, "internal")
    assert SECRET not in answer.text


def test_what_is_not_built_is_no_error_of_ours(api, caplog):
    with caplog.at_level(logging.INFO):
        check_problem(api.get("/v1/oauth/authorize"), 501, "not_built")
    told = [record for record in caplog.records if "not_built" in record.message]
    assert {record.levelname for record in told} == {"INFO"}


@pytest.mark.parametrize("brought", ["abc-123", "A.b_c"])
def test_a_request_may_bring_its_name(api, brought):
    answer = api.get("/health", headers={"X-Request-Id": brought})
    assert answer.headers["X-Request-Id"] == brought


@pytest.mark.parametrize("brought", ["", "x" * 65, "a b", "a\tb", "<script>"])
def test_but_not_one_that_spoils_a_log(api, brought):
    answer = api.get("/v1/nothing", headers={"X-Request-Id": brought})
    assert answer.headers.get_list("X-Request-Id") != [brought]
    assert len(answer.headers.get_list("X-Request-Id")) == 1
