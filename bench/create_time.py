"""How long a create takes against the sum of the same backend calls made by hand.

Owns the turns: by hand, ours, by hand, ours... Ours is timed as its caller sees it, from the POST
until a GET through the gateway would answer, which is when the operation ends.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from automation.client import Client
from bench.raw_calls import RawProject
from contracts.home import Home
from contracts.refs import new_ref

TIMEOUT_S = 300.0


@dataclass(frozen=True)
class CreateTimes:
    by_hand_s: list[float]
    calls_s: dict[str, float]
    """Median of each call of the rival."""
    ours_s: list[float]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ours_s) / statistics.median(self.by_hand_s)


def measure(home: Home, client: Client, rounds: int, say: Callable[[str], None]) -> CreateTimes:
    calls: list[dict[str, float]] = []
    ours_s: list[float] = []
    for turn in range(rounds + 1):
        # The last port of the range: the registry gives them out from the first.
        raw = RawProject(home, home.ports.projects[-1])
        try:
            by_hand = raw.create()
        finally:
            raw.delete()
        began = time.perf_counter()
        ref = create(client)
        ours = time.perf_counter() - began
        destroy(client, ref)
        label = "warm-up" if turn == 0 else f"round {turn}"
        say(f"create, {label}: by hand {sum(by_hand.values()):.2f} s, croft {ours:.2f} s")
        if turn > 0:
            calls.append(by_hand)
            ours_s.append(ours)
    medians = {name: statistics.median(each[name] for each in calls) for name in calls[0]}
    return CreateTimes([sum(each.values()) for each in calls], medians, ours_s)


def create(client: Client) -> str:
    """The ref of a new project, once it is finished."""
    started = client.create_project(f"bench {new_ref()}")
    _finish(client, started.operation_id)
    return started.project.ref


def destroy(client: Client, ref: str) -> None:
    _finish(client, client.destroy_project(ref, now=True).operation_id)


def _finish(client: Client, operation_id: str) -> None:
    for event in client.operation_events(operation_id, timeout_s=TIMEOUT_S):
        if event.kind == "end" and event.data["status"] != "finished":
            raise RuntimeError(f"operation {operation_id}: {event.data}")
