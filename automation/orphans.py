"""What is left of a project on any backend: found by name, and removed.

Owns the list of places where a project can leave something. Every external name starts with the
ref, so nobody has to remember what was made. Must not know why something is left: a failed create,
a destroy that could not finish and a test that looks for leaks all ask here.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import psycopg

from automation import project_processes
from automation.context import Context
from automation.credentials import credentials
from automation.registry import cluster, pulumi_state, tenant_objects
from contracts.errors import BackendDown, DeployFailed
from contracts.home import Home
from contracts.refs import ProjectNames, is_ref
from engine.providers.keycloak.admin import KeycloakAdmin, KeycloakError, admin_of
from engine.providers.minio.server import MinioError, MinioServer, server_of

Query = Callable[[psycopg.Connection[Any], str], list[str]]
Statement = Callable[[psycopg.Connection[Any], str], None]
Kind = Literal[
    "route", "process", "database", "role", "realm", "bucket", "user", "policy", "state", "folder"
]


@dataclass(frozen=True)
class Orphan:
    kind: Kind
    name: str


@dataclass(frozen=True)
class Backend:
    """One kind of thing in one place. `find` takes a ref, `delete` a name that `find` returned,
    which may be gone by then. `refs` names every project that has something there, where one query
    tells."""

    kind: Kind
    find: Callable[[str], list[str]]
    delete: Callable[[str], None]
    refs: Callable[[], Iterable[str]] = tuple


def find_refs(backends: Sequence[Backend]) -> set[str]:
    """Every ref that anything is named after. Raises BackendDown if a backend cannot be asked."""
    return {ref for backend in backends for ref in backend.refs() if is_ref(ref)}


def find_orphans(backends: Sequence[Backend], ref: str) -> list[Orphan]:
    """Everything that is left of project `ref`, all places asked at once. Raises BackendDown if one
    cannot be asked: no answer is not a clean slate."""
    with ThreadPoolExecutor(len(backends)) as pool:
        found = pool.map(lambda backend: backend.find(ref), backends)
        return [
            Orphan(backend.kind, name)
            for backend, names in zip(backends, found, strict=True)
            for name in names
        ]


def sweep(backends: Sequence[Backend], ref: str) -> list[Orphan]:
    """Remove what `find_orphans` finds, and return it. Raises DeployFailed if anything stays."""
    swept: list[Orphan] = []
    for backend in backends:
        for name in backend.find(ref):
            backend.delete(name)
            swept.append(Orphan(backend.kind, name))
    if swept and (left := find_orphans(backends, ref)):
        things = ", ".join(f"{orphan.kind} {orphan.name}" for orphan in left)
        raise DeployFailed(f"could not be removed: {things}", code="cleanup_incomplete")
    return swept


def all_backends(context: Context) -> tuple[Backend, ...]:
    """Every place, in the order of removal: what can be reached from outside first, the state last,
    since it may still help until then."""
    home = context.settings.home
    return (
        *local_backends(home),
        *postgres_backends(home),
        *keycloak_backends(home),
        *minio_backends(home),
        *state_backends(context),
    )


# --- the gateway and the supervisor ---------------------------------------------------------------


def local_backends(home: Home) -> tuple[Backend, ...]:
    def route_files(ref: str = "") -> list[Path]:
        """Drafts included (components/provider/gateway_route.py)."""
        drafts = home.routes.parent.glob(f"{ref}*.draft")
        return sorted([*home.routes.glob(f"{ref}*"), *drafts])

    def delete_route(name: str) -> None:
        for folder in (home.routes, home.routes.parent):
            (folder / name).unlink(missing_ok=True)

    return (
        Backend(
            "route",
            lambda ref: [path.name for path in route_files(ref)],
            delete_route,
            lambda: [path.name.split(".")[0] for path in route_files()],
        ),
        Backend(
            "process",
            partial(project_processes.find, home),
            partial(project_processes.remove, home),
            partial(project_processes.refs, home),
        ),
    )


# --- PostgreSQL -----------------------------------------------------------------------------------


def postgres_backends(home: Home) -> tuple[Backend, ...]:
    def find(
        query: Callable[[psycopg.Connection[Any], str], list[str]],
    ) -> Callable[[str], list[str]]:
        def ask(ref: str) -> list[str]:
            with cluster.admin_connection(home) as conn:
                return query(conn, ref)

        return ask

    def drop(statement: Statement) -> Callable[[str], None]:
        def run(name: str) -> None:
            with cluster.admin_connection(home) as conn:
                statement(conn, name)

        return run

    def refs() -> list[str]:
        """Of databases and of roles."""
        with cluster.admin_connection(home) as conn:
            return tenant_objects.refs(conn)

    return (
        Backend(
            "database", find(tenant_objects.databases), drop(tenant_objects.drop_database), refs
        ),
        Backend("role", find(tenant_objects.roles), drop(tenant_objects.drop_role)),
    )


# --- Keycloak and MinIO, by the engine's own clients ----------------------------------------------


def keycloak_backends(home: Home) -> tuple[Backend, ...]:
    login = credentials(home, provisioner=True)

    def admin() -> KeycloakAdmin:
        # On each call: a worker lives on when the secret is rotated.
        return admin_of({"url": home.keycloak_url, **login("keycloak", {})})

    def find(ref: str) -> list[str]:
        with _asking("keycloak"):
            return [ref] if admin().realm_exists(ref) else []

    def delete(realm: str) -> None:
        with _asking("keycloak"):
            admin().delete_realm(realm)

    def refs() -> list[str]:
        """From Keycloak's own table: its API takes minutes to list hundreds of realms."""
        with cluster.admin_connection(home, "keycloak") as conn:
            return tenant_objects.realms(conn)

    return (Backend("realm", find, delete, refs),)


def minio_backends(home: Home) -> tuple[Backend, ...]:
    server = partial(minio_server, home)

    def finder(
        exists: Callable[[MinioServer, str], object], *generations: int
    ) -> Callable[[str], list[str]]:
        def find(ref: str) -> list[str]:
            # Bucket, policy and the first user share a name.
            named = [ProjectNames(ref).storage_user_of(each) for each in generations or (1,)]
            with _asking("minio"):
                return [name for name in named if exists(server(), name)]

        return find

    def deleter(removal: Callable[[MinioServer, str], None]) -> Callable[[str], None]:
        def delete(name: str) -> None:
            with _asking("minio"):
                removal(server(), name)

        return delete

    def delete_bucket(server: MinioServer, name: str) -> None:
        server.delete_bucket(name, with_objects=True)

    def refs() -> list[str]:
        with _asking("minio"):
            return [name.removeprefix("p-") for name in server().buckets()]

    return (
        Backend("bucket", finder(MinioServer.bucket_exists), deleter(delete_bucket), refs),
        Backend("user", finder(MinioServer.user, 1, 2), deleter(MinioServer.delete_user)),
        Backend("policy", finder(MinioServer.policy), deleter(MinioServer.delete_policy)),
    )


def minio_used_bytes(home: Home) -> dict[str, int]:
    """By bucket. Raises BackendDown."""
    with _asking("minio"):
        return minio_server(home).used_bytes()


def minio_server(home: Home) -> MinioServer:
    login = credentials(home, provisioner=True)
    return server_of({"minioServer": home.minio_server, **login("minio", {})})


@contextmanager
def _asking(server: str) -> Iterator[None]:
    try:
        yield
    except (KeycloakError, MinioError) as error:
        fix = f"see: croft logs {server}"
        raise BackendDown(str(error), code=f"{server}_down", fix=fix) from error


# --- Pulumi ---------------------------------------------------------------------------------------


def state_backends(context: Context) -> tuple[Backend, ...]:
    home = context.settings.home

    def find_rows(ref: str) -> list[str]:
        with context.transaction() as conn:
            return pulumi_state.keys(conn, ref)

    def delete_row(key: str) -> None:
        with context.transaction() as conn:
            pulumi_state.delete(conn, key)

    def find_folders(ref: str) -> list[str]:
        return [ref] if (home.work / ref).exists() else []

    return (
        Backend("state", find_rows, delete_row),
        Backend(
            "folder",
            find_folders,
            lambda ref: shutil.rmtree(home.work / ref),
            lambda: [path.name for path in home.work.glob("*")],
        ),
    )
