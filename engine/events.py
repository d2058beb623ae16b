"""What an update tells while it runs.

Owns the engine events, in the JSON form and order of the pulumi CLI, and counting what was done.
Must not know who listens: sinks take finished events. No event carries a secret.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from engine.resource_state import ResourceState
from engine.secrecy import MASK, secret_texts
from engine.steps import Op, Step
from engine.urns import is_default_provider
from engine.values import (
    SECRET_SIGNATURE,
    SIGNATURE_KEY,
    Archive,
    Asset,
    OutputValue,
    ResourceReference,
    Secret,
    signed_fields,
)

Event = dict[str, Any]
Sink = Callable[[Event], None]

_log = logging.getLogger(__name__)

# Shorter texts are words that also occur elsewhere: hiding them would garble the message.
_REDACTED_LENGTH_MIN = 4


class Events:
    """Numbers events and hands them to every sink, one at a time and in order."""

    def __init__(
        self, sinks: Sequence[Sink], *, dry_run: bool, debug: bool, secrets: Sequence[str] = ()
    ) -> None:
        """`secrets` are texts that no diagnostic may repeat."""
        self._sinks, self._dry_run, self._debug = list(sinks), dry_run, debug
        self._secrets = secrets
        self._lock = threading.Lock()
        self._sequence = 0
        self.changes: Counter[str] = Counter()

    def prelude(self, config: Mapping[str, str]) -> None:
        self._send("preludeEvent", {"config": dict(config)})

    def diagnostic(
        self, severity: str, message: str, urn: str = "", secrets: Iterable[str] = ()
    ) -> None:
        """`severity` is debug, info, info#err, warning or error. `secrets` are further texts that
        this message may not repeat."""
        if severity == "debug" and not self._debug:
            return
        body = {
            "prefix": f"{severity.partition('#')[0]}: ",
            "message": _redacted(message, {*self._secrets, *secrets}).rstrip("\n") + "\n",
            "color": "never",
            "severity": severity,
        }
        self._send("diagnosticEvent", {"urn": urn, **body} if urn else body)

    def step_started(self, step: Step) -> None:
        self._send("resourcePreEvent", self._step(step))

    def step_finished(self, step: Step, *, closing: bool = False, counted: bool = True) -> None:
        """A component's step is `closing` when its outputs are in; only then is it complete."""
        if counted and not closing and _counts(step):
            with self._lock:
                self.changes[step.op] += 1
        if closing or step.state.custom or step.new is None:
            self._send("resOutputsEvent", self._step(step))

    def step_failed(self, step: Step, error: BaseException) -> None:
        message = f"{_DOING[step.op]} {step.urn}: {str(error) or repr(error)}"
        states = filter(None, (step.old, step.new))
        secrets = secret_texts([[state.inputs, state.outputs] for state in states])
        self.diagnostic("error", message, step.urn, secrets)
        if not self._dry_run:
            self._send("resOpFailedEvent", {**self._step(step), "status": 0, "steps": 0})

    def summary(self, duration_s: float, succeeded: bool) -> None:
        body = {
            "maybeCorrupt": False,
            "durationSeconds": round(duration_s),
            "resourceChanges": dict(self.changes),
            "PolicyPacks": {},
            "isPreview": self._dry_run,
            "result": "succeeded" if succeeded else "failed",
        }
        self._send("summaryEvent", body)

    def cancel(self) -> None:
        """The last event of every update."""
        self._send("cancelEvent", {})

    def _step(self, step: Step) -> dict[str, Any]:
        metadata: dict[str, Any] = {
            "op": str(step.op),
            "urn": step.urn,
            "type": step.state.type,
            "old": _state(step.old),
            "new": _state(step.new),
            "detailedDiff": None,
            "logical": step.logical,
            "provider": step.state.provider,
        }
        if step.keys:
            metadata["keys"] = list(step.keys)
        if step.diffs:
            metadata["diffs"] = list(step.diffs)
        return {"metadata": metadata, "planning": True} if self._dry_run else {"metadata": metadata}

    def _send(self, kind: str, body: dict[str, Any]) -> None:
        with self._lock:
            event = {"sequence": self._sequence, "timestamp": int(time.time()), kind: body}
            self._sequence += 1
            for sink in list(self._sinks):
                try:
                    sink(event)
                except Exception:  # noqa: BLE001  a listener must not break the update
                    _log.exception("a listener for engine events failed")
                    self._sinks.remove(sink)


def _redacted(message: str, secrets: Iterable[str]) -> str:
    for text in sorted(secrets, key=len, reverse=True):
        if len(text) >= _REDACTED_LENGTH_MIN:
            message = message.replace(text, MASK)
    return message


_DOING = {
    Op.SAME: "checking",
    Op.CREATE: "creating",
    Op.CREATE_REPLACEMENT: "creating",
    Op.UPDATE: "updating",
    Op.DELETE: "deleting",
    Op.DELETE_REPLACED: "deleting",
    Op.REPLACE: "replacing",
    Op.READ: "reading",
    Op.READ_REPLACEMENT: "reading",
    Op.REFRESH: "refreshing",
    Op.IMPORT: "importing",
    Op.DISCARD: "discarding",
    Op.DISCARD_REPLACED: "discarding",
    Op.REMOVE_PENDING_REPLACE: "forgetting",
}


def _is_bookkeeping(op: str, urn: str) -> bool:
    return op == Op.REMOVE_PENDING_REPLACE or is_default_provider(urn)


def _counts(step: Step) -> bool:
    """Whether a summary tells of it. A read that found nothing new is no change."""
    if step.op is Op.READ:
        return bool(step.old and step.new and step.old.outputs != step.new.outputs)
    return step.logical and not _is_bookkeeping(step.op, step.urn)


def is_internal(event: Event) -> bool:
    """A step that is the engine's own business: it is sent, but neither counted nor shown."""
    bodies = (event.get(kind) for kind in ("resourcePreEvent", "resOutputsEvent"))
    steps = [body["metadata"] for body in bodies if body]
    return any(_is_bookkeeping(step["op"], step["urn"]) for step in steps)


def _state(state: ResourceState | None) -> dict[str, Any] | None:
    if state is None:
        return None
    shown: dict[str, Any] = {"type": state.type, "urn": state.urn}
    for key, value in (
        ("custom", state.custom),
        ("delete", state.delete),
        ("protect", state.protect),
        ("retainOnDelete", state.retain_on_delete),
        ("initErrors", list(state.init_errors)),
        ("hideDiffs", list(state.hide_diff)),
    ):
        if value:
            shown[key] = value
    return shown | {
        "id": state.id,
        "parent": state.parent,
        "inputs": _shown(state.inputs),
        "outputs": _shown(state.outputs),
        "provider": state.provider,
    }


def _shown(value: Any) -> Any:
    """A value as events carry it: JSON, secrets in their envelope without content."""
    if isinstance(value, Secret) or (isinstance(value, OutputValue) and value.secret):
        return {SIGNATURE_KEY: SECRET_SIGNATURE, "ciphertext": MASK}
    if isinstance(value, OutputValue):
        return _shown(value.value)
    if isinstance(value, ResourceReference | Asset | Archive):
        return signed_fields(value)
    if isinstance(value, Mapping):
        return {key: _shown(item) for key, item in value.items()}
    return [_shown(item) for item in value] if isinstance(value, list | tuple) else value
