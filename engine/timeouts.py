"""`customTimeouts`: how long one call of a handler may take.

Owns the clock around a call, and who is still at work after it ran out. Must not know steps, state
or what the call does.

A Python thread cannot be stopped. A call that is overdue is abandoned: its step fails, its intent
stays in state as a pending operation, and the next update finds out what became of it, as after a
crash. Until it ends, this process starts no other call for the same resource.
"""

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import TypeVar

from engine.errors import EngineError

T = TypeVar("T")
Resource = tuple[str, str]  # URN and provider reference: unique beyond one state store

_overdue: dict[Resource, threading.Thread] = {}
_lock = threading.Lock()


class Overdue(EngineError):
    """A call that took too long. What it does may still come to pass."""


class StillRunning(EngineError):
    def __init__(self, urn: str) -> None:
        super().__init__(
            f"{urn}: a call that timed out is still running; wait for it, or restart this process"
        )


def within(timeout_s: float | None, resource: Resource, call: Callable[[], T]) -> T:
    """The result of a call, or Overdue. Without a timeout it may take for ever."""
    refuse_while_running(resource)
    if not timeout_s:
        return call()
    done: Future[T] = Future()

    def work() -> None:
        try:
            done.set_result(context.run(call))
        except BaseException as error:  # noqa: BLE001  carried over to the caller's thread
            done.set_exception(error)
        finally:
            with _lock:
                if _overdue.get(resource) is threading.current_thread():
                    del _overdue[resource]

    context = contextvars.copy_context()
    # A daemon: what hangs must not keep the process from ending.
    thread = threading.Thread(target=work, name=f"engine-call-{resource[0]}", daemon=True)
    thread.start()
    try:
        return done.result(timeout_s)
    except FutureTimeout:
        if done.done():
            return done.result()  # the call's own TimeoutError, or just in time
        with _lock:
            if thread.is_alive():
                _overdue[resource] = thread
        raise Overdue(
            f"not done after {timeout_s:g}s, its custom timeout; the call may still complete, "
            "and the next update looks for what it did"
        ) from None


def refuse_while_running(resource: Resource) -> None:
    """Raise StillRunning while an abandoned call for that resource goes on."""
    with _lock:
        thread = _overdue.get(resource)
        if thread is not None and thread.is_alive():
            raise StillRunning(resource[0])
