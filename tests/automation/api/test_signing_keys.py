"""Signing keys of a project in Supabase's paths: their statuses, and what a change promises."""

from automation.key_change import WAITING
from automation.registry import project_keys, project_secrets
from tests.automation.api.test_errors import check_problem
from tests.automation.work_done import settle


def test_signing_keys(api, ref):
    (key,) = api.get(f"/v1/projects/{ref}/config/auth/signing-keys").json()["keys"]
    assert (key["algorithm"], key["status"], key["public_jwk"]) == ("HS256", "in_use", None)
    path = f"/v1/projects/{ref}/config/auth/signing-keys"
    for name in ("legacy", key["id"]):
        assert api.get(f"{path}/{name}").json() == key
    check_problem(api.get(f"{path}/nonsense"), 404, "signing_key_not_found")


def test_the_jwt_secret_is_a_signing_key_already(api, ref):
    (key,) = signing_keys(api, ref)
    for _ in range(2):
        answer = api.post(f"/v1/projects/{ref}/config/auth/signing-keys/legacy")
        assert (answer.status_code, answer.json()) == (201, key)
    assert signing_keys(api, ref) == [key]


def signing_keys(api, ref):
    return api.get(f"/v1/projects/{ref}/config/auth/signing-keys").json()["keys"]


def test_signing_keys_go_from_one_status_to_the_next(ctx, api, ref):
    path = f"/v1/projects/{ref}/config/auth/signing-keys"
    with ctx.transaction() as conn:
        project_keys.insert_standby(conn, ref, ["api"])
        project_keys.rotate(conn, ref, ["api"], overlap_s=60)
        project_keys.insert_jwks(conn, ref, [{"kty": "EC", "alg": "ES256", "kid": "a"}])
    older, used, elsewhere = signing_keys(api, ref)
    told = [(key["algorithm"], key["status"]) for key in (older, used, elsewhere)]
    assert told == [("HS256", "previously_used"), ("HS256", "in_use"), ("ES256", "previously_used")]
    assert elsewhere["public_jwk"]["kid"] == "a"
    assert api.get(f"{path}/legacy").json() == used
    for key, status in ((used, "revoked"), (older, "in_use"), (elsewhere, "in_use")):
        answer = api.patch(f"{path}/{key['id']}", json={"status": status})
        check_problem(answer, 409, "signing_key_status")
    for key in (used, older, elsewhere):
        check_problem(api.delete(f"{path}/{key['id']}"), 409, "signing_key_accepted")
    assert api.patch(f"{path}/{used['id']}", json={"status": "in_use"}).json() == used
    for key, asked in ((older, ("revoke", {"kinds": ["api"]})), (elsewhere, ("update", {}))):
        answer = api.patch(f"{path}/{key['id']}", json={"status": "revoked"})
        assert answer.json() == {**key, "status": "revoked"}
        active = settle(ctx, ref)
        assert answer.headers["Location"] == f"/v1/operations/{active.id}"
        assert (active.kind, active.input) == asked
    assert api.delete(f"{path}/{elsewhere['id']}").json()["status"] == "revoked"
    assert [key["id"] for key in signing_keys(api, ref)] == [older["id"], used["id"]]
    with ctx.transaction() as conn:
        assert project_keys.public_jwks(project_keys.list_of(conn, ref)) == []


def test_a_signing_key_waits_on_standby_until_it_is_put_in_use(ctx, api, ref):
    path = f"/v1/projects/{ref}/config/auth/signing-keys"
    made = api.post(path, json={"algorithm": "HS256"})
    assert (made.status_code, made.json()["status"]) == (201, "standby")
    assert "Location" not in made.headers
    waiting = f"{path}/{made.json()['id']}"
    assert api.get(waiting).json() == made.json()
    check_problem(api.post(path, json={"algorithm": "HS256"}), 409, "signing_key_on_standby")
    rotation = api.post(f"/v1/projects/{ref}/keys/rotate", json={"kinds": ["api"]})
    check_problem(rotation, 409, "signing_key_on_standby")
    assert api.delete(waiting).json() == made.json()
    check_problem(api.get(waiting), 404, "signing_key_not_found")
    with ctx.transaction() as conn:
        assert project_secrets.list_with_prefix(conn, ref, WAITING) == []

    made = api.post(path, json={"algorithm": "HS256"}).json()
    answer = api.patch(f"{path}/{made['id']}", json={"status": "in_use"})
    assert answer.json() == made | {"status": "in_use"}
    asked = settle(ctx, ref)
    assert (asked.kind, asked.input["kinds"], asked.input["chosen"]) == (
        "rotate", ["api"], ["jwt_secret"],
    )  # fmt: skip
    assert api.delete(f"{path}/{made['id']}").status_code == 200
    at_once = api.post(path, json={"algorithm": "HS256", "status": "in_use"})
    assert (at_once.status_code, at_once.json()["status"]) == (201, "in_use")
    assert settle(ctx, ref).kind == "rotate"


def test_signing_keys_that_nothing_here_could_use(api, ref):
    path = f"/v1/projects/{ref}/config/auth/signing-keys"
    for algorithm in ("ES256", "RS256", "EdDSA"):
        answer = api.post(path, json={"algorithm": algorithm, "status": "standby"})
        check_problem(answer, 400, "signing_algorithm_not_held")
    jwk = {"kty": "oct", "k": "hunter2hunter2hunter2"}
    answer = api.post(path, json={"algorithm": "HS256", "private_jwk": jwk})
    check_problem(answer, 400, "signing_key_not_adopted")
    for body in ({}, {"algorithm": "none"}, {"algorithm": "HS256", "status": "revoked"}, {"k": 1}):
        check_problem(api.post(path, json=body), 422, "invalid_input")
    assert len(signing_keys(api, ref)) == 1
