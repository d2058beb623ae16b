"""Calls in processes of their own, so that what a program does to its process it does to no other.

Owns one fork server with the SDKs imported, a fresh child of it for each call, and the limits of a
child: memory, time, how many at once. Must not know what is called: an update through the
Automation API, as a rule. Linux only.

    def update(tell, name): ...  # a function of a module; `tell` sends a message home

    with Processes(preload=["my_updates"]) as processes:
        processes.call(update, "dev", on_message=print)

A segmentation fault, `os._exit`, memory without end: the call raises ProcessDied, other calls and
the caller go on. A child dies with its caller, and whatever it started ends with it. Results and
messages are JSON: the caller must not unpickle what a program could have written.
"""

import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from types import TracebackType
from typing import Any

from engine.errors import EngineError

PROCESSES_MAX = 8
# Of writable memory, the stacks of its threads among it; an update of ours takes a fifth of it.
MEMORY_MAX_BYTES = 2 * 1024**3
CALL_TIMEOUT_S = 3600.0
# A fork server only imports; a busy machine may take its time.
START_TIMEOUT_S = 120.0
_END_TIMEOUT_S = 10.0

OnMessage = Callable[[Any], Any]


class ProcessDied(EngineError):
    """The call's process ended before the call did. `returncode` as in subprocess; None where it
    cannot be known, since the fork server is gone too."""

    def __init__(self, returncode: int | None) -> None:
        super().__init__(f"the process of the call {_ending(returncode)}")
        self.returncode = returncode


class CallTimedOut(EngineError):
    def __init__(self, timeout_s: float) -> None:
        super().__init__(f"the call did not end within {timeout_s:g} s; its process was killed")


class CallFailed(EngineError):
    """The function raised. Only the type's name and the text came over."""

    def __init__(self, type_name: str, message: str) -> None:
        super().__init__(f"{type_name}: {message}")
        self.type_name = type_name


class Processes:
    """Thread-safe: each call blocks its own thread."""

    def __init__(
        self,
        *,
        preload: Iterable[str] = (),
        processes_max: int = PROCESSES_MAX,
        memory_max_bytes: int = MEMORY_MAX_BYTES,
    ) -> None:
        """`preload` names what every call needs: modules, or `module:attribute` where a package
        imports lazily. It is imported once and must start
        no thread by that: only the forking thread goes on in a child."""
        self._preload = tuple(preload)
        self._memory_max_bytes = memory_max_bytes
        self._slots = threading.BoundedSemaphore(processes_max)
        self._starting = threading.Lock()
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def __enter__(self) -> "Processes":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start importing now, not at the first call."""
        with self._starting:
            self._ensure_server()

    def close(self) -> None:
        """End the fork server, and with it every call that still runs."""
        with self._starting:
            if self._server is None or self._control is None:
                return
            self._control.close()
            try:
                self._server.wait(_END_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
            self._server = self._control = None

    def call(
        self,
        function: Callable[..., Any],
        *arguments: Any,
        on_message: OnMessage | None = None,
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> Any:
        """`function(tell, *arguments)` in a process of its own; what it returned. The function is
        found there by its module and name."""
        request = pickle.dumps((function, arguments))
        deadline = time.monotonic() + timeout_s
        if not self._slots.acquire(timeout=timeout_s):
            raise CallTimedOut(timeout_s)
        try:
            with _Child(self._fork) as child:
                return child.answer(request, on_message, deadline, timeout_s)
        finally:
            self._slots.release()

    def _fork(self, ends: tuple[Connection, Connection]) -> None:
        """Hand the far ends of a child's two pipes to the fork server."""
        with self._starting:
            control = self._ensure_server()
            try:
                socket.send_fds(control, [b"fork"], [end.fileno() for end in ends])
            except OSError:  # it died a moment ago
                socket.send_fds(self._restarted(), [b"fork"], [end.fileno() for end in ends])

    def _ensure_server(self) -> socket.socket:
        if self._server is None or self._control is None or self._server.poll() is not None:
            return self._restarted()
        return self._control

    def _restarted(self) -> socket.socket:
        if self._server is not None and self._control is not None:
            self._control.close()
            self._server.kill()
            self._server.wait()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(START_TIMEOUT_S)
        here = str(Path(__file__).resolve().parent.parent)
        paths = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
        with theirs:
            self._server = subprocess.Popen(
                [
                    *[sys.executable, "-m", "engine.process_server"],
                    *[str(theirs.fileno()), str(self._memory_max_bytes), *self._preload],
                ],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        self._control = ours
        return ours


class _Child:
    """One child, from its fork to its end. One pipe is the child's (request, messages, result),
    the other the fork server's: the child's pid, later how it ended."""

    def __init__(self, fork: Callable[[tuple[Connection, Connection]], None]) -> None:
        self._talk, talk = Pipe()
        self._life, life = Pipe(duplex=False)
        self._pid: int | None = None
        self._ended = False
        self._code: int | None = None
        with talk, life:
            try:
                fork((talk, life))
            except BaseException:
                self._talk.close()
                self._life.close()
                raise

    def __enter__(self) -> "_Child":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Whatever happened, an interrupted wait among it: no child outlives its call, and the locks
        # it held are free when the call returns.
        self._returncode(kill=True)
        self._talk.close()
        self._life.close()

    def answer(
        self, request: bytes, on_message: OnMessage | None, deadline: float, timeout_s: float
    ) -> Any:
        with suppress(BrokenPipeError):  # died at once: told below
            self._talk.send_bytes(request)
        while True:
            watched = [self._talk] if self._ended else [self._talk, self._life]
            left_s = 0.0 if self._ended else deadline - time.monotonic()
            ready = wait(watched, max(0.0, left_s))
            if self._talk in ready:
                # First of all what it said: a child that has ended may have answered before.
                try:
                    kind, value = json.loads(self._talk.recv_bytes())
                except (EOFError, OSError):
                    raise ProcessDied(self._returncode()) from None
                if kind == "result":
                    return value
                if kind == "error":
                    raise CallFailed(*value)
                if on_message is not None:
                    on_message(value)
            elif self._life in ready:
                self._hear_of_life()
            elif self._ended:
                raise ProcessDied(self._code)
            else:
                raise CallTimedOut(timeout_s)

    def _hear_of_life(self) -> None:
        try:
            number = int(self._life.recv_bytes())
        except (EOFError, OSError):  # the fork server is gone, and takes its children with it
            self._ended, self._code = True, None
            return
        if self._pid is None:
            self._pid = number
        else:
            self._ended, self._code = True, number

    def _returncode(self, *, kill: bool = False) -> int | None:
        """How it ended, waiting for that."""
        while not self._ended:
            if kill and self._pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(self._pid, signal.SIGKILL)
            if not self._life.poll(_END_TIMEOUT_S):
                break
            self._hear_of_life()
        return self._code


def _ending(returncode: int | None) -> str:
    if returncode is None:
        return "is gone"
    if returncode >= 0:
        return f"ended with exit code {returncode}"
    try:
        return f"was ended by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"was ended by signal {-returncode}"
