"""What a figure cannot be read without: the machine and how busy it was.

Owns the measurement of busyness from /proc.
"""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CpuTimes:
    busy: int
    total: int


def cpu_times() -> CpuTimes:
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    user, nice, system, idle, iowait, irq, softirq, steal = map(int, fields)
    busy = user + nice + system + irq + softirq + steal
    return CpuTimes(busy, busy + idle + iowait)


def busy_share(since: CpuTimes) -> float:
    """Share of all cores that was busy since then, our own work included."""
    now = cpu_times()
    return (now.busy - since.busy) / max(1, now.total - since.total)


def describe() -> str:
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "unknown processor",
    )
    memory_kib = int(Path("/proc/meminfo").read_text().split()[1])
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    return (
        f"{os.cpu_count()} cores of {model}, {memory_kib / 1024**2:.0f} GiB;"
        f" load average before: {load}"
    )
