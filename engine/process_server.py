"""The fork server of engine.processes: `python -m engine.process_server FD MEMORY MODULE...`.

Owns importing what every call needs, forking, and telling how each child ended; in the child its
limits and the one call. One thread and no threads of libraries, since a fork takes along only the
thread that calls it. It ends when its caller closes the socket, or dies, and its children with it.
"""

import ctypes
import faulthandler
import gc
import json
import os
import pickle
import pkgutil
import resource
import selectors
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

_PR_SET_PDEATHSIG = 1
# Where memory runs out for the whole machine, the kernel takes such a process first.
_OOM_SCORE = b"1000"
_FDS_PER_CALL = 2


def main(control: socket.socket, memory_max_bytes: int, preload: Sequence[str]) -> None:
    # Whoever stops the caller's process group means the caller, which lets its calls end first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for name in preload:
        pkgutil.resolve_name(name)
    gc.collect()
    gc.freeze()  # a collection in a child would copy every page that it visits
    own_pid = os.getpid()
    lives: dict[int, tuple[int, Connection]] = {}  # pidfd -> pid, where to tell of its end
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is not control:
                selector.unregister(key.fd)
                _bury(key.fd, *lives.pop(key.fd))
                continue
            data, fds, _, _ = socket.recv_fds(control, 16, _FDS_PER_CALL)
            if not data:
                return
            talk, life = Connection(fds[0]), Connection(fds[1], readable=False)
            try:
                pid = os.fork()
            except OSError:
                talk.close()
                life.close()
                continue
            if pid == 0:
                control.close()
                selector.close()
                life.close()
                for pidfd, (_, other) in lives.items():
                    os.close(pidfd)
                    other.close()
                _work(talk, own_pid, memory_max_bytes)
            talk.close()
            with suppress(OSError):  # the caller has gone: found out in the next turn
                life.send_bytes(str(pid).encode())
            pidfd = os.pidfd_open(pid)
            lives[pidfd] = (pid, life)
            selector.register(pidfd, selectors.EVENT_READ)


def _bury(pidfd: int, pid: int, life: Connection) -> None:
    # What the child started ends with it. Before the reaping: its corpse keeps the group's number.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(pidfd)
    with suppress(OSError):
        life.send_bytes(str(os.waitstatus_to_exitcode(status)).encode())
    life.close()


def _work(talk: Connection, parent: int, memory_max_bytes: int) -> None:
    """The child: one call, then the end. Nothing of the fork server's loop runs after it."""
    code = 1
    try:
        _confine(parent, memory_max_bytes)
        _call(talk)
        code = 0
    except BaseException:  # noqa: BLE001  nobody is left to catch it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # At once: threads that the program left behind are nobody's any more.
        os._exit(code)


def _confine(parent: int, memory_max_bytes: int) -> None:
    os.setpgrp()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before it could be tied to us
        os._exit(1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # What is written, not what is mapped: libraries and reserved arenas would eat a limit of
    # addresses.
    resource.setrlimit(resource.RLIMIT_DATA, (memory_max_bytes, memory_max_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold secrets
    with suppress(OSError), open("/proc/self/oom_score_adj", "wb") as score:
        score.write(_OOM_SCORE)
    faulthandler.enable()


def _call(talk: Connection) -> None:
    saying = threading.Lock()

    def say(kind: str, value: Any) -> None:
        data = json.dumps([kind, value]).encode()
        with saying:
            talk.send_bytes(data)

    def tell(message: Any) -> None:
        say("message", message)

    try:
        function, arguments = pickle.loads(talk.recv_bytes())
        result = function(tell, *arguments)
        sys.stdout.flush()  # what comes after the answer may be cut off
        say("result", result)
    except BaseException as error:  # noqa: BLE001  an exit in a library ends the call alike
        if isinstance(error, MemoryError):
            traceback.clear_frames(error.__traceback__)  # what they held is the room to say so
        traceback.print_exc()
        say("error", [type(error).__name__, str(error)])


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as control_socket:
        main(control_socket, int(sys.argv[2]), sys.argv[3:])
