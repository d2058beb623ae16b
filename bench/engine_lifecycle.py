"""`python -m bench.engine_lifecycle`: one small stack's life on a real PostgreSQL, side by side.

Owns the turns: ten objects made by hand, by the embedded engine, and by the pulumi CLI where it and
its postgresql plugin are on PATH, in time and in memory. Then the same program as 1, 10 and 50
stacks at once, and stacks of 20 and 200 roles. Needs a running platform, of which it uses
PostgreSQL alone; leaves nothing behind.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psycopg

from bench import machine, process_memory
from bench.one_life import (
    PASSPHRASE,
    VERBS,
    Cost,
    Server,
    cost_of,
    embedded,
    engines_here,
    life,
    roles,
    workspace,
)
from contracts.home import SERVER_ADMIN, home_from
from contracts.refs import new_ref
from engine.secrets_passphrase import new_salt

AT_ONCE = (1, 10, 50)
ROLES = (20, 200)
SAMPLE_S = 0.02
LIFE_TIMEOUT_S = 300


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


def side_by_side(server: Server, rounds: int, folder: Path) -> None:
    engines = engines_here(server)
    dsn = f"host=127.0.0.1 port={server.port} user={server.user} password={server.password}"
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
            with workspace(server, new_ref(), command, environ, folder, salt) as stack:
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


def memory(server: Server) -> None:
    """A process that lives one stack's life, and all that it starts: the most at a time."""
    print("### Memory of one life: the process and all it starts\n")
    print("| engine | PSS at most | processes at most |\n|---|---|---|")
    for engine in engines_here(server):
        argv = [sys.executable, "-m", "bench.one_life", engine, new_ref()]
        login = {"PGUSER": server.user, "PGPASSWORD": server.password, "PGPORT": str(server.port)}
        with subprocess.Popen(argv, env={**os.environ, **login}) as process:
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


def at_once(server: Server, folder: Path) -> None:
    salt, command = new_salt(PASSPHRASE), embedded(server)

    def whole_life(_: int) -> None:
        with workspace(server, new_ref(), command, {}, folder, salt) as stack:
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


def by_size(server: Server, folder: Path) -> None:
    salt, command = new_salt(PASSPHRASE), embedded(server)
    print("\n### What one resource costs: CPU of each role in a stack of so many\n")
    print(f"| roles | {' | '.join(VERBS)} |\n|---|{'---|' * len(VERBS)}")
    for count in ROLES:
        many = partial(roles, count=count)
        with workspace(server, new_ref(), command, {}, folder, salt, many) as stack:
            costs = life(stack)
        each = (f"{costs[verb].cpu_s * 1000 / count:.1f} ms" for verb in VERBS)
        print(f"| {count} | {' | '.join(each)} |")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.engine_lifecycle", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    home = home_from(os.environ, uid=os.geteuid())
    password = home.secret("postgres_admin").read_text()
    server = Server(home.ports.postgres, SERVER_ADMIN, password)
    with tempfile.TemporaryDirectory(prefix="croft-bench-") as folder:
        print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine.describe()}\n")
        side_by_side(server, arguments.rounds, Path(folder))
        memory(server)
        at_once(server, Path(folder))
        by_size(server, Path(folder))


if __name__ == "__main__":
    main()
