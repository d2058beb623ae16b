"""A request that is sent again: answered again, done once; also when the process or the registry
fails between the two."""

import secrets
import threading
from functools import partial

import psycopg
import pytest
from fastapi.testclient import TestClient

from automation import organizations, projects
from automation.api import idempotency
from automation.api.body_limit import BODY_BYTES_MAX
from automation.registry import idempotency_keys
from tests.automation.api.members import member_of, organization
from tests.automation.api.test_errors import check_problem
from tests.automation.api.test_organizations import at_once, statuses

CREATE = {"url": "/v1/projects", "json": {"name": "shop", "db_pass": "hunter2 hunter2"}}


def keyed(key="k-1"):
    return {"Idempotency-Key": key}


def count(api):
    return len(api.get("/v1/projects").json())


def test_the_same_answer_again(api):
    first = api.post(**CREATE, headers=keyed())
    again = api.post(**CREATE, headers=keyed())
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert (again.headers["Idempotency-Replayed"], count(api)) == ("true", 1)
    assert "Idempotency-Replayed" not in first.headers


def test_another_request_under_the_same_key(api):
    api.post(**CREATE, headers=keyed())
    for other in (
        {"url": "/v1/projects", "json": {"name": "other"}},
        {"url": "/v1/projects?x=1", "json": CREATE["json"]},
        {"url": "/v1/organizations", "json": CREATE["json"]},
    ):
        check_problem(api.post(**other, headers=keyed()), 422, "idempotency_key_reused")
    assert count(api) == 1


def test_many_at_once_make_one(api):
    answers = at_once(*[partial(api.post, **CREATE, headers=keyed())] * 20)
    assert set(statuses(answers)) <= {201, 409}
    assert {a.json()["code"] for a in answers if a.status_code == 409} <= {"idempotency_key_in_use"}
    assert len({a.json()["ref"] for a in answers if a.status_code == 201}) == 1
    assert count(api) == 1


def test_many_at_once_of_one_name_make_one(api):
    answers = at_once(*[partial(api.post, **CREATE)] * 20)
    assert statuses(answers) == [201] + [409] * 19
    assert count(api) == 1


def test_many_keys_at_once_starve_nobody(api):
    """More than there are connections; those who only read get through too."""
    creates = [
        partial(api.post, "/v1/projects", json={"name": f"p{n}"}, headers=keyed(f"k{n}"))
        for n in range(24)
    ]
    answers = at_once(*creates, *[partial(api.get, "/v1/projects")] * 24)
    assert statuses(answers) == [200] * 24 + [201] * 24


def test_in_flight(api, monkeypatch):
    entered, go_on = threading.Event(), threading.Event()
    real = organizations.create

    def slow(*args):
        entered.set()
        assert go_on.wait(20)
        return real(*args)

    monkeypatch.setattr(organizations, "create", slow)
    ask = partial(api.post, "/v1/organizations", json={"name": "x"}, headers=keyed())
    answers = []
    thread = threading.Thread(target=lambda: answers.append(ask()))
    thread.start()
    assert entered.wait(20)
    check_problem(ask(), 409, "idempotency_key_in_use")
    go_on.set()
    thread.join()
    assert ask().content == answers[0].content


def test_what_was_refused_may_be_asked_again(api):
    api.patch("/v1/organizations/default/limits", json={"projects_max": 0})
    check_problem(api.post(**CREATE, headers=keyed()), 403, "limit_reached")
    api.patch("/v1/organizations/default/limits", json={"projects_max": 5})
    assert api.post(**CREATE, headers=keyed()).status_code == 201


def test_a_bug_leaves_neither_change_nor_answer(api, monkeypatch):
    real = projects.create

    def broken(*args):
        real(*args)
        raise RuntimeError

    monkeypatch.setattr(projects, "create", broken)
    check_problem(api.post(**CREATE, headers=keyed()), 500, "internal")
    assert count(api) == 0
    monkeypatch.undo()
    assert api.post(**CREATE, headers=keyed()).status_code == 201


def test_an_answer_that_cannot_be_kept_takes_its_change_back(api, monkeypatch):
    def broken(*args):
        raise psycopg.OperationalError("gone")

    monkeypatch.setattr(idempotency_keys, "put", broken)
    check_problem(api.post(**CREATE, headers=keyed()), 503, "registry_down")
    assert count(api) == 0


def test_who_takes_too_long_loses_the_connection_and_nobody_elses(api, monkeypatch):
    go_on = threading.Event()
    real = projects.create

    def slow(*args):
        assert go_on.wait(20)
        return real(*args)

    monkeypatch.setattr(idempotency, "ANSWER_TIMEOUT_S", 0.2)
    monkeypatch.setattr(projects, "create", slow)
    threading.Timer(1.0, go_on.set).start()
    late = api.post("/v1/projects", json={"name": "late"}, headers=keyed())
    check_problem(late, 504, "timed_out")
    assert count(api) == 0


def test_keys_are_ones_own(api):
    slug = organization(api, "shop", projects_max=9)
    ada, bob = (member_of(api, slug, name, "owner") for name in ("ada", "bob"))
    answers = [
        client.post("/v1/projects", json={"name": client_name}, headers=keyed()).json()
        for client, client_name in ((ada, "a"), (bob, "b"), (api, "c"))
    ]
    assert len({answer["ref"] for answer in answers}) == 3


def test_the_key_of_a_stranger_says_nothing(api):
    api.post(**CREATE, headers=keyed())
    stranger = TestClient(api.app, headers={"Authorization": "Bearer sbp_" + "0" * 40})
    check_problem(stranger.post(**CREATE, headers=keyed()), 401, "unauthorized")


def test_an_answer_is_kept_for_a_day_and_then_forgotten(ctx, api):
    first = api.post(**CREATE, headers=keyed())
    with ctx.transaction() as conn:
        conn.execute("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
    check_problem(api.post(**CREATE, headers=keyed()), 409, "project_name_taken")
    api.post("/v1/projects", json={"name": "other"}, headers=keyed("k-2"))
    with ctx.transaction() as conn:
        assert conn.execute("SELECT key FROM idempotency_keys").fetchall() == [("k-2",)]
    assert first.status_code == 201


@pytest.fixture
def without_worker(ctx, api):
    socket = ctx.settings.home.key_socket(0)
    away = socket.with_name("away")
    socket.rename(away)
    yield
    away.rename(socket)


def test_what_is_promised_is_promised_again_while_no_worker_lives(api, without_worker):
    """As from a client that heard nothing of the first answer: one project, and it will be made."""
    first, again = (api.post(**CREATE, headers=keyed()) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.content, again.headers["Location"]) == (first.content, first.headers["Location"])
    assert (again.headers["Idempotency-Replayed"], count(api)) == ("true", 1)
    assert "hunter2" not in first.text
    operation = api.get(again.headers["Location"]).json()
    assert (operation["kind"], operation["status"]) == ("create", "scheduling")


def test_an_answer_that_shows_a_secret_waits_for_a_worker(api, without_worker):
    path = "/v1/organizations/default/webhooks"
    ask = partial(api.post, path, json={"url": "https://example.org/"}, headers=keyed())
    assert ask().status_code == 201
    check_problem(ask(), 503, "key_service_down")
    assert len(api.get(path).json()) == 1


def test_who_may_do_what_waits_for_a_worker(api, without_worker):
    ask = partial(api.post, "/v1/tokens", json={"name": "ci"}, headers=keyed())
    check_problem(ask(), 503, "key_service_down")
    assert [each["name"] for each in api.get("/v1/tokens").json()] == ["operator"]


def test_what_is_kept_can_only_be_read_with_the_root_key(ctx, api):
    slug = organization(api, "shop")
    path = f"/v1/organizations/{slug}/members"
    body = {"name": "ada", "role": "owner"}
    token = api.post(path, json=body, headers=keyed()).json()["access_token"]
    with ctx.transaction() as conn:
        kept = conn.execute("SELECT i::text FROM idempotency_keys i").fetchall()
    assert kept and token not in str(kept)
    assert api.post(path, json=body, headers=keyed()).json()["access_token"] == token


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "\x7f", "ä".encode()])
def test_nonsense_keys(api, key):
    check_problem(api.post(**CREATE, headers=keyed(key)), 422, "idempotency_key_invalid")


def test_our_own_posts_need_a_key_and_supabases_do_not(api):
    bare = TestClient(api.app, headers={"Authorization": api.headers["Authorization"]})
    assert bare.post(**CREATE).status_code == 201
    body = {"name": "ada", "role": "owner"}
    answer = bare.post("/v1/organizations/default/members", json=body)
    check_problem(answer, 400, "idempotency_key_missing")


# --- size -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, keyed()])
@pytest.mark.parametrize("announced", [True, False])
def test_a_huge_body_is_refused(api, headers, announced):
    text = b'{"name": "' + b"x" * BODY_BYTES_MAX + b'"}'
    bare = TestClient(api.app, headers={"Authorization": api.headers["Authorization"]})
    content = text if announced else iter([text[:600_000], text[600_000:]])
    answer = bare.post(
        "/v1/projects", content=content, headers={"Content-Type": "application/json", **headers}
    )
    check_problem(answer, 413, "request_too_large")


def test_a_length_that_is_no_number(api):
    answer = api.post("/v1/projects", json={"name": "x"}, headers={"Content-Length": "9" * 5000})
    assert answer.status_code == 413


def test_a_random_key_each_is_enough(api):
    for n in range(3):
        answer = api.post(
            "/v1/projects", json={"name": f"p{n}"}, headers=keyed(secrets.token_hex(16))
        )
        assert answer.status_code == 201
