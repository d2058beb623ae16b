"""`python -m bench` (or `make bench`): the tables of docs/benchmarks.md, from this machine.

Owns arguments and the printed form. Needs a running platform (`croft up`) and the rights of who
runs it; leaves nothing behind. Progress goes to stderr, the tables to stdout.
"""

import argparse
import os
import statistics
import sys
from datetime import UTC, datetime

from automation.client import Client, client_for
from bench import control_plane, create_time, machine, projects_list, rest_rate, rewrap
from bench.api_rate import ApiRate, measure_api
from bench.create_time import CreateTimes
from bench.projects_list import FEW, MANY, ListTimes, p95
from bench.rest_rate import RestRate
from contracts.errors import PlatformError
from contracts.home import Home, home_from

PARTS = ("create", "rest", "list", "api", "rewrap", "control-plane")


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5, help="turns of each measurement")
    arguments.add_argument("--seconds", type=float, default=4.0, help="length of one load")
    arguments.add_argument("--only", choices=PARTS, help="one of them")
    arguments.add_argument("--requests", type=int, default=100, help="of each list")
    control_plane.add_arguments(arguments)
    chosen = arguments.parse_args()
    try:
        home = home_from(os.environ, uid=os.geteuid())
        with client_for(home, os.environ) as client:
            _run(home, client, chosen)
    except PlatformError as error:
        print(f"{error.message}\n{error.fix}", file=sys.stderr)
        return error.exit_code
    return 0


def _run(home: Home, client: Client, chosen: argparse.Namespace) -> None:
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine.describe()}\n")
    if chosen.only in (None, "create"):
        since = machine.cpu_times()
        times = create_time.measure(home, client, chosen.rounds, _say)
        print(_create_table(times, machine.busy_share(since)))
    if chosen.only in (None, "rest"):
        since = machine.cpu_times()
        rates = _rest(home, client, chosen)
        print(_rest_table(rates, machine.busy_share(since)))
    if chosen.only in (None, "list"):
        since = machine.cpu_times()
        lists = projects_list.measure(home, chosen.requests, _say)
        print(_list_table(lists, chosen.requests, machine.busy_share(since)))
    if chosen.only in (None, "api"):
        since = machine.cpu_times()
        api_rates = measure_api(home, client, chosen.seconds, _say)
        print(_api_table(api_rates, machine.busy_share(since)))
    if chosen.only in (None, "rewrap"):
        since = machine.cpu_times()
        rewrapped = rewrap.measure(home, _say)
        print(_rewrap_table(rewrapped, machine.busy_share(since)))
    if chosen.only in (None, "control-plane"):
        print(control_plane.measure(home, client, chosen, _say))


def _rest(home: Home, client: Client, chosen: argparse.Namespace) -> list[RestRate]:
    ref = create_time.create(client)
    try:
        return rest_rate.measure_rest(home, client, ref, chosen.rounds, chosen.seconds, _say)
    finally:
        create_time.destroy(client, ref)


def _create_table(times: CreateTimes, busy: float) -> str:
    rows = [f"| {name} | {seconds:.2f} s |" for name, seconds in times.calls_s.items()]
    by_hand, ours = statistics.median(times.by_hand_s), statistics.median(times.ours_s)
    return "\n".join(
        [
            f"### Create a project ({len(times.ours_s)} rounds, medians, CPU {busy:.0%} busy)\n",
            "| what | time |",
            "|---|---|",
            *rows,
            f"| **sum of the calls by hand** | **{by_hand:.2f} s** ({_range(times.by_hand_s)}) |",
            f"| **croft, POST to end** | **{ours:.2f} s** ({_range(times.ours_s)}) |",
            f"| **ratio** (aim: at most 1.3) | **{times.ratio:.2f}** |\n",
        ]
    )


def _rest_table(rates: list[RestRate], busy: float) -> str:
    lines = [
        f"### GET of one row ({len(rates[0].direct)} rounds, medians, CPU {busy:.0%} busy)\n",
        "| connections | direct req/s | gateway req/s | gateway / direct (aim: at least 70 %)"
        " | direct p50 / p99 | gateway p50 / p99 |",
        "|---|---|---|---|---|---|",
    ]
    for rate in rates:
        cells = [str(rate.connections)]
        for way in (rate.direct, rate.gateway):
            cells.append(f"{statistics.median(each.per_second for each in way):,.0f}")
        cells.append(f"**{rate.ratio:.0%}**")
        for way in (rate.direct, rate.gateway):
            p50, p99 = (
                statistics.median(getattr(each, name) for each in way)
                for name in ("p50_ms", "p99_ms")
            )
            cells.append(f"{p50:.2f} / {p99:.2f} ms")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _list_table(lists: list[ListTimes], requests: int, busy: float) -> str:
    lines = [
        f"### List projects ({requests} requests each, CPU {busy:.0%} busy)\n",
        f"| asked for | p50 / p95 of {FEW} projects"
        f" | p50 / p95 of {MANY:,} (aim of a page: at most 50 ms) |",
        "|---|---|---|",
    ]
    for each in lists:
        few, many = (
            f"{statistics.median(times):.1f} / {p95(times):.1f} ms"
            for times in (each.few, each.many)
        )
        lines.append(f"| {each.what} | {few} | **{many}** |")
    return "\n".join(lines) + "\n"


def _api_table(rates: list[ApiRate], busy: float) -> str:
    lines = [
        f"### Management API ({rates[0].measured.seconds:.0f} s each, CPU {busy:.0%} busy)\n",
        "| asked for | connections | req/s | p50 / p95 |",
        "|---|---|---|---|",
    ]
    for rate in rates:
        found = rate.measured
        times = f"{found.p50_ms:.1f} / {found.p95_ms:.1f} ms"
        lines.append(
            f"| `{rate.what}` | {rate.connections} | **{found.per_second:,.0f}** | {times} |"
        )
    return "\n".join(lines) + "\n"


def _rewrap_table(done: rewrap.Rewrapped, busy: float) -> str:
    each_ms = done.projects_keys_s * 1000 / done.secrets
    return "\n".join(
        [
            f"### Wrapping anew (CPU {busy:.0%} busy)\n",
            "| what | time |",
            "|---|---|",
            f"| {done.secrets:,} secrets of {done.projects} projects, by newer keys of theirs |"
            f" **{done.projects_keys_s:.1f} s**, {each_ms:.2f} ms each |",
            f"| {done.projects} projects' keys, by a newer root key | {done.root_key_s:.2f} s |\n",
        ]
    )


def _range(seconds: list[float]) -> str:
    return f"{min(seconds):.2f} to {max(seconds):.2f}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
