"""The control plane's own figures: what it adds to an `up`, many creates at once, a scan for drift,
and what tenants notice when it is away.

Owns their order, since the crowd of one is a part of the projects of the next, and their tables.
"""

import statistics
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable

from automation.client import Client
from bench import bare_up, create_time, crowd, drift_scan, machine, outage
from contracts.home import Home

Say = Callable[[str], None]


def add_arguments(arguments: ArgumentParser) -> None:
    arguments.add_argument("--crowd", type=int, default=20, help="creates at once")
    arguments.add_argument("--projects", type=int, default=100, help="of the scan for drift")
    arguments.add_argument("--away", type=float, default=120.0, help="seconds of the outage")


def measure(home: Home, client: Client, chosen: Namespace, say: Say) -> str:
    lines = ["### Control plane\n", "| what | figure |", "|---|---|"]

    def add(what: str, figure: str) -> None:
        say(f"{what}: {figure}")
        lines.append(f"| {what} | {figure} |")

    _ratio(home, client, chosen.rounds, say, add)
    refs: list[str] = []
    try:
        _crowd(home, client, chosen.crowd, refs, add)
        _drift(home, client, chosen, refs, add)
        _outage(home, client, refs[0], chosen.away, add)
    finally:
        say(f"destroying {len(refs)} projects")
        crowd.destroy(client, refs)
    return "\n".join(lines) + "\n"


Add = Callable[[str, str], None]


def _ratio(home: Home, client: Client, rounds: int, say: Say, add: Add) -> None:
    within: list[float] = []

    def create() -> float:
        began = time.perf_counter()
        ref = create_time.create(client)
        took = time.perf_counter() - began
        within.append(_beside_its_up(client, ref))
        create_time.destroy(client, ref)
        return took

    times = bare_up.measure(home, create, rounds, say)
    bare, ours = statistics.median(times.bare_s), statistics.median(times.ours_s)
    add("`stack.up()` alone", f"{bare:.2f} s")
    add("create through the API, POST to end", f"{ours:.2f} s")
    add(f"**ratio**, median of {rounds} pairs (aim: at most 1.10)", f"**{times.ratio:.2f}**")
    add("the same within each create, by its events", f"**{statistics.median(within[1:]):.2f}**")


def _beside_its_up(client: Client, ref: str) -> float:
    """A create against its own `up`: what else the machine does meanwhile slows both."""
    (operation,) = client.operations(project_ref=ref).data
    steps = {
        event.data["name"]: event.at
        for event in client.operation_events(operation.id)
        if event.kind == "step"
    }
    assert operation.finished_at is not None
    whole = operation.finished_at - operation.created_at
    return whole / (steps["probe_health"] - steps["up_stack"])


def _crowd(home: Home, client: Client, count: int, refs: list[str], add: Add) -> None:
    since = machine.cpu_times()
    made = crowd.create(home, client, count, refs)
    busy = machine.busy_share(since)
    slowest = max(made.each_s)
    add(f"{count} creates at once, all done", f"{made.all_s:.1f} s (CPU {busy:.0%} busy)")
    add("the first and the last of them", f"{min(made.each_s):.1f} s, {slowest:.1f} s")
    for what in ("control_plane", "platform"):
        before, peak = getattr(made.before, what), getattr(made.peak, what)
        add(f"memory of the {what.replace('_', ' ')}, before and peak", _mib(before, peak))


def _drift(home: Home, client: Client, chosen: Namespace, refs: list[str], add: Add) -> None:
    while len(refs) < chosen.projects:
        crowd.create(home, client, min(20, chosen.projects - len(refs)), refs)
    since = machine.cpu_times()
    scan = drift_scan.measure(home)
    busy = machine.busy_share(since)
    each = scan.took_s / max(1, scan.projects)
    figure = f"{scan.took_s:.1f} s, {each:.2f} s each (CPU {busy:.0%} busy)"
    add(f"scan of {scan.projects} projects for drift", figure)
    if scan.drifted:
        raise RuntimeError(f"projects that nobody touched are said to drift: {scan.drifted}")


def _outage(home: Home, client: Client, ref: str, away_s: float, add: Add) -> None:
    found = client.connection(ref)
    url = f"{found.api_url}/rest/v1/"
    seen = outage.measure(home, client, url, {"apikey": found.anon_key}, away_s)
    client.wait(client.destroy_project(seen.in_flight.project_ref, now=True).operation_id)
    add(
        f"API and worker away for {away_s:.0f} s: a tenant's requests, errors",
        f"{seen.requests:,}, **{len(seen.errors)}**",
    )
    figure = f"{seen.in_flight.status}, {seen.ended_after_s:.1f} s after they were started again"
    add("the create that was in flight", figure)


def _mib(*sizes: float) -> str:
    return ", ".join(f"{size:,.0f} MiB" for size in sizes)
