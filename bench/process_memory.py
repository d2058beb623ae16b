"""What a process and all that it started hold of memory, from /proc.

Owns trees of processes, and PSS: pages that several share count once. Must not know whose they are.
"""

from collections.abc import Iterator
from pathlib import Path

Children = dict[int, list[int]]


def children() -> Children:
    """Of every process on this machine."""
    found: Children = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # The name in brackets may hold anything; the parent is the second field after it.
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue  # it ended meanwhile
        found.setdefault(int(parent), []).append(int(folder.name))
    return found


def tree(pid: int, children: Children) -> Iterator[int]:
    yield pid
    for child in children.get(pid, []):
        yield from tree(child, children)


def pss_kib(pid: int) -> int:
    """None of who is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
