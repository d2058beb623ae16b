"""`python -m bench.engine_lifecycle`: one small stack's life on a real PostgreSQL, side by side.

Owns a program of ten resources, the same objects made by hand, and the turns: by hand, by the
embedded engine, and by the pulumi CLI where it and its postgresql plugin are on PATH, in time and
in memory. Then the same program as 1, 10 and 50 stacks at once, and stacks of 20 and 200 roles.
Needs a running platform, of which it uses PostgreSQL alone; leaves nothing behind.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
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

from bench import machine, process_memory
from contracts.home import SERVER_ADMIN, Home, home_from
from contracts.refs import new_ref
from engine import EmbeddedPulumi
from engine.secrets_passphrase import new_salt

PASSPHRASE = "bench"
AT_ONCE = (1, 10, 50)
ROLES = (20, 200)
SAMPLE_S = 0.02
LIFE_TIMEOUT_S = 300
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


def roles(home: Home, name: str, count: int) -> None:
    """Resources that know nothing of one another."""
    provider = postgresql.Provider(
        "server", host="127.0.0.1", port=home.ports.postgres, sslmode="disable"
    )
    for i in range(count):
        postgresql.Role(
            f"{name}_{i}", name=f"{name}_{i}", opts=pulumi.ResourceOptions(provider=provider)
        )


@contextmanager
def workspace(
    home: Home,
    name: str,
    command: Any,
    environ: Mapping[str, str],
    folder: Path,
    salt: str,
    program: Callable[[Home, str], None] = program,
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
    engines = engines_here(password)
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
    print()


def memory(password: str) -> None:
    """A process that lives one stack's life, and all that it starts: the most at a time."""
    print("### Memory of one life: the process and all it starts\n")
    print("| engine | PSS at most | processes at most |\n|---|---|---|")
    for engine in engines_here(password):
        argv = [sys.executable, "-m", "bench.engine_lifecycle", "--live", engine]
        with subprocess.Popen(argv) as process:
            deadline = time.monotonic() + LIFE_TIMEOUT_S
            peak_kib, processes_max = 0, 0
            while process.poll() is None:
                if time.monotonic() > deadline:
                    process.kill()
                    raise TimeoutError(f"{engine}: no life within {LIFE_TIMEOUT_S} s")
                tree = list(process_memory.tree(process.pid, process_memory.children()))
                peak_kib = max(peak_kib, sum(map(process_memory.pss_kib, tree)))
                processes_max = max(processes_max, len(tree))
                time.sleep(SAMPLE_S)
        if process.returncode:
            raise RuntimeError(f"{engine}: exit code {process.returncode}")
        print(f"| {engine} | {peak_kib / 1024:.0f} MiB | {processes_max} |")
    print()


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


def by_size(home: Home, password: str, folder: Path) -> None:
    salt, command = new_salt(PASSPHRASE), embedded(password)
    print("\n### What one resource costs: CPU of each role in a stack of so many\n")
    print(f"| roles | {' | '.join(VERBS)} |\n|---|{'---|' * len(VERBS)}")
    for count in ROLES:
        many = partial(roles, count=count)
        with workspace(home, new_ref(), command, {}, folder, salt, many) as stack:
            costs = life(stack)
        each = (f"{costs[verb].cpu_s * 1000 / count:.1f} ms" for verb in VERBS)
        print(f"| {count} | {' | '.join(each)} |")


def engines_here(password: str) -> dict[str, tuple[Any, Mapping[str, str]]]:
    """By name: what runs commands, and the environment that it needs."""
    engines: dict[str, tuple[Any, Mapping[str, str]]] = {"embedded": (embedded(password), {})}
    if shutil.which("pulumi") and shutil.which("pulumi-resource-postgresql"):
        engines["pulumi CLI"] = (None, {"PGUSER": SERVER_ADMIN, "PGPASSWORD": password})
    return engines


def embedded(password: str) -> EmbeddedPulumi:
    return EmbeddedPulumi(
        credentials=lambda package, inputs: {"username": SERVER_ADMIN, "password": password}
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.engine_lifecycle", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--live", metavar="ENGINE", help="one life, and no word of it")
    arguments = parser.parse_args()
    home = home_from(os.environ, uid=os.geteuid())
    password = home.secret("postgres_admin").read_text()
    dsn = f"host=127.0.0.1 port={home.ports.postgres} user={SERVER_ADMIN} password={password}"
    with tempfile.TemporaryDirectory(prefix="croft-bench-") as folder:
        if arguments.live:
            command, environ = engines_here(password)[arguments.live]
            salt = new_salt(PASSPHRASE)
            with workspace(home, new_ref(), command, environ, Path(folder), salt) as stack:
                life(stack)
            return
        print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine.describe()}\n")
        side_by_side(home, dsn, password, arguments.rounds, Path(folder))
        memory(password)
        at_once(home, password, Path(folder))
        by_size(home, password, Path(folder))


if __name__ == "__main__":
    main()
