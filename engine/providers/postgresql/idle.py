"""Connections to PostgreSQL that are kept between two uses.

Owns how many are kept and for how long, and the turns that a crowd takes on them. Must not know how
a connection is made nor what is done over it.

To connect costs more than most statements: a process of the server, and thousands of hashes on
either side. Changes of roles and grants wait for one another anyway, so many at once take turns on
few connections. Who has waited TURN_S, behind something that takes long, opens another one.
"""

import atexit
import os
import select
import threading
import time
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import psycopg

Connection = psycopg.Connection[Any]

IN_USE_BEFORE_TURNS = 4
TURN_S = 1.0
REAP_EACH_S = 0.5


@dataclass(frozen=True)
class Keep:
    connections_max: int
    idle_s: float


@dataclass
class _Place:
    in_use: int = 0
    idle: list[tuple[float, Connection]] = field(default_factory=list)  # until then


# The process id stands in the key: a forked child must not share sockets.
_places: dict[tuple[int, Hashable], _Place] = {}
_changed = threading.Condition()
_reaper_pid = 0


def taken(place: Hashable) -> Connection | None:
    """A connection that was kept for that place, or None to open one. Either way it is in use from
    now on, until it is given back."""
    with _changed:
        here = _places.setdefault((os.getpid(), place), _Place())
        _changed.wait_for(lambda: here.idle or here.in_use < IN_USE_BEFORE_TURNS, TURN_S)
        here.in_use += 1
        while here.idle:
            _, connection = here.idle.pop()
            if _is_quiet(connection):
                return connection
            connection.close()  # the server went away or came back
        return None


def given_back(place: Hashable, connection: Connection | None, keep: Keep) -> None:
    """The end of a use; with a connection if that is fit for another one."""
    global _reaper_pid
    too_many: list[tuple[float, Connection]] = []
    with _changed:
        here = _places[os.getpid(), place]
        here.in_use -= 1
        if connection is not None:
            here.idle.append((time.monotonic() + keep.idle_s, connection))
            too_many = here.idle[: -keep.connections_max]
            del here.idle[: -keep.connections_max]
            if _reaper_pid != os.getpid():
                _reaper_pid = os.getpid()
                threading.Thread(target=_reap, name="postgresql-idle", daemon=True).start()
        _changed.notify_all()
    _close(too_many)


@atexit.register
def close_idle() -> None:
    _close(_taken_out(float("inf")))


def _reap() -> None:
    """Close what has been idle for long enough, until nothing is left."""
    global _reaper_pid
    while True:
        time.sleep(REAP_EACH_S)
        _close(_taken_out(time.monotonic()))
        with _changed:
            if not any(here.idle for here in _own_places()):
                _reaper_pid = 0
                return


def _taken_out(now: float) -> list[tuple[float, Connection]]:
    """What need not be kept any longer."""
    found = []
    with _changed:
        for here in _own_places():
            found += [entry for entry in here.idle if entry[0] <= now]
            here.idle = [entry for entry in here.idle if entry[0] > now]
    return found


def _own_places() -> list[_Place]:
    return [here for (pid, _), here in _places.items() if pid == os.getpid()]


def _close(entries: list[tuple[float, Connection]]) -> None:
    for _, connection in entries:
        connection.close()


def _is_quiet(connection: Connection) -> bool:
    """Whether nothing came since it was last used: a server that ends a connection says so, and
    what is said unasked is no good sign either."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)
