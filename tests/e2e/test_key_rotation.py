"""Every key of a project is replaced while clients read by REST: no request fails, both generations
are accepted in between, and after the revocation the older one opens nothing."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import psycopg
import pytest
from minio import Minio
from minio.error import S3Error

from automation.key_change import SECRETS_OF
from tests.e2e.conftest import NOTES
from tests.fixtures.platform import Platform, connect

pytestmark = pytest.mark.platform

CLIENTS = 10


@pytest.fixture(scope="module")
def rotating(platform: Platform) -> Iterator[dict[str, Any]]:
    made = platform.create_project("rotating")
    with connect(made["db_url"]) as conn:
        conn.execute(NOTES)
        conn.execute("insert into open_notes (title) values ('there')")
    yield made
    platform.destroy(made["ref"])


@contextmanager
def reading(project: dict[str, Any], key: Callable[[], str]) -> Iterator[list[Any]]:
    """While the block runs, ten clients read a row each as fast as they are answered. Yields every
    answer: a status and a body, or an error."""
    url = f"{project['api_url']}/rest/v1/open_notes?select=title"
    answers: list[Any] = []
    over = threading.Event()

    def read() -> None:
        with httpx2.Client(trust_env=False, timeout=20) as client:
            while not over.is_set():
                try:
                    answer = client.get(url, headers={"apikey": key()})
                    answers.append((answer.status_code, answer.text))
                except httpx2.HTTPError as error:
                    answers.append(error)
                time.sleep(0.01)

    threads = [threading.Thread(target=read) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        over.set()
        for thread in threads:
            thread.join(timeout=30)


def opens(url: str) -> bool:
    try:
        with connect(url) as conn:
            return conn.execute("select title from open_notes").fetchall() == [("there",)]
    except psycopg.OperationalError:
        return False


def status(project: dict[str, Any], apikey: str, bearer: str = "") -> int:
    headers = {"apikey": apikey, **({"Authorization": f"Bearer {bearer}"} if bearer else {})}
    url = f"{project['api_url']}/rest/v1/open_notes"
    return httpx2.get(url, headers=headers, trust_env=False).status_code


def test_every_key_rotates_and_no_request_fails(
    platform: Platform, rotating: dict[str, Any]
) -> None:
    ref = rotating["ref"]
    before = platform.json("keys", "reveal", ref)
    stored = platform.secrets(ref)
    in_use = {"anon": before["anon_key"]}
    with reading(rotating, lambda: in_use["anon"]) as answers:
        platform.croft("keys", "rotate", ref, check=True)
        after = platform.json("keys", "reveal", ref)
        in_use["anon"] = after["anon_key"]
        time.sleep(1.0)
        rotated = len(answers)
        assert status(rotating, before["anon_key"]) == status(rotating, after["anon_key"]) == 200
        assert opens(before["db_url"]) and opens(after["db_url"])
        listed = {(k["kind"], k["generation"]): k["status"] for k in platform.json(
            "keys", "list", ref)}  # fmt: skip
        assert listed == {
            (kind, generation): word
            for kind in ("api", "database", "storage")
            for generation, word in ((1, "previously_used"), (2, "in_use"))
        }
        with connect(before["db_url"]) as stays:
            platform.croft("keys", "revoke", ref, "--yes", check=True)
            with pytest.raises(psycopg.OperationalError):
                stays.execute("select 1")
    assert {answer for answer in answers} == {(200, '[{"title":"there"}]')}
    assert rotated > 100 and len(answers) > rotated + 100
    assert not {before[name] for name in ("anon_key", "service_role_key", "db_url")} & {
        *after.values()
    }
    assert status(rotating, after["anon_key"]) == 200 and opens(after["db_url"])
    assert not opens(before["db_url"])
    assert status(rotating, before["anon_key"]) == 401
    # The old role token, let in by a key that is good.
    assert status(rotating, after["anon_key"], bearer=before["service_role_key"]) == 401
    found = platform.secrets(ref)
    assert all(found[name] != stored[name] for names in SECRETS_OF.values() for name in names)
    assert not [name for name in found if name.startswith(("previous_", "standby_"))]
    accepted = [
        user
        for user, secret in ((f"p-{ref}", stored), (f"p-{ref}-b", found))
        if storage_opens(platform, user, secret["storage_secret"], f"p-{ref}")
    ]
    assert accepted == [f"p-{ref}-b"]


def storage_opens(platform: Platform, user: str, secret: str, bucket: str) -> bool:
    store = Minio(platform.home.minio_server, user, secret, secure=False)
    try:
        return store.bucket_exists(bucket)
    except S3Error:
        return False
