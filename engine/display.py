"""An update for people: progress and changes as lines of text.

Owns the wording of engine events on a terminal. A sink like any other: it sees events only, in
which secrets are already masked, and must not know states, steps or handlers.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.events import Event, is_internal
from engine.urns import name_of
from engine.values import SECRET_SIGNATURE, SIGNATURE_KEY, UNKNOWNS

Line = Callable[[str], None]

_SYMBOLS = {
    "create": "+",
    "update": "~",
    "delete": "-",
    "replace": "+-",
    "create-replacement": "++",
    "delete-replaced": "--",
    "read": ">",
    "read-replacement": ">>",
    "refresh": "~",
    "discard": "<",
    "discard-replaced": "<<",
    "import": "=",
}
_DOING = {
    "create": "creating",
    "update": "updating",
    "delete": "deleting",
    "create-replacement": "creating replacement",
    "delete-replaced": "deleting original",
    "read": "reading",
    "read-replacement": "reading replacement",
    "refresh": "refreshing",
    "discard": "discarding",
    "discard-replaced": "discarding original",
    "import": "importing",
}
_DONE = {
    "create": "created",
    "update": "updated",
    "delete": "deleted",
    "replace": "replaced",
    "create-replacement": "created replacement",
    "delete-replaced": "deleted original",
    "read": "read",
    "read-replacement": "read replacement",
    "refresh": "refreshed",
    "discard": "discarded",
    "discard-replaced": "discarded original",
    "import": "imported",
}
_VALUE_LENGTH_MAX = 80


class Display:
    """Turns events into lines, in the order in which they come."""

    def __init__(self, line: Line, *, progress: bool, diff: bool, outputs: bool) -> None:
        self._line = line
        self._progress, self._diff, self._outputs = progress, diff, outputs
        self._stack_outputs: Mapping[str, Any] = {}

    def __call__(self, event: Event) -> None:
        if is_internal(event):
            return
        if body := event.get("resourcePreEvent"):
            self._started(body["metadata"], bool(body.get("planning")))
        elif body := event.get("resOutputsEvent"):
            self._finished(body["metadata"], bool(body.get("planning")))
        elif body := event.get("resOpFailedEvent"):
            metadata = body["metadata"]
            self._line(f" {_symbol(metadata['op'])} {_label(metadata)} failed")
        elif body := event.get("diagnosticEvent"):
            where = f"  {name_of(body['urn'])}: " if body.get("urn") else "  "
            self._line(f"{where}{body['prefix']}{body['message']}".rstrip())
        elif body := event.get("summaryEvent"):
            self._summary(body)

    def _started(self, metadata: Mapping[str, Any], planning: bool) -> None:
        op = metadata["op"]
        if op == "same" or (op == "replace" and not planning):
            return
        if planning:
            self._line(f" {_symbol(op)} {_label(metadata)} {op}")
        elif self._progress:
            self._line(f" {_symbol(op)} {_label(metadata)} {_DOING.get(op, op)}...")
        if (planning or self._diff) and metadata.get("diffs"):
            self._changes(metadata)

    def _changes(self, metadata: Mapping[str, Any]) -> None:
        old = {**(metadata["old"] or {}).get("outputs", {}), **metadata["old"]["inputs"]}
        new = (metadata["new"] or {}).get("inputs", {})
        hidden = (metadata["new"] or {}).get("hideDiffs", ())
        for key in metadata["diffs"]:
            sign = "+" if key not in old else "-" if key not in new else "~"
            before = _text(old[key]) + " => " if sign == "~" else ""
            after = _text(new.get(key, old.get(key)))
            replaces = " (replaces)" if key in metadata.get("keys", ()) else ""
            change = "(hidden)" if _hides(hidden, key) else before + after
            self._line(f"      {sign} {key}: {change}{replaces}")

    def _finished(self, metadata: Mapping[str, Any], planning: bool) -> None:
        op = metadata["op"]
        if metadata["type"] == "pulumi:pulumi:Stack":
            self._stack_outputs = (metadata["new"] or {}).get("outputs", {})
        if op != "same" and not planning and self._progress:
            self._line(f" {_symbol(op)} {_label(metadata)} {_DONE.get(op, op)}")

    def _summary(self, body: Mapping[str, Any]) -> None:
        if self._outputs and self._stack_outputs:
            self._line("Outputs:")
            for key, value in sorted(self._stack_outputs.items()):
                self._line(f"    {key}: {_text(value)}")
        self._line("Resources:")
        for op, count in sorted(body["resourceChanges"].items()):
            words = "unchanged" if op == "same" else _DONE.get(op, op)
            if body["isPreview"] and op != "same":
                words = f"to {op}"
            self._line(f"    {_symbol(op)} {count} {words}")
        self._line(f"Duration: {body['durationSeconds']}s")


def _symbol(op: str) -> str:
    return _SYMBOLS.get(op, " ")


def _label(metadata: Mapping[str, Any]) -> str:
    return f"{metadata['type']} {name_of(metadata['urn'])}"


def _hides(paths: Iterable[str], key: str) -> bool:
    """Whether any of the hidden paths begins at this key: a change is shown whole or not at all."""
    return any(path in (key, "*") or path.startswith((f"{key}.", f"{key}[")) for path in paths)


def _text(value: Any) -> str:
    if isinstance(value, Mapping) and value.get(SIGNATURE_KEY) == SECRET_SIGNATURE:
        return "[secret]"
    if isinstance(value, str) and value in UNKNOWNS:
        return "[unknown]"
    text = json.dumps(_readable(value), ensure_ascii=False)
    return text if len(text) <= _VALUE_LENGTH_MAX else text[: _VALUE_LENGTH_MAX - 1] + "…"


def _readable(value: Any) -> Any:
    if isinstance(value, Mapping):
        secret = value.get(SIGNATURE_KEY) == SECRET_SIGNATURE
        return "[secret]" if secret else {key: _readable(item) for key, item in value.items()}
    if isinstance(value, str) and value in UNKNOWNS:
        return "[unknown]"
    return [_readable(item) for item in value] if isinstance(value, list) else value
