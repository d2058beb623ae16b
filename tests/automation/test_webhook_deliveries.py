"""Webhooks: promised with the operation's end, delivered signed, tried again, given up, and kept
away from what only the platform can reach."""

import json
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime

import httpx2
import psycopg
import pytest
from fastapi.testclient import TestClient

from automation import webhook_deliveries
from automation.context import Context
from automation.encryption.keyring import open_keyring
from automation.registry import operations, webhook_secrets
from automation.registry import webhooks as rows
from automation.webhook_deliveries import Refused, deliver_due, delivering, post
from contracts.errors import Unauthorized
from contracts.webhooks import verify_webhook
from tests.automation.api.members import member_of
from tests.fixtures.platform import eventually
from tests.fixtures.receiver import DROP, Receiver, receiving

HOOKS = "/v1/organizations/default/webhooks"


def keyring_of(ctx):
    return open_keyring(ctx.settings.home)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_deliveries, "PAUSES_S", (0.0,) * 4)
    monkeypatch.setattr(webhook_deliveries, "ATTEMPTS_MAX", 4)
    monkeypatch.setattr(webhook_deliveries, "POLL_INTERVAL_S", 0.05)


def add(api: TestClient, url: str, events: list[str] | None = None) -> tuple[str, str]:
    answer = api.post(HOOKS, json={"url": url, "events": events or []})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"], answer.json()["secret"]


def end_create(api: TestClient, ctx: Context, status: str = "finished") -> str:
    """A project whose create has ended so."""
    created = api.post("/v1/projects", json={"name": f"shop {time.monotonic_ns()}"})
    error = None if status == "finished" else {"code": "keycloak_down", "message": "", "fix": ""}
    with ctx.transaction() as conn:
        operation_id = created.headers["Location"].rpartition("/")[2]
        operations.finish(conn, operation_id, status, error)  # type: ignore[arg-type]
    ref: str = created.json()["ref"]
    return ref


def deliveries(api: TestClient, webhook_id: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = api.get(f"{HOOKS}/{webhook_id}/deliveries").json()
    return found


def test_a_finished_operation_is_told_once_and_signed(
    api: TestClient, ctx: Context, receiver: Receiver, pool: ThreadPoolExecutor
) -> None:
    webhook_id, secret = add(api, receiver.url)
    ref = end_create(api, ctx)
    assert deliver_due(ctx, keyring_of(ctx), pool) == 1
    assert deliver_due(ctx, keyring_of(ctx), pool) == 0
    [(headers, body)] = receiver.requests
    message_id = verify_webhook(secret, headers, body)
    with pytest.raises(Unauthorized):
        verify_webhook(secret, headers, body.replace(b"created", b"destroyed"))
    message = json.loads(body)
    assert (message["type"], message["data"]["ref"]) == ("project.created", ref)
    assert message["data"]["organization_slug"] == "default"
    assert headers["host"] == receiver.url.split("/")[2]
    [delivery] = deliveries(api, webhook_id)
    assert delivery["id"] == message_id
    assert (delivery["status"], delivery["last_answer"]) == ("delivered", "status 204")


def rotate(api: TestClient, webhook_id: str, **body: int) -> httpx2.Response:
    return api.post(f"{HOOKS}/{webhook_id}/rotate", json=body)


def signing(secrets: Iterable[str], request: tuple[dict[str, str], bytes]) -> list[str]:
    """Those of them whose signature the request bears."""
    found = []
    for secret in secrets:
        with suppress(Unauthorized):
            verify_webhook(secret, *request)
            found.append(secret)
    return found


def test_the_secret_before_signs_beside_the_new_one_until_it_ends(
    api: TestClient, ctx: Context, receiver: Receiver, pool: ThreadPoolExecutor
) -> None:
    webhook_id, first = add(api, receiver.url)
    answer = rotate(api, webhook_id)
    assert answer.status_code == 200, answer.text
    second, ends_at = answer.json()["secret"], answer.json()["previous_end_at"]
    left_s = (datetime.fromisoformat(ends_at) - datetime.now(UTC)).total_seconds()
    assert 23 * 3600 < left_s <= 24 * 3600
    third = rotate(api, webhook_id, overlap_hours=1).json()["secret"]
    end_create(api, ctx)
    deliver_due(ctx, keyring_of(ctx), pool)
    assert signing([first, second, third], receiver.requests[-1]) == [first, second, third]
    # The current one's stands first, for receivers that look at one only.
    headers, body = receiver.requests[-1]
    newest = headers["webhook-signature"].split()[0]
    verify_webhook(third, {**headers, "webhook-signature": newest}, body)
    with ctx.transaction() as conn:
        conn.execute("UPDATE webhook_secrets SET ends_at = now() WHERE ends_at IS NOT NULL")
    end_create(api, ctx)
    deliver_due(ctx, keyring_of(ctx), pool)
    assert signing([first, second, third], receiver.requests[-1]) == [third]
    with ctx.transaction() as conn:
        webhook_secrets.prune(conn)
        assert conn.execute("SELECT count(*) FROM webhook_secrets").fetchone() == (1,)


def test_a_secret_that_leaked_ends_at_once(
    api: TestClient, ctx: Context, receiver: Receiver, pool: ThreadPoolExecutor
) -> None:
    webhook_id, leaked = add(api, receiver.url)
    next_one = rotate(api, webhook_id, overlap_hours=72).json()["secret"]
    last = rotate(api, webhook_id, overlap_hours=0).json()["secret"]
    end_create(api, ctx)
    deliver_due(ctx, keyring_of(ctx), pool)
    assert signing([leaked, next_one, last], receiver.requests[-1]) == [last]


def test_there_are_not_endless_secrets(api: TestClient, receiver: Receiver) -> None:
    webhook_id, _ = add(api, receiver.url)
    assert [rotate(api, webhook_id).status_code for _ in range(5)] == [200] * 4 + [403]
    assert rotate(api, webhook_id, overlap_hours=0).status_code == 200
    assert rotate(api, webhook_id).status_code == 200
    for wrong in (-1, 169):
        assert rotate(api, webhook_id, overlap_hours=wrong).status_code == 422


def test_who_rotate_at_once_have_one_current_secret(
    api: TestClient, ctx: Context, receiver: Receiver, pool: ThreadPoolExecutor
) -> None:
    webhook_id, _ = add(api, receiver.url)
    answers = list(pool.map(lambda _: rotate(api, webhook_id), range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    with ctx.transaction() as conn:
        current = conn.execute("SELECT count(*) FROM webhook_secrets WHERE ends_at IS NULL")
        assert current.fetchone() == (1,)


def test_a_receiver_that_fails_a_few_times_gets_it_in_the_end(
    api: TestClient, ctx: Context, receiver: Receiver
) -> None:
    webhook_id, secret = add(api, receiver.url)
    receiver.answers = [503, DROP, 301]
    with delivering(ctx, keyring_of(ctx)):
        end_create(api, ctx)
        eventually(lambda: len(receiver.requests) == 4, timeout_s=20, poll_interval_s=0.05)
        eventually(lambda: deliveries(api, webhook_id)[0]["status"] == "delivered", timeout_s=10)
    # The same message each time, with a fresh signature: to be told apart by its id.
    assert len({verify_webhook(secret, *request) for request in receiver.requests}) == 1
    assert len({body for _, body in receiver.requests}) == 1


def test_after_the_last_attempt_it_is_given_up(
    api: TestClient, ctx: Context, receiver: Receiver, pool: ThreadPoolExecutor
) -> None:
    webhook_id, _ = add(api, receiver.url)
    receiver.answers = [500] * 9
    end_create(api, ctx)
    assert [deliver_due(ctx, keyring_of(ctx), pool) for _ in range(5)] == [
        1,
        1,
        1,
        1,
        0,
    ]
    [delivery] = deliveries(api, webhook_id)
    assert (delivery["status"], delivery["attempts"]) == ("failed", 4)
    assert delivery["next_attempt_at"] is None


def test_what_a_worker_took_and_died_over_comes_up_again(
    api: TestClient, ctx: Context, receiver: Receiver, pool: ThreadPoolExecutor
) -> None:
    add(api, receiver.url)
    end_create(api, ctx)
    with ctx.transaction() as conn:
        assert len(rows.take_due(conn, limit=9, pauses_s=[0.0])) == 1
    assert deliver_due(ctx, keyring_of(ctx), pool) == 1


def test_two_workers_do_not_deliver_the_same(
    api: TestClient, ctx: Context, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_deliveries, "PAUSES_S", (60.0,) * 4)
    add(api, receiver.url)
    for _ in range(20):
        end_create(api, ctx)
    with (
        delivering(ctx, keyring_of(ctx)),
        delivering(ctx, keyring_of(ctx)),
    ):
        eventually(lambda: len(receiver.requests) == 20, timeout_s=30)
    assert len({headers["webhook-id"] for headers, _ in receiver.requests}) == 20


def test_who_wants_to_hear_of_what(
    api: TestClient, ctx: Context, receiver: Receiver, pool: ThreadPoolExecutor
) -> None:
    add(api, receiver.url, ["project.failed"])
    end_create(api, ctx)
    assert deliver_due(ctx, keyring_of(ctx), pool) == 0
    end_create(api, ctx, "failed")
    end_create(api, ctx, "cancelled")
    assert deliver_due(ctx, keyring_of(ctx), pool) == 1
    message = json.loads(receiver.requests[0][1])
    assert (message["type"], message["data"]["error_code"]) == ("project.failed", "keycloak_down")


def test_test_and_remove(
    api: TestClient, ctx: Context, receiver: Receiver, pool: ThreadPoolExecutor
) -> None:
    webhook_id, secret = add(api, receiver.url, ["project.failed"])
    assert secret not in api.get(HOOKS).text
    assert api.post(f"{HOOKS}/{webhook_id}/test").status_code == 202
    assert deliver_due(ctx, keyring_of(ctx), pool) == 1
    api.post(f"{HOOKS}/{webhook_id}/test")
    assert api.delete(f"{HOOKS}/{webhook_id}").status_code == 200
    assert deliver_due(ctx, keyring_of(ctx), pool) == 0
    assert rotate(api, webhook_id).status_code == 404
    for method, path in (("GET", "deliveries"), ("POST", "test")):
        assert api.request(method, f"{HOOKS}/{webhook_id}/{path}").status_code == 404
    assert api.delete(f"{HOOKS}/nonsense").status_code == 404


def test_another_organization_has_other_webhooks(api: TestClient, receiver: Receiver) -> None:
    webhook_id, _ = add(api, receiver.url)
    assert api.post("/v1/organizations", json={"name": "other"}).status_code == 201
    assert api.get("/v1/organizations/other/webhooks").json() == []
    assert api.delete(f"/v1/organizations/other/webhooks/{webhook_id}").status_code == 404
    developer = member_of(api, "default", "dev", "developer")
    assert developer.get(HOOKS).status_code == 403


def test_there_are_not_endless_webhooks(api: TestClient) -> None:
    answers = [api.post(HOOKS, json={"url": "https://a.test/"}).status_code for _ in range(21)]
    assert answers == [201] * 20 + [403]


def test_no_secret_stands_in_the_registry(
    api: TestClient, ctx: Context, receiver: Receiver
) -> None:
    _, secret = add(api, receiver.url)
    with ctx.transaction() as conn:
        text = str(conn.execute("SELECT w::text FROM webhooks w").fetchall())
        text += str(conn.execute("SELECT s::text FROM webhook_secrets s").fetchall())
        text += str(conn.execute("SELECT a::text FROM audit.project_audit_logs a").fetchall())
    assert secret not in text and secret.removeprefix("whsec_") not in text


# --- what a member's webhook may not reach --------------------------------------------------------


def test_a_member_adds_public_addresses_only(api: TestClient) -> None:
    admin = member_of(api, "default", "admin", "administrator")
    for url in ("http://127.0.0.1:1/", "http://[::1]/", "http://localhost/", "http://x.localhost/",
                "http://169.254.169.254/latest", "http://10.1.2.3/"):  # fmt: skip
        answer = admin.post(HOOKS, json={"url": url})
        assert (answer.status_code, answer.json()["code"]) == (422, "webhook_private"), url
    assert admin.post(HOOKS, json={"url": "https://hooks.example.org/"}).status_code == 201


def test_a_name_that_leads_to_a_private_address_is_not_called(receiver: Receiver) -> None:
    port = receiver.url.split(":")[2]
    for addresses in (["127.0.0.1"], ["93.184.215.14", "127.0.0.1"], ["::ffff:127.0.0.1"], []):
        with pytest.raises(Refused):
            post(
                f"http://evil.test:{port}", b"{}", {}, may_be_private=False,
                lookup=lambda host, port, found=addresses: found,
            )  # fmt: skip
    # Other ways to write 127.0.0.1, by the system's own lookup.
    for host in ("localhost", "2130706433", "0x7f.1", "127.1", "0"):
        with pytest.raises((Refused, OSError)):
            post(f"http://{host}:{port}/", b"{}", {}, may_be_private=False)
    assert receiver.requests == []


def test_the_connection_goes_to_the_address_that_was_checked(receiver: Receiver) -> None:
    """A name that answers differently the second time gains nothing: it is asked once."""
    asked: list[str] = []

    def lookup(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    url = receiver.url.replace("127.0.0.1", "rebinding.test")
    assert post(url, b"{}", {}, may_be_private=True, lookup=lookup) == 204
    assert asked == ["rebinding.test"]
    assert receiver.requests[0][0]["host"].startswith("rebinding.test:")


def test_a_receiver_that_never_ends_its_answer_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_deliveries, "TOTAL_TIMEOUT_S", 0.5)
    monkeypatch.setattr(webhook_deliveries, "ANSWER_TIMEOUT_S", 1.0)
    stop = threading.Event()

    def dribble(listener: socket.socket) -> None:
        conn, _ = listener.accept()
        with conn:
            conn.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not stop.wait(0.1):
                try:
                    conn.sendall(b"x")
                except OSError:
                    return

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=dribble, args=(listener,))
        thread.start()
        begun = time.monotonic()
        with pytest.raises((OSError, webhook_deliveries.httpx.HTTPError)):
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            post(url, b"{}", {}, may_be_private=True)
        stop.set()
        thread.join(timeout=5)
    assert time.monotonic() - begun < 5


def test_the_messenger_outlives_its_registry(
    api: TestClient, ctx: Context, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_deliveries, "RETRY_PAUSE_S", 0.05)
    broken = threading.Event()
    really = rows.take_due

    def take(*args: object, **kwargs: object) -> list[rows.DeliveryRow]:
        if not broken.is_set():
            broken.set()
            raise psycopg.OperationalError("gone")
        return really(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(rows, "take_due", take)
    add(api, receiver.url)
    with delivering(ctx, keyring_of(ctx)):
        end_create(api, ctx)
        eventually(lambda: receiver.requests, timeout_s=20)
