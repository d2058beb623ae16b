"""croft:index:Process: one unit of the local supervisor.

Owns the translation between a resource and a `contracts.units.Unit`, and the wait until it runs.
Holds no pid: the supervisor restarts units without telling anybody. Must not know what is run.
"""

import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from components.provider.diff import Diff, Props, compare, has_unknown
from contracts.errors import BackendDown
from contracts.units import Unit, UnitStatus, call

POLL_S = 0.05
# A unit's own start_timeout_s begins when the supervisor gets to it; this is the slack for that.
START_SLACK_S = 5.0


class ProcessHandler:
    """Inputs are the fields of Unit; those left out have Unit's defaults."""

    secret_outputs: Collection[str] = ("files",)

    def check(self, cfg: Props, urn: str, olds: Props | None, news: Props) -> Props:
        if not has_unknown(news):
            _unit(news)
        return news

    def diff(self, cfg: Props, id: str, old_inputs: Props, old_outputs: Props, news: Props) -> Diff:
        return compare(old_outputs, news, key="name")

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        unit = _unit(inputs)
        _ask(cfg, op="put", unit=unit.model_dump(), start=True)
        _wait_until_running(cfg, unit)
        return unit.name, dict(inputs)

    def find(self, cfg: Props, inputs: Props) -> str | None:
        name = str(inputs["name"])
        return name if _get(cfg, name) else None

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        answer = _get(cfg, id)
        if answer is None:
            return None
        # No outputs are known of a unit whose create was cut off.
        outputs = {**inputs, **outputs}
        # Both in Unit's full form: a default the program left out is no drift.
        found, known = answer["unit"], _unit(outputs).model_dump()
        return {
            name: value if found.get(name) == known.get(name) else found.get(name)
            for name, value in outputs.items()
        }

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        return self.create(cfg, news)[1]

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        try:
            _ask(cfg, op="remove", name=id)
        except BackendDown as error:
            if error.code != "unit_not_found":
                raise


def _unit(inputs: Props) -> Unit:
    fields = {name: value for name, value in inputs.items() if name in Unit.model_fields}
    try:
        return Unit(**fields)
    except ValidationError as error:
        # Never the whole error: it quotes the values, and `files` holds secrets.
        faults = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise ValueError("Process: " + "; ".join(faults)) from None


def _ask(cfg: Props, **request: Any) -> dict[str, Any]:
    return call(Path(str(cfg["supervisorSocket"])), request)


def _get(cfg: Props, name: str) -> dict[str, Any] | None:
    try:
        return _ask(cfg, op="get", name=name)
    except BackendDown as error:
        if error.code == "unit_not_found":
            return None
        raise


def _wait_until_running(cfg: Props, unit: Unit) -> None:
    deadline = time.monotonic() + unit.health.start_timeout_s + START_SLACK_S
    while True:
        status = UnitStatus(**_ask(cfg, op="get", name=unit.name)["status"])
        if status.state == "running":
            return
        if status.state == "failed" or time.monotonic() > deadline:
            raise BackendDown(
                f"{unit.name} is {status.state}: {status.detail}",
                code="unit_not_running",
                fix=f"see: croft logs {unit.name}",
            )
        time.sleep(POLL_S)
