"""`preview --json`: what an update would do, as one JSON document.

Owns that document. A sink of engine events, in which secrets are already masked.
"""

from collections.abc import Mapping
from typing import Any

from engine.events import Event, is_internal
from engine.resource_state import ROOT_STACK_TYPE
from engine.secrecy import MASK
from engine.values import SECRET_SIGNATURE, SIGNATURE_KEY


class PreviewDigest:
    def __init__(self) -> None:
        self._steps: list[dict[str, Any]] = []
        self._diagnostics: list[dict[str, Any]] = []
        self._summary: Mapping[str, Any] = {}

    def __call__(self, event: Event) -> None:
        if is_internal(event):
            return
        if body := event.get("resourcePreEvent"):
            self._step(body["metadata"])
        elif body := event.get("diagnosticEvent"):
            diagnostic = {"message": body["prefix"] + body["message"], "severity": body["severity"]}
            self._diagnostics.append(
                {"urn": body["urn"], **diagnostic} if "urn" in body else diagnostic
            )
        elif body := event.get("summaryEvent"):
            self._summary = body

    def document(self) -> Mapping[str, Any]:
        return {
            "steps": self._steps,
            "diagnostics": self._diagnostics,
            "duration": self._summary.get("durationSeconds", 0) * 10**9,
            "changeSummary": self._summary.get("resourceChanges", {}),
        }

    def _step(self, metadata: Mapping[str, Any]) -> None:
        # The CLI leaves unchanged resources out, the stack itself excepted.
        if metadata["op"] == "same" and metadata["type"] != ROOT_STACK_TYPE:
            return
        step = {"op": metadata["op"], "urn": metadata["urn"]}
        for key, side in (("oldState", "old"), ("newState", "new")):
            if metadata[side]:
                step[key] = _masked(metadata[side])
        for key, reasons in (("replaceReasons", "keys"), ("diffReasons", "diffs")):
            if metadata.get(reasons):
                step[key] = metadata[reasons]
        self._steps.append({**step, "detailedDiff": None})


def _masked(value: Any) -> Any:
    if isinstance(value, Mapping):
        if value.get(SIGNATURE_KEY) == SECRET_SIGNATURE:
            return MASK
        return {key: _masked(item) for key, item in value.items()}
    return [_masked(item) for item in value] if isinstance(value, list) else value
