"""Is the process that wrote a Pulumi lock dead? Pulumi's own locks carry no lease.

Owns the proof: same machine, and no process of that id that was running when the lock was written.
Must not know where locks are kept. What cannot be proved counts as alive.
"""

import json
import os
import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

# /proc counts process starts in ticks since boot; one second more forgives rounding.
START_ROUNDING_S = 1.0


@dataclass(frozen=True)
class LockOwner:
    pid: int
    host: str
    locked_at: float
    """Unix seconds."""

    @classmethod
    def from_json(cls, text: str) -> "LockOwner":
        """From a lock file of Pulumi's DIY backends: {pid, username, hostname, timestamp}."""
        lock = json.loads(text)
        # Go writes nanoseconds, Python reads microseconds.
        stamp = str(lock["timestamp"]).replace("Z", "+00:00")
        return cls(
            int(lock["pid"]), str(lock["hostname"]), datetime.fromisoformat(stamp).timestamp()
        )


def is_dead(owner: LockOwner) -> bool:
    """Call it with the stack's fence held: then a lock under our own pid is a leftover too, of an
    update that failed to clean up or of a namesake before a restart."""
    if owner.host != socket.gethostname():
        return False
    if owner.pid == os.getpid():
        return True
    started_at = _started_at(owner.pid)
    return started_at is None or started_at > owner.locked_at + START_ROUNDING_S


def _started_at(pid: int) -> float | None:
    """Unix seconds when process `pid` started; None when there is none, or only its corpse."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The command name, in parentheses, may hold spaces: count fields after it. Field 3 is the
    # state, field 22 the start.
    fields = stat.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    boot = next(
        line.split()[1]
        for line in Path("/proc/stat").read_text().splitlines()
        if line.startswith("btime ")
    )
    return float(boot) + int(fields[19]) / os.sysconf("SC_CLK_TCK")
