"""Worker processes to be killed.

Owns two slots, who is in them, and whether one of those may fail an operation. Workers are forked
from a process that has imported everything, so that a death costs no second.
"""

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess

from automation.failpoints import VARIABLE
from contracts.home import Home, environ_of
from tests.automation.workflows import rig

SLOTS = (1, 2)


class Workers:
    def __init__(self, home: Home) -> None:
        self._environ = {**os.environ, **environ_of(home)}
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([rig.__name__])
        self._in: dict[int, BaseProcess] = {}
        self._stay_away: set[int] = set()
        self.may_fail = False
        """Since all were healed."""

    def crash(self, position: int, fault: str, *, comes_back: bool) -> None:
        """Kill one; its successor is armed with `fault`, or the other one is left alone."""
        slot = SLOTS[position]
        self._kill(slot)
        self._stay_away = set() if comes_back else {slot}
        self.may_fail |= comes_back and ("fail" in fault or "refuse" in fault)
        if comes_back:
            self._start(slot, fault)
        self.revive()

    def revive(self) -> None:
        """Whoever died of a failpoint is replaced by one without."""
        for slot in SLOTS:
            if slot not in self._stay_away and not self._in[slot].is_alive():
                self._kill(slot)
                self._start(slot)

    def heal(self) -> None:
        """All are there, and none fails any more."""
        self._stay_away = set()
        if self.may_fail:
            for slot in SLOTS:
                self._kill(slot)
        self.may_fail = False
        self.revive()

    def start(self) -> None:
        for slot in SLOTS:
            self._start(slot)

    def stop(self) -> None:
        for slot in SLOTS:
            self._kill(slot)

    def _start(self, slot: int, fault: str = "") -> None:
        environ = self._environ | {VARIABLE: fault}
        self._in[slot] = self._context.Process(target=rig.work, args=(environ, slot, True))
        self._in[slot].start()

    def _kill(self, slot: int) -> None:
        self._in[slot].kill()
        self._in[slot].join()


@contextmanager
def two_workers(home: Home) -> Iterator[Workers]:
    workers = Workers(home)
    workers.start()
    try:
        yield workers
    finally:
        workers.stop()
