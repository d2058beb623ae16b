"""Keep one unit in the state that was asked for.

Owns a unit's life: waiting for others, health, restarts with backoff, stop. Must not know the
socket protocol or where units are stored.
"""

import asyncio
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from contracts.home import Home
from contracts.units import Unit, UnitState, UnitStatus
from local.ports import holder
from local.supervisor import logs
from local.supervisor.health import becomes_healthy, hangs
from local.supervisor.process import Process, find, forget, spawn

BACKOFF_FIRST_S = 0.25
BACKOFF_MAX_S = 30.0
STABLE_AFTER_S = 30.0  # a unit that ran this long starts again with the first backoff
AFTER_TIMEOUT_S = 120.0
POLL_S = 0.1


class NotGiven(Exception):
    """A unit is not to be started without its credentials: it could only fail, again and again."""


class Keeper:
    """One unit. `state_of` tells the state of another unit, None where there is none."""

    def __init__(self, home: Home, unit: Unit, state_of: Callable[[str], UnitState | None]) -> None:
        self.unit = unit
        self.credentials: Mapping[str, str] = {}
        self._home = home
        self._state_of = state_of
        self._task: asyncio.Task[None] | None = None
        self._process: Process | None = None
        self._hurry = asyncio.Event()  # cuts a backoff short
        self._status = UnitStatus(name=unit.name, state="stopped", since=time.time())

    @property
    def status(self) -> UnitStatus:
        pid = self._process.pid if self._process else None
        return self._status.model_copy(update={"pid": pid, "lacks": self._lacking()})

    @property
    def wanted(self) -> bool:
        return self._task is not None and not self._task.done()

    def _lacking(self) -> list[str]:
        return [name for name in self.unit.credentials if name not in self.credentials]

    def _be(self, state: UnitState, detail: str = "") -> None:
        update = {"state": state, "detail": detail, "since": time.time()}
        self._status = self._status.model_copy(update=update)

    def adopt(self) -> bool:
        """Take over the process that an earlier supervisor left, if there is one. False for one
        that runs an older form of the unit: it has to be restarted."""
        if (found := find(self._home, self.unit)) is None:
            return True
        self._process, current = found
        self.start()
        return current

    def start(self) -> None:
        """Begin to keep it running, or try again now; `status` tells how it goes."""
        self._hurry.set()
        if not self.wanted:
            self._status = self._status.model_copy(update={"restarts": 0})
            self._be("starting")
            self._task = asyncio.create_task(self._keep())
            self._task.add_done_callback(self._broken)

    def _broken(self, task: "asyncio.Task[None]") -> None:
        """A fault of ours must not look like a unit that runs."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._be("failed", f"supervisor: {error!r}")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        await self._end_process()
        self._be("stopped")

    async def _end_process(self) -> None:
        if self._process is not None:
            await self._process.end(self.unit.stop_signal, self.unit.stop_timeout_s)
            self._process = None
        forget(self._home, self.unit.name)

    async def _keep(self) -> None:
        if self._process is None:
            await self._others()
        backoff_s = BACKOFF_FIRST_S
        while True:
            began = time.monotonic()
            try:
                reason = await self._run_once()
            except (FileNotFoundError, PermissionError, NotGiven) as error:
                self._be("failed", f"cannot start: {error}")  # no retry cures that
                return
            except (OSError, subprocess.SubprocessError) as error:  # no memory, no room on disk
                reason = f"cannot start: {error}"
            if time.monotonic() - began > STABLE_AFTER_S:
                backoff_s = BACKOFF_FIRST_S
            restarts = self._status.restarts + 1
            self._status = self._status.model_copy(update={"restarts": restarts})
            self._be("backoff", f"{reason}; next try in {backoff_s:g} s")
            self._hurry.clear()
            # Not wait_for: before 3.12 it can lose the cancellation that stop() sends.
            with suppress(TimeoutError):
                async with asyncio.timeout(backoff_s):
                    await self._hurry.wait()
            backoff_s = min(2 * backoff_s, BACKOFF_MAX_S)

    async def _run_once(self) -> str:
        """From start (or adoption) to end; returns why it ended."""
        health = self.unit.health
        if self._process is None:
            if lacking := self._lacking():
                raise NotGiven(f"it was not given {', '.join(lacking)}")
            # Else the health check would reach the stranger, and only the log would tell of ours.
            if health.port and (stranger := holder(health.port)) is not None:
                return f"port {health.port} is in use by {stranger}"
            self._be("starting")
            log = logs.path(self._home, self.unit.name)
            self._process = spawn(self._home, self.unit, log, self.credentials)
        process = self._process
        if not await becomes_healthy(self._home, self.unit, process):
            if not process.exited.done():
                await self._end_process()
                return f"not ready within {health.start_timeout_s:g} s"
        else:
            self._be("running")
            if await hangs(self._home, self.unit, process):
                await self._end_process()
                return f"no answer {health.misses_max} times in a row"
        reason = await asyncio.shield(process.exited)
        self._process = None
        last = logs.last_line(logs.path(self._home, self.unit.name))
        return f"{reason}: {last}" if last else reason

    async def _others(self) -> None:
        """Wait until the units before this one run; never forever, one may be broken for long."""
        deadline = time.monotonic() + AFTER_TIMEOUT_S
        for name in self.unit.after:
            while self._state_of(name) in ("starting", "backoff"):
                if time.monotonic() > deadline:
                    return
                self._be("starting", f"waits for {name}")
                await asyncio.sleep(POLL_S)
