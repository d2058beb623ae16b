"""`python -m bench.engine_lifecycle`: one small stack's life on a real PostgreSQL, side by side.

Owns a program of ten resources, the same objects made by hand, and the turns: by hand, by the
embedded engine, and by the pulumi CLI where it and its postgresql plugin are on PATH. Then the same
program as 1, 10 and 50 stacks at once. Needs a running platform, of which it uses PostgreSQL alone;
leaves nothing behind.
"""

import argparse
import os
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pulumi
import pulumi.automation as auto
import pulumi_postgresql as postgresql

from bench import machine
from contracts.home import SERVER_ADMIN, Home, home_from
from contracts.refs import new_ref
from engine import EmbeddedPulumi
from engine.secrets_passphrase import new_salt

PASSPHRASE = "bench"
AT_ONCE = (1, 10, 50)
VERBS = ("create", "no-op up", "preview", "destroy")


@dataclass(frozen=True)
class Cost:
    wall_s: float
    cpu_s: float
    """Of this process and its children, not of the server."""


def program(home: Home, name: str) -> None:
    """Ten resources, as a tenant's database has them."""
    provider = postgresql.Provider(
        "server", host="127.0.0.1", port=home.ports.postgres, sslmode="disable"
    )
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


def create_by_hand(dsn: str, name: str) -> None:
    with psycopg.connect(dsn, dbname="postgres", autocommit=True) as conn:
        for word in ("owner", "reader", "writer"):
            conn.execute(f"CREATE ROLE {name}_{word}".encode())
        conn.execute(
            f"CREATE DATABASE {name} OWNER {name}_owner TEMPLATE template0"
            " LC_COLLATE 'C' LC_CTYPE 'C'".encode()
        )
        for word in ("reader", "writer"):
            conn.execute(f"GRANT {name}_owner TO {name}_{word}".encode())
    with psycopg.connect(dsn, dbname=name, autocommit=True) as conn:
        conn.execute(f"CREATE SCHEMA app AUTHORIZATION {name}_owner".encode())
        for word in ("reader", "writer"):
            conn.execute(f"GRANT USAGE ON SCHEMA app TO {name}_{word}".encode())


def destroy_by_hand(dsn: str, name: str) -> None:
    with psycopg.connect(dsn, dbname="postgres", autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        for word in ("reader", "writer", "owner"):
            conn.execute(f"DROP ROLE {name}_{word}".encode())


@contextmanager
def workspace(
    home: Home, name: str, command: Any, environ: Mapping[str, str], folder: Path, salt: str
) -> Iterator[auto.Stack]:
    state, work = folder / "state", folder / name
    state.mkdir(exist_ok=True)
    work.mkdir()
    yield auto.create_stack(
        name,
        project_name="bench",
        program=partial(program, home, name),
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


def side_by_side(home: Home, dsn: str, password: str, rounds: int, folder: Path) -> None:
    engines: dict[str, tuple[Any, Mapping[str, str]]] = {
        "embedded": (embedded(password), {}),
    }
    if shutil.which("pulumi") and shutil.which("pulumi-resource-postgresql"):
        engines["pulumi CLI"] = (None, {"PGUSER": SERVER_ADMIN, "PGPASSWORD": password})
    salt = new_salt(PASSPHRASE)
    costs: dict[str, list[dict[str, Cost]]] = {name: [] for name in ["by hand", *engines]}
    for turn in range(rounds + 1):  # the first one warms up
        name = new_ref()
        by_hand = {
            "create": cost_of(partial(create_by_hand, dsn, name)),
            "destroy": cost_of(partial(destroy_by_hand, dsn, name)),
        }
        found = {"by hand": by_hand}
        for engine, (command, environ) in engines.items():
            with workspace(home, new_ref(), command, environ, folder, salt) as stack:
                found[engine] = life(stack)
        for engine, cost in found.items():
            if turn > 0:
                costs[engine].append(cost)
    print(f"### Ten resources on PostgreSQL ({rounds} rounds, medians)\n")
    print(f"| engine | {' | '.join(f'{verb}: wall, CPU' for verb in VERBS)} |")
    print("|---|" + "---|" * len(VERBS))
    for engine, each in costs.items():
        print(f"| {engine} | {' | '.join(_cell(each, verb) for verb in VERBS)} |")
    child_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
    print(f"\nLargest child process (of the CLI's path): {child_mb:.0f} MB resident.\n")


def _cell(costs: list[dict[str, Cost]], verb: str) -> str:
    if verb not in costs[0]:
        return "-"
    wall = statistics.median(each[verb].wall_s for each in costs)
    cpu = statistics.median(each[verb].cpu_s for each in costs)
    return f"{wall * 1000:.0f} ms, {cpu * 1000:.0f} ms"


def at_once(home: Home, password: str, folder: Path) -> None:
    salt, command = new_salt(PASSPHRASE), embedded(password)

    def whole_life(_: int) -> None:
        with workspace(home, new_ref(), command, {}, folder, salt) as stack:
            life(stack)

    print("### The same life of several stacks at once, one process\n")
    print("| stacks | wall | wall of each | CPU of each |\n|---|---|---|---|")
    for count in AT_ONCE:
        with ThreadPoolExecutor(count) as pool:
            cost = cost_of(lambda: list(pool.map(whole_life, range(count))))  # noqa: B023
        print(
            f"| {count} | {cost.wall_s:.2f} s | {cost.wall_s / count * 1000:.0f} ms"
            f" | {cost.cpu_s / count * 1000:.0f} ms |"
        )


def embedded(password: str) -> EmbeddedPulumi:
    return EmbeddedPulumi(
        credentials=lambda package, inputs: {"username": SERVER_ADMIN, "password": password}
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.engine_lifecycle", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    home = home_from(os.environ, uid=os.geteuid())
    password = home.secret("postgres_admin").read_text()
    dsn = f"host=127.0.0.1 port={home.ports.postgres} user={SERVER_ADMIN} password={password}"
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine.describe()}\n")
    with tempfile.TemporaryDirectory(prefix="croft-bench-") as folder:
        side_by_side(home, dsn, password, rounds, Path(folder))
        at_once(home, password, Path(folder))


if __name__ == "__main__":
    main()
