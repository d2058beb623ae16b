"""How long `stack.up()` of the project program takes alone: no API, no registry, no workflow.

Owns the process that runs it, as a worker's update runs: by the platform's account, in a child of a
fork server that has everything imported. Its own source is what that process is given, since the
account may be unable to read a checkout of root's.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from automation import pulumi
from automation.keys import mint_secrets
from automation.settings import settings_from
from automation.state_secrets import new_state_secrets
from automation.update_processes import PRELOAD, UpdateProcesses
from contracts.home import Home, daemon_environ, home_from
from contracts.refs import new_ref
from engine.processes import Processes
from stacks.spec import ProjectSpec


@dataclass(frozen=True)
class BareTimes:
    bare_s: list[float]
    ours_s: list[float]

    @property
    def ratio(self) -> float:
        """Of each pair, since the machine changes from one to the next; their median."""
        pairs = zip(self.ours_s, self.bare_s, strict=True)
        return statistics.median(ours / bare for ours, bare in pairs)


def measure(
    home: Home, create: Callable[[], float], rounds: int, say: Callable[[str], None]
) -> BareTimes:
    """In turns with `create`, which takes the way through the API and says how long that was."""
    bare_s, ours_s = [], []
    with bare_stacks(home) as up:
        for turn in range(rounds + 1):
            bare, ours = up(), create()
            say(f"up, {turn or 'warm-up'}: bare {bare:.2f} s, through the API {ours:.2f} s")
            if turn:
                bare_s.append(bare)
                ours_s.append(ours)
    return BareTimes(bare_s, ours_s)


@contextmanager
def bare_stacks(home: Home) -> Iterator[Callable[[], float]]:
    """A function that makes a stack, takes it away again, and returns the seconds of its `up`."""
    from local.accounts import account
    from local.daemon_python import service_python

    owner = account(os.getuid())
    source = Path(__file__).read_text()
    with subprocess.Popen(
        [str(service_python(home)), "-c", source],
        env=daemon_environ(home),
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **({"user": owner.uid, "group": owner.gid, "extra_groups": ()} if owner.drop else {}),
    ) as process:
        assert process.stdin is not None and process.stdout is not None

        def up() -> float:
            # The last port but one of the range: the registry gives them out from the first.
            print(home.ports.projects[-2], file=process.stdin, flush=True)
            return float(process.stdout.readline())

        yield up
        process.stdin.close()


# --- in the process -------------------------------------------------------------------------------


def serve() -> None:
    """A port on each line of stdin; the seconds of an `up` there on each line of stdout."""
    home = home_from(os.environ, uid=os.getuid())
    with Processes(preload=PRELOAD) as processes:
        stacks = UpdateProcesses(processes)
        for line in sys.stdin:
            print(_up(home, stacks, int(line)), flush=True)


def _up(home: Home, stacks: UpdateProcesses, port: int) -> float:
    ref = new_ref()
    secrets = mint_secrets(ref, new_state_secrets(pulumi.new_salt), now=int(time.time()))
    spec = ProjectSpec.on(home, ref, rest_port=port, wanted={})
    # Outside the clock, as in a worker, which keeps derived keys ready.
    stack = stacks.project_stack(settings_from(home), spec, secrets)
    began = time.perf_counter()
    try:
        stacks.up(stack, lambda kind, data: None)
        return time.perf_counter() - began
    finally:
        stacks.destroy(stack, lambda kind, data: None)
        stacks.remove(home, stack)


if __name__ == "__main__":
    serve()
