"""Who listens on a port of this machine.

Owns reading /proc for listening sockets. Must not know which server uses which port.
"""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import SetupFailed

LISTEN = "0A"  # the state of a listening socket in /proc/net/tcp


@dataclass(frozen=True)
class Holder:
    """`pid` is None where the process belongs to somebody whose files we may not look at."""

    pid: int | None
    command: str

    def __str__(self) -> str:
        return f"{self.command} (pid {self.pid})" if self.pid else self.command


def holder(port: int) -> Holder | None:
    """The process that listens on `port`, on whatever address."""
    inodes = {inode: uid for inode, uid in _listening(port)}
    if not inodes:
        return None
    links = {f"socket:[{inode}]" for inode in inodes}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(fd) in links for fd in (process / "fd").iterdir()):
                return Holder(int(process.name), _command(process))
        except OSError:
            continue  # it has just ended, or is not ours to look at
    return Holder(None, f"a process of user id {next(iter(inodes.values()))}")


def require_free(ports: Mapping[str, int], our_pids: Collection[int] = ()) -> None:
    """SetupFailed naming the first foreign holder of one of `ports` (name of its use -> number)."""
    for use, port in ports.items():
        found = holder(port)
        if found is None or (found.pid is not None and _session(found.pid) in our_pids):
            continue
        raise SetupFailed(
            f"port {port}, which {use} needs, is in use by {found}",
            code="port_in_use",
            fix="stop that process, or set CROFT_PORT_BASE to move all ports of the platform",
        )


def _listening(port: int) -> list[tuple[str, str]]:
    """(inode, uid) of each socket listening on `port`."""
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:  # a kernel without IPv6
            continue
        for line in lines:
            words = line.split()
            if words[3] == LISTEN and int(words[1].rpartition(":")[2], 16) == port:
                found.append((words[9], words[7]))
    return found


def _command(process: Path) -> str:
    words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return words.strip()[:120] or (process / "comm").read_text().strip()


def _session(pid: int) -> int | None:
    """Each unit leads its own session, so a worker of a unit counts as the unit."""
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None
