"""What an update reports while it runs, as the events of an operation.

Owns which engine events become operation events, and what is kept of them: the tree of changes, and
the failures for the error. Must not know who runs the update. Events come as the Automation API's
`EngineEvent`, which only automation/pulumi.py may import.
"""

from collections.abc import Callable
from typing import Any

# Receives kind and data of a contracts.projects.OperationEvent.
OnEvent = Callable[[str, dict[str, Any]], None]


class Observer:
    """Forwards engine events as operation events, and keeps what went wrong for the error."""

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event
        self.failures: list[str] = []
        self._changes: dict[str, int] = {}
        self._resources: dict[str, dict[str, Any]] = {}

    def tree(self) -> dict[str, Any]:
        """What the finished run did, or would do."""
        return {"changes": self._changes, "resources": list(self._resources.values())}

    def warn(self, message: str) -> None:
        self._on_event("diagnostic", {"severity": "warning", "message": message})

    def observe(self, event: Any) -> None:
        if event.resource_pre_event:
            self._resource(event.resource_pre_event.metadata, "started")
        elif event.res_outputs_event:
            self._resource(event.res_outputs_event.metadata, "done")
        elif event.res_op_failed_event:
            self._resource(event.res_op_failed_event.metadata, "failed")
        elif event.diagnostic_event and event.diagnostic_event.severity in ("warning", "error"):
            self._diagnostic(
                event.diagnostic_event.severity,
                event.diagnostic_event.message.strip(),
                event.diagnostic_event.urn or "",
            )
        elif event.summary_event:
            changes = event.summary_event.resource_changes
            self._changes = {op_word(op): count for op, count in changes.items()}
            self._on_event("summary", {"changes": self._changes})

    def _resource(self, step: Any, state: str) -> None:
        resource = {
            "op": op_word(step.op),
            "type": step.type,
            "name": _name(step.urn),
            "urn": step.urn,
        }
        # The last word on a resource counts: a refresh announces itself before it has looked.
        self._resources[step.urn] = {**resource, "properties": _changed(step)}
        self._on_event("resource", {**resource, "state": state})

    def _diagnostic(self, severity: str, message: str, urn: str) -> None:
        # One line, and the resource by its name: the engine's own text repeats the URN.
        message = " ".join(message.replace(f" {urn}", "").split()) if urn else message
        text = f"{_type(urn)} {_name(urn)}: {message}" if urn else message
        if severity == "error":
            self.failures.append(text)
        self._on_event("diagnostic", {"severity": severity, "message": text})


def op_word(op: Any) -> str:
    return str(getattr(op, "value", op))


def _changed(step: Any) -> list[str]:
    """The names of the properties that differ; their values may be secret."""
    if op_word(step.op) != "update":
        return []
    if known := step.detailed_diff or step.diffs:
        return sorted(known)
    old, new = (state.outputs or {} if state else {} for state in (step.old, step.new))
    return sorted(name for name in {*old, *new} if old.get(name) != new.get(name))


def _name(urn: str) -> str:
    return urn.rsplit("::", 1)[-1]


def _type(urn: str) -> str:
    return urn.split("::")[2].rsplit("$", 1)[-1] if urn.count("::") >= 3 else ""
