"""All units of one home, and the operations that contracts.units promises.

Owns the set of keepers and the order among them. Must not know sockets.
"""

import asyncio
import hashlib
import logging
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

import contracts
from contracts.home import Home
from contracts.units import Unit, UnitState
from local.supervisor import logs, store
from local.supervisor.keeper import Keeper

ROTATE_EVERY_S = 30.0

log = logging.getLogger("supervisor")

_CREDENTIALS = TypeAdapter(dict[str, str], config=ConfigDict(hide_input_in_errors=True))

Answer = dict[str, Any]


class Refused(Exception):
    """An operation that cannot be done; `code` goes to the caller."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Supervisor:
    def __init__(self, home: Home) -> None:
        self.leaving = asyncio.Event()
        self.handing_over = False
        self._closing = False
        self._replacements: list[asyncio.Task[Answer]] = []  # kept from the garbage collector
        self._home = home
        self._keepers: dict[str, Keeper] = {}
        # One operation at a time for each unit; a stop of one must not hold up the others.
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._ops: Mapping[str, Callable[[Answer], Coroutine[Any, Any, Answer]]] = {
            "put": self._put,
            "remove": self._remove,
            "start": self._start,
            "stop": self._stop,
            "restart": self._restart,
            "get": self._get,
            "list": self._list,
            "shutdown": self._shutdown,
            "handover": self._handover,
        }

    async def begin(self) -> None:
        """Take over what an earlier supervisor left running, then start the rest."""
        code_digest()  # now, before anybody changes the files
        units, complaints = store.load(self._home)
        for complaint in complaints:
            log.error("ignored unit file %s", complaint)
        self._keepers = {name: self._keeper(unit) for name, unit in units.items()}
        for name, keeper in self._keepers.items():
            if not keeper.adopt():
                self._replacements.append(asyncio.create_task(self._restart({"name": name})))
            if keeper.unit.autostart:
                keeper.start()

    async def rotate_logs(self) -> None:
        """For ever; the daemon cancels it."""
        while True:
            for name in [*self._keepers, "supervisor"]:
                logs.rotate(logs.path(self._home, name))
            await asyncio.sleep(ROTATE_EVERY_S)

    async def handle(self, request: object) -> Answer:
        """Do what one request asks and answer it, whatever it is."""
        try:
            if not isinstance(request, dict) or request.get("op") not in self._ops:
                raise Refused("bad_request", f"op must be one of {', '.join(self._ops)}")
            if self._closing:
                raise Refused("supervisor_leaving", "the platform is being stopped")
            return {"ok": True, **await self._ops[request["op"]](request)}
        except Refused as refusal:
            return {"ok": False, "code": refusal.code, "message": str(refusal)}

    async def stop_all(self) -> None:
        """Stop every unit, those that others need last."""
        self._closing = True
        for level in reversed(levels(keeper.unit for keeper in self._keepers.values())):
            await asyncio.gather(*(self._keepers[name].stop() for name in level))

    async def _put(self, request: Answer) -> Answer:
        try:
            unit = Unit.model_validate(request.get("unit"))
            credentials = _CREDENTIALS.validate_python(request.get("credentials", {}))
            store.check(unit)
        except (ValidationError, store.BadUnit) as error:
            raise Refused("bad_unit", str(error)) from error
        async with self._locks[unit.name]:
            keeper = self._keepers.get(unit.name)
            changed = keeper is None or keeper.unit != unit
            if keeper is not None and changed and request.get("start", True):
                await keeper.stop()
            if changed:
                store.save(self._home, unit)
            if keeper is None:
                keeper = self._keepers[unit.name] = self._keeper(unit)
            keeper.unit, keeper.credentials = unit, credentials
            if request.get("start", True):
                keeper.start()
            return {"status": keeper.status.model_dump()}

    async def _remove(self, request: Answer) -> Answer:
        name = self._name(request)
        async with self._locks[name]:
            await self._known(name).stop()
            store.remove(self._home, name)
            del self._keepers[name]
        return {}

    async def _start(self, request: Answer) -> Answer:
        name = self._name(request)
        async with self._locks[name]:
            self._known(name).start()
        return {"status": self._known(name).status.model_dump()}

    async def _stop(self, request: Answer) -> Answer:
        name = self._name(request)
        async with self._locks[name]:
            await self._known(name).stop()
        return {}

    async def _restart(self, request: Answer) -> Answer:
        name = self._name(request)
        async with self._locks[name]:
            await self._known(name).stop()
            self._known(name).start()
        return {"status": self._known(name).status.model_dump()}

    async def _get(self, request: Answer) -> Answer:
        keeper = self._known(self._name(request))
        return {"unit": keeper.unit.model_dump(), "status": keeper.status.model_dump()}

    async def _list(self, request: Answer) -> Answer:
        units = [keeper.status.model_dump() for keeper in self._keepers.values()]
        return {"units": units, "code": code_digest()}

    async def _shutdown(self, request: Answer) -> Answer:
        await self.stop_all()
        self.leaving.set()
        return {}

    async def _handover(self, request: Answer) -> Answer:
        """Leave, and let the units run: a supervisor of newer code comes and adopts them."""
        self._closing = self.handing_over = True
        self.leaving.set()
        return {}

    def _keeper(self, unit: Unit) -> Keeper:
        return Keeper(self._home, unit, self._state_of)

    def _state_of(self, name: str) -> UnitState | None:
        keeper = self._keepers.get(name)
        return keeper.status.state if keeper else None

    def _name(self, request: Answer) -> str:
        name = request.get("name")
        if not isinstance(name, str):
            raise Refused("bad_request", "name must be a string")
        self._known(name)
        return name

    def _known(self, name: str) -> Keeper:
        if (keeper := self._keepers.get(name)) is None:
            raise Refused("unit_not_found", f"no unit {name[:80]!r}")
        return keeper


@cache
def code_digest() -> str:
    """Names the code that this process runs: read once, when it starts."""
    digest = hashlib.sha256()
    for folder in (Path(__file__).parent, Path(contracts.__file__).parent):
        for path in sorted(folder.glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def levels(units: Iterable[Unit]) -> list[list[str]]:
    """Names in groups, each needing only earlier ones. A cycle ends up together in the last."""
    waiting = {unit.name: set(unit.after) for unit in units}
    found: list[list[str]] = []
    while waiting:
        ready = [name for name, after in waiting.items() if not after & waiting.keys()]
        found.append(ready or list(waiting))
        for name in found[-1]:
            del waiting[name]
    return found


async def cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
