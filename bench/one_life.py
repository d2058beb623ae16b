"""One small stack's life on a real PostgreSQL, and the same as a process of its own.

Owns the programs (ten resources as a tenant's database has them; roles alone) and what each verb on
them costs. As `python -m bench.one_life ENGINE STACK` it is what memory is measured of, so it
imports nothing that an engine and a program do not need.
"""

import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pulumi
import pulumi.automation as auto
import pulumi_postgresql as postgresql

from engine import EmbeddedPulumi
from engine.secrets_passphrase import new_salt

PASSPHRASE = "bench"
VERBS = ("create", "no-op up", "preview", "destroy")


@dataclass(frozen=True)
class Server:
    """PostgreSQL on loopback, and its superuser."""

    port: int
    user: str
    password: str


@dataclass(frozen=True)
class Cost:
    wall_s: float
    cpu_s: float
    """Of this process and its children, not of the server."""


def program(server: Server, name: str) -> None:
    """Ten resources, as a tenant's database has them."""
    provider = postgresql.Provider("server", host="127.0.0.1", port=server.port, sslmode="disable")
    each = pulumi.ResourceOptions(provider=provider)
    owner, reader, writer = (
        postgresql.Role(f"{name}_{word}", name=f"{name}_{word}", opts=each)
        for word in ("owner", "reader", "writer")
    )
    database = postgresql.Database(
        "database", name=name, owner=owner.name, lc_collate="C", lc_ctype="C", opts=each
    )
    schema = postgresql.Schema(
        "schema", name="app", database=database.name, owner=owner.name, opts=each
    )
    last: pulumi.Resource = writer
    for word, role in (("reader", reader), ("writer", writer)):
        postgresql.GrantRole(f"{word}-member", role=role.name, grant_role=owner.name, opts=each)
        # One after the other: grants at once collide in PostgreSQL.
        last = postgresql.Grant(
            f"{word}-usage",
            database=database.name,
            role=role.name,
            schema=schema.name,
            object_type="schema",
            privileges=["USAGE"],
            opts=pulumi.ResourceOptions(provider=provider, depends_on=[schema, last]),
        )


def roles(server: Server, name: str, count: int) -> None:
    """Resources that know nothing of one another."""
    provider = postgresql.Provider("server", host="127.0.0.1", port=server.port, sslmode="disable")
    for i in range(count):
        postgresql.Role(
            f"{name}_{i}", name=f"{name}_{i}", opts=pulumi.ResourceOptions(provider=provider)
        )


@contextmanager
def workspace(
    server: Server,
    name: str,
    command: Any,
    environ: Mapping[str, str],
    folder: Path,
    salt: str,
    program: Callable[[Server, str], None] = program,
) -> Iterator[auto.Stack]:
    state, work = folder / "state", folder / name
    state.mkdir(exist_ok=True)
    work.mkdir()
    yield auto.create_stack(
        name,
        project_name="bench",
        program=partial(program, server, name),
        opts=auto.LocalWorkspaceOptions(
            work_dir=str(work),
            pulumi_command=command,
            stack_settings={name: auto.StackSettings(encryption_salt=salt)},
            env_vars={
                **environ,
                "PULUMI_BACKEND_URL": f"file://{state}",
                "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            },
        ),
    )


def life(stack: auto.Stack) -> dict[str, Cost]:
    """The cost of each verb."""
    verbs: Mapping[str, Callable[[], Any]] = {
        "create": stack.up,
        "no-op up": stack.up,
        "preview": stack.preview,
        "destroy": stack.destroy,
    }
    return {name: cost_of(verb) for name, verb in verbs.items()}


def cost_of(action: Callable[[], Any]) -> Cost:
    wall, cpu = time.perf_counter(), _cpu_s()
    action()
    return Cost(time.perf_counter() - wall, _cpu_s() - cpu)


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def engines_here(server: Server) -> dict[str, tuple[Any, Mapping[str, str]]]:
    """By name: what runs commands, and the environment that it needs."""
    engines: dict[str, tuple[Any, Mapping[str, str]]] = {"embedded": (embedded(server), {})}
    if shutil.which("pulumi") and shutil.which("pulumi-resource-postgresql"):
        engines["pulumi CLI"] = (None, {"PGUSER": server.user, "PGPASSWORD": server.password})
    return engines


def embedded(server: Server) -> EmbeddedPulumi:
    return EmbeddedPulumi(
        credentials=lambda package, inputs: {
            "username": server.user,
            "password": server.password,
        }
    )


def main() -> None:
    engine, name = sys.argv[1:]
    server = Server(int(os.environ["PGPORT"]), os.environ["PGUSER"], os.environ["PGPASSWORD"])
    command, environ = engines_here(server)[engine]
    with (
        tempfile.TemporaryDirectory(prefix="croft-bench-") as folder,
        workspace(server, name, command, environ, Path(folder), new_salt(PASSPHRASE)) as stack,
    ):
        life(stack)


if __name__ == "__main__":
    main()
