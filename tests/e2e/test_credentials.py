"""No credential stands where others look: in what the control plane and the engine write, in a
command line or another process's environment, in an error. And the admin ones may change under a
living project."""

import base64
import binascii
import gzip
import re
import secrets
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from psycopg import sql

from automation.platform_secrets import PLATFORM_SECRETS, read_secret
from contracts.home import Home
from engine.providers.keycloak.admin import admin_of
from tests.fixtures.platform import Platform, connect, eventually

pytestmark = pytest.mark.platform

PROCESSES_INTERVAL_S = 0.02
WRAPPED_MAX = 4  # base64 or gzip, one in the other
BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")


@pytest.mark.parametrize(
    "wrapped",
    [
        b'{"a": ["it is s3cret-s3cret-s3cret"]}',
        base64.b64encode(b'{"key": "s3cret-s3cret-s3cret"}'),
        base64.urlsafe_b64encode(b"\xff\xfe s3cret-s3cret-s3cret"),
        b'"' + base64.b64encode(gzip.compress(b"so s3cret-s3cret-s3cret", mtime=0)) + b'"',
        base64.b64encode(base64.b64encode(b"admin:s3cret-s3cret-s3cret")),
    ],
)
def test_the_search_sees_through_what_states_are_wrapped_in(wrapped: bytes) -> None:
    assert any(b"s3cret-s3cret-s3cret" in reading for reading in _readings(wrapped))


@pytest.fixture
def canary(platform: Platform, project: dict[str, Any]) -> Iterator[str]:
    """What a project's users keep secret; gone again afterwards, since others use the project."""
    yield secrets.token_hex(20)
    url = f"{platform.home.api_url}/v1/projects/{project['ref']}/secrets"
    headers = {"Authorization": f"Bearer {platform.token}"}
    answer = httpx2.request("DELETE", url, json=["CANARY"], headers=headers, trust_env=False)
    assert answer.is_success, answer.text


def test_no_credential_is_written_down(
    platform: Platform, project: dict[str, Any], canary: str
) -> None:
    ref = project["ref"]
    errors = _told_the_canary(platform, ref, canary)
    with _watched_processes() as processes:
        platform.json("projects", "up", ref)  # with history and a state before this one
        platform.croft("encryption", "rotate", ref, check=True)
    credentials = {name: read_secret(platform.home, name) for name in PLATFORM_SECRETS}
    credentials |= {f"{name} of {ref}": value for name, value in platform.secrets(ref).items()}
    credentials[f"a user's secret of {ref}"] = canary
    del credentials[f"encryptionsalt of {ref}"]  # stands in every state, and opens none
    assert len(credentials) >= 17 and min(map(len, credentials.values())) >= 20
    needles = {name: value.encode() for name, value in credentials.items()}
    needles["root.key, decoded"] = base64.b64decode(credentials["root.key"])

    # What is no secret proves that the search reaches each place; the URNs, that it reads states.
    public = {"ref": ref.encode(), "urn": b"urn:pulumi:", "home": bytes(platform.home.root)}
    seen: dict[str, set[str]] = {name: set() for name in {**needles, **public}}
    for place, written in [*_rows(platform), *_files(platform.home), *processes, *errors]:
        for name in _sightings(written, {**needles, **public}):
            seen[name].add(place)

    assert {name: sorted(seen[name]) for name in needles if seen[name]} == {}
    kinds = {re.split("[ /]", place)[0] for place in seen["ref"]}
    assert {
        "public.pulumi_state",
        "public.operations",
        "public.operation_events",
        "dbos.workflow_status",
        "log",
        "work",
    } <= kinds, kinds
    project_state = f"public.pulumi_state control/.pulumi/stacks/basecroft/{ref}.json"
    platform_state = "state/.pulumi/stacks/basecroft-platform/platform.json"
    assert {project_state, platform_state} <= seen["urn"], seen["urn"]
    assert {"environ of postgrest", "cmdline of postgres"} <= seen["home"], seen["home"]


def test_destroy_after_the_admin_credentials_were_rotated(platform: Platform) -> None:
    project = platform.create_project("rotated")
    _rotate_postgres(platform)
    _rotate_keycloak(platform.home)
    _rotate_minio(platform)
    assert platform.orphans(project["ref"]), "the search is blind: it must see a living project"
    platform.destroy(project["ref"])
    assert platform.orphans(project["ref"]) == []


# --- everything that is written -------------------------------------------------------------------


def _rows(platform: Platform) -> Iterator[tuple[str, bytes]]:
    """Every row of the control plane's database: registry, audit log, Pulumi's states with their
    history and locks, DBOS's inputs and results."""
    with connect(platform.admin_url("control")) as conn:
        tables = conn.execute(
            "select schemaname, tablename from pg_tables"
            " where schemaname not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, table in tables:
            rows = sql.SQL("select to_jsonb(t)::text, to_jsonb(t) ->> 'key' from {} t").format(
                sql.Identifier(schema, table)
            )
            for number, (row, key) in enumerate(conn.execute(rows)):
                yield f"{schema}.{table} {key or number}", row.encode()


def _files(home: Home) -> Iterator[tuple[str, bytes]]:
    """The platform stack's state, the updates' scratch folders, the logs. What servers are started
    with (`units`, `etc`) holds secrets on purpose, for the platform's account only."""
    for folder in (home.platform_state, home.work, home.logs):
        for path in folder.rglob("*"):
            if path.is_file():
                yield str(path.relative_to(home.root)), path.read_bytes()


@contextmanager
def _watched_processes() -> Iterator[set[tuple[str, bytes]]]:
    """Command lines and environments of every process there is while the block runs: ours, the
    servers', and the short-lived ones that an update is made by."""
    seen: set[tuple[str, bytes]] = set()
    done = threading.Event()

    def look() -> None:
        while not done.wait(PROCESSES_INTERVAL_S):
            for process in Path("/proc").glob("[0-9]*"):
                with suppress(OSError):  # it ended, or is none of ours
                    name = (process / "comm").read_text().strip()
                    for part in ("cmdline", "environ"):
                        seen.add((f"{part} of {name}", (process / part).read_bytes()))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()


def _told_the_canary(platform: Platform, ref: str, canary: str) -> list[tuple[str, bytes]]:
    """Have it set as a secret of the project's users, and sent where it is refused: the answers."""
    headers = {"Authorization": f"Bearer {platform.token}"}
    url = f"{platform.home.api_url}/v1/projects"
    set_it = {"name": "CANARY", "value": canary}
    with httpx2.Client(headers=headers, timeout=60, trust_env=False) as client:
        path = f"{url}/{ref}/secrets"
        assert client.post(path, json=[set_it], headers=_key()).status_code == 201
        refused = [
            client.post(path, json=[{**set_it, "name": "no name"}], headers=_key()),
            client.post(path, json=[{**set_it, "value": [canary]}], headers=_key()),
            client.post(path, json=[{**set_it, "unknown": canary}], headers=_key()),
            client.post(path, content=f'[{{"value": "{canary}"', headers=_key()),
            client.post(f"{url}/{'z' * 20}/secrets", json=[set_it], headers=_key()),
            client.post(url, json={"name": "", "db_pass": canary}, headers=_key()),
            client.post(url, json={"name": "x", "db_pass": [canary]}, headers=_key()),
            client.get(url, headers={"Authorization": f"Bearer {canary}"}),
        ]
    assert [answer.status_code for answer in refused if answer.is_success] == []
    return [(f"error {number}", answer.content) for number, answer in enumerate(refused)]


def _key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(8)}


def _sightings(written: bytes, needles: Mapping[str, bytes]) -> set[str]:
    return {
        name
        for reading in _readings(written)
        for name, needle in needles.items()
        if needle in reading
    }


def _readings(written: bytes, wrapped_max: int = WRAPPED_MAX) -> Iterator[bytes]:
    """The bytes themselves, and whatever they hold in base64 or gzip."""
    yield written
    if wrapped_max == 0:
        return
    for inner in (_unzipped(written), *map(_decoded, BASE64.findall(written))):
        if inner:
            yield from _readings(inner, wrapped_max - 1)


def _unzipped(written: bytes) -> bytes | None:
    try:
        return gzip.decompress(written)
    except (OSError, EOFError, zlib.error):  # it is not, or begins like it by chance
        return None


def _decoded(run: bytes) -> bytes | None:
    digits = run.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    try:
        return base64.b64decode(digits + b"=" * (-len(digits) % 4))
    except binascii.Error:  # a long word, of no length that base64 has
        return None


# --- rotating, as a person would: the server first, then the file that the platform reads ---------


def _rotate_postgres(platform: Platform) -> None:
    new = secrets.token_urlsafe(24)
    with connect(platform.admin_url()) as conn:
        conn.execute(sql.SQL("alter role croft_admin password {}").format(sql.Literal(new)))
    platform.home.secret("postgres_admin").write_text(new)


def _rotate_keycloak(home: Home) -> None:
    """Both clients, the provisioner first: the bootstrap client is who may."""
    for client_id, name in (
        ("croft-provisioner", "keycloak_provisioner"),
        ("croft-bootstrap", "keycloak_bootstrap"),
    ):
        secret = read_secret(home, "keycloak_bootstrap")
        admin = admin_of(
            {"url": home.keycloak_url, "clientId": "croft-bootstrap", "clientSecret": secret}
        )
        (client,) = admin.get("master/clients", {"clientId": client_id})
        new = secrets.token_urlsafe(24)
        admin.put(f"master/clients/{client['id']}", {**client, "secret": new})
        home.secret(name).write_text(new)


def _rotate_minio(platform: Platform) -> None:
    """Its root user stands in a file that the server reads when it starts."""
    secret, environ = platform.home.secret("minio_root"), platform.home.etc / "minio" / "env"
    old, new = secret.read_text(), secrets.token_urlsafe(24)
    environ.write_text(environ.read_text().replace(old, new))
    secret.write_text(new)
    platform.unit("restart", "minio")
    eventually(lambda: platform.units()["minio"].state == "running", timeout_s=30)
