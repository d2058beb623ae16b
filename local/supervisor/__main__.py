"""`python -m local.supervisor`: become the supervisor of the home that the environment names.

Owns becoming a daemon: detaching, dropping root, the lock that allows one per home, telling the
starter whether it worked. Must not know units.
"""

import asyncio
import fcntl
import logging
import os
import pwd
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from contracts.home import SYSTEM_USER, Home, home_from
from local.supervisor import logs
from local.supervisor.daemon import Supervisor, cancel
from local.supervisor.socket_server import listen

ALREADY_RUNNING = 3
Tell = Callable[[str], None]  # one line to whoever started us
log = logging.getLogger("supervisor")


def main(argv: list[str]) -> int:
    """Exit code 0 once it listens, 3 when another one does. `--foreground`: do not detach."""
    home = home_from(os.environ, uid=os.getuid())
    os.umask(0o077)
    os.chdir("/")
    if os.getuid() == 0:
        become(SYSTEM_USER)
    if "--foreground" in argv:
        return run(home, lambda message: None)
    ready_r, ready_w = os.pipe()
    if os.fork():
        # The starter: wait for one line from the daemon, "" when it died.
        os.close(ready_w)
        with os.fdopen(ready_r) as ready:
            message = ready.readline().strip()
        if message == "ready":
            return 0
        print(
            message or f"the supervisor died; see {logs.path(home, 'supervisor')}", file=sys.stderr
        )
        return ALREADY_RUNNING if message else 1
    os.close(ready_r)
    os.setsid()
    if os.fork():
        os._exit(0)
    redirect(home)

    def tell(message: str) -> None:
        with suppress(OSError):
            os.write(ready_w, f"{message}\n".encode())
        os.close(ready_w)

    return run(home, tell)


def become(user: str) -> None:
    """Give up root for good."""
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)


def redirect(home: Home) -> None:
    """No terminal from here on: input from nowhere, output to our own log."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    output = os.open(logs.path(home, "supervisor"), flags, 0o600)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    for source, targets in ((nowhere, [0]), (output, [1, 2])):
        for target in targets:
            os.dup2(source, target)
        os.close(source)


def run(home: Home, tell: Tell) -> int:
    if (lock := take_lock(home.run / "supervisor.lock")) is None:
        tell(f"a supervisor is already running for {home.root}")
        return ALREADY_RUNNING
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    with lock:
        asyncio.run(serve(home, tell))
    return 0


def take_lock(path: Path) -> IO[str] | None:
    """Held until this process ends, however it ends; never inherited by units."""
    lock = path.open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


async def serve(home: Home, tell: Tell) -> None:
    supervisor = Supervisor(home)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.leaving.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    await supervisor.begin()
    server = await listen(home.supervisor_socket, supervisor.handle)
    rotation = asyncio.create_task(supervisor.rotate_logs())
    log.info("ready, pid %d", os.getpid())
    tell("ready")
    await supervisor.leaving.wait()
    server.close()
    home.supervisor_socket.unlink(missing_ok=True)
    await cancel(rotation)
    if not supervisor.handing_over:
        await supervisor.stop_all()
    log.info("left")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
