"""Many creates at the same moment, and what they need of memory.

Owns the crowd: made at once, gone at once. Memory is PSS, so that pages which processes share count
once; it is looked at each half second, so a shorter peak is missed.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from automation.client import Client
from bench import process_memory
from bench.meanwhile import meanwhile
from contracts.home import Home
from contracts.refs import new_ref
from contracts.units import call

END_TIMEOUT_S = 1800.0
SAMPLE_S = 0.5
MIB = 1024


@dataclass
class Memory:
    """MiB."""

    control_plane: float = 0.0
    """API, workers and their updates, at the peak."""
    platform: float = 0.0
    """All of it, servers and the projects' processes included."""


@dataclass(frozen=True)
class Crowd:
    each_s: list[float]
    """From the POST to the end of the operation."""
    all_s: float
    before: Memory
    peak: Memory


def create(home: Home, client: Client, count: int, refs: list[str]) -> Crowd:
    """Each is in `refs` once it was asked for, however it ends."""
    before = memory(home)
    with watching(home) as peak, ThreadPoolExecutor(count) as threads:
        began = time.perf_counter()
        each_s = list(threads.map(lambda _: _create(client, refs), range(count)))
        all_s = time.perf_counter() - began
    return Crowd(each_s, all_s, before, peak)


def destroy(client: Client, refs: list[str]) -> None:
    operations = [client.destroy_project(ref, now=True).operation_id for ref in refs]
    for operation in operations:
        client.wait(operation, timeout_s=END_TIMEOUT_S)


def _create(client: Client, refs: list[str]) -> float:
    began = time.perf_counter()
    started = client.create_project(f"crowd {new_ref()}")
    refs.append(started.project.ref)
    client.wait(started.operation_id, timeout_s=END_TIMEOUT_S)
    return time.perf_counter() - began


# --- memory ---------------------------------------------------------------------------------------


@contextmanager
def watching(home: Home) -> Iterator[Memory]:
    """The peak of what was seen while the block ran."""
    peak = Memory()

    def watch() -> None:
        now = memory(home)
        peak.control_plane = max(peak.control_plane, now.control_plane)
        peak.platform = max(peak.platform, now.platform)

    with meanwhile(watch, every_s=SAMPLE_S):
        yield peak


def memory(home: Home) -> Memory:
    units = call(home.supervisor_socket, {"op": "list"})["units"]
    children = process_memory.children()
    sizes = {
        unit["name"]: sum(map(process_memory.pss_kib, process_memory.tree(unit["pid"], children)))
        / MIB
        for unit in units
        if unit["pid"]
    }
    ours = [size for name, size in sizes.items() if name == "api" or name.startswith("worker")]
    return Memory(sum(ours), sum(sizes.values()))
