"""Every key of a project is replaced while clients read by REST: no request fails, both generations
are accepted in between, and after the revocation the older one opens nothing."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx2
import psycopg
import pytest
from minio import Minio
from minio.error import S3Error

from automation.key_change import SECRETS_OF
from tests.e2e.conftest import NOTES
from tests.e2e.test_reconcilers import wake
from tests.fixtures.platform import Platform, connect, eventually

pytestmark = pytest.mark.platform

CLIENTS = 10
CHOSEN = "chosen by a person: it's %41 word/@"


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


def listed(platform: Platform, ref: str) -> dict[tuple[str, int], dict[str, Any]]:
    """By kind and generation, when last used as the servers tell it now."""
    for reconciler in ("usage", "key-uses"):
        wake(platform, reconciler)
    return {(key["kind"], key["generation"]): key for key in platform.json("keys", "list", ref)}


def statuses(platform: Platform, ref: str) -> set[str]:
    return {key["status"] for key in platform.json("keys", "list", ref)}


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
    first = listed(platform, ref)
    now = {kind: generation for kind, generation in first}  # the newest of each
    api, database = ("api", now["api"]), ("database", now["database"])
    # Though its health was asked for; while tables were made in its database.
    assert first[api]["last_used_at"] == "never"
    made_tables_at = datetime.fromisoformat(first[database]["last_used_at"])
    with reading(rotating, lambda: in_use["anon"]) as answers:
        platform.croft("keys", "rotate", ref, check=True)
        after = platform.json("keys", "reveal", ref)
        in_use["anon"] = after["anon_key"]
        time.sleep(1.0)
        rotated = len(answers)
        assert status(rotating, before["anon_key"]) == status(rotating, after["anon_key"]) == 200
        assert opens(before["db_url"]) and opens(after["db_url"])
        assert accepted_by_storage(platform, ref, stored, platform.secrets(ref)) == [True, True]
        found = listed(platform, ref)
        for kind, generation in now.items():
            assert found[kind, generation]["status"] == "previously_used"
            assert found[kind, generation + 1]["status"] == "in_use"
        for kind, generation in (api, database):
            used = [found[kind, each]["last_used_at"] for each in (generation, generation + 1)]
            assert min(map(datetime.fromisoformat, used)) > made_tables_at
        assert found["storage", now["storage"]]["last_used_at"] == "unknown"
        told = platform.croft("keys", "list", ref, check=True).stderr
        assert "api 1: somebody used it after it was replaced" in told
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
    assert accepted_by_storage(platform, ref, stored, found) == [False, True]


def test_a_password_that_was_chosen_opens_psql(
    platform: Platform, rotating: dict[str, Any]
) -> None:
    ref = rotating["ref"]
    before = platform.json("keys", "reveal", ref)["db_url"]
    answer = httpx2.patch(
        f"{platform.home.api_url}/v1/projects/{ref}/database/password",
        json={"password": CHOSEN},
        headers={"Authorization": f"Bearer {platform.token}"},
        trust_env=False,
    ).raise_for_status()
    operation = answer.headers["Location"].rpartition("/")[2]
    platform.croft("operations", "watch", operation, check=True)
    psql = ("db", "psql", "--project", ref, "-XAtc", "select session_user, current_user")
    login, owner = platform.croft(*psql, check=True).stdout.strip().split("|")
    after = platform.json("keys", "reveal", ref)["db_url"]
    assert f"//{login}:{quote(CHOSEN, safe='')}@" in after and f"//{login}:" not in before
    assert owner == f"{ref}_postgres" and opens(after)
    wake(platform, "key-overlaps")
    eventually(lambda: "previously_used" not in statuses(platform, ref), timeout_s=60)
    assert not opens(before)
    assert platform.croft(*psql, check=True).stdout.startswith(login)


def accepted_by_storage(platform: Platform, ref: str, *stored: dict[str, str]) -> list[bool]:
    """Whether each of these generations of secrets opens the bucket, by either name."""
    bucket = f"p-{ref}"
    return [
        any(
            storage_opens(platform, user, secrets["storage_secret"], bucket)
            for user in (bucket, f"{bucket}-b")
        )
        for secrets in stored
    ]


def storage_opens(platform: Platform, user: str, secret: str, bucket: str) -> bool:
    store = Minio(platform.home.minio_server, user, secret, secure=False)
    try:
        return store.bucket_exists(bucket)
    except S3Error:
        return False
