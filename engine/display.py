"""An update for people: progress and changes as lines of text.

Owns the wording of engine events on a terminal. A sink like any other: it sees events only, in
which secrets are already masked, and must not know states, steps or handlers.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.events import Event, is_internal
from engine.property_diff import ABSENT, Change, changes
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
# Operations whose every property is new, or goes: its sign and the state that has it.
_WHOLE = {
    "create": ("+", "new"),
    "create-replacement": ("+", "new"),
    "import": ("=", "new"),
    "read": (">", "new"),
    "delete": ("-", "old"),
    "delete-replaced": ("-", "old"),
}
VALUE_LENGTH_MAX = 80


class Display:
    """Turns events into lines, in the order in which they come."""

    def __init__(
        self,
        line: Line,
        *,
        progress: bool = True,
        diff: bool = False,
        outputs: bool = True,
        sames: bool = False,
        urns: bool = False,
        config: bool = False,
        length_max: int = VALUE_LENGTH_MAX,
    ) -> None:
        """`diff`: every property of what is made or goes, and what changed inside of properties;
        previews show the latter anyway. Values are cut at `length_max` characters."""
        self._line = line
        self._progress, self._diff, self._outputs = progress, diff, outputs
        self._sames, self._urns, self._config = sames, urns, config
        self._length_max = length_max
        self._stack_outputs: Mapping[str, Any] = {}

    def __call__(self, event: Event) -> None:
        if is_internal(event):
            return
        if (body := event.get("preludeEvent")) and self._config:
            for key, value in sorted(body["config"].items()):
                self._line(f"  {key}: {value}")
        elif body := event.get("resourcePreEvent"):
            self._started(body["metadata"], bool(body.get("planning")))
        elif body := event.get("resOutputsEvent"):
            self._finished(body["metadata"], bool(body.get("planning")))
        elif body := event.get("resOpFailedEvent"):
            metadata = body["metadata"]
            self._line(f" {_symbol(metadata['op'])} {self._label(metadata)} failed")
        elif body := event.get("diagnosticEvent"):
            where = f"  {name_of(body['urn'])}: " if body.get("urn") else "  "
            self._line(f"{where}{body['prefix']}{body['message']}".rstrip())
        elif body := event.get("summaryEvent"):
            self._summary(body)

    def _started(self, metadata: Mapping[str, Any], planning: bool) -> None:
        op = metadata["op"]
        if op == "same":
            if self._sames:
                self._line(f"   {self._label(metadata)} unchanged")
            return
        if op == "replace" and not planning:
            return
        if planning:
            self._line(f" {_symbol(op)} {self._label(metadata)} {op}")
        elif self._progress:
            self._line(f" {_symbol(op)} {self._label(metadata)} {_DOING.get(op, op)}...")
        if (planning or self._diff) and metadata.get("diffs"):
            self._changes(metadata)
        elif self._diff and op in _WHOLE:
            self._properties(metadata, op)

    def _properties(self, metadata: Mapping[str, Any], op: str) -> None:
        """Everything that is made, or goes."""
        sign, side = _WHOLE[op]
        for key, value in (metadata[side] or {}).get("inputs", {}).items():
            if not key.startswith("__"):
                self._line(f"      {sign} {key}: {self._text(value)}")

    def _changes(self, metadata: Mapping[str, Any]) -> None:
        old = {**(metadata["old"] or {}).get("outputs", {}), **metadata["old"]["inputs"]}
        new = (metadata["new"] or {}).get("inputs", {})
        hidden = (metadata["new"] or {}).get("hideDiffs", ())
        for key in metadata["diffs"]:
            replaces = " (replaces)" if key in metadata.get("keys", ()) else ""
            before, after = old.get(key, ABSENT), new.get(key, ABSENT)
            whole = Change(key, before, after)
            if _hides(hidden, key):
                self._line(f"      {whole.sign} {key}: (hidden){replaces}")
                continue
            # Two secrets look alike here, whatever they hold.
            found = list(changes(key, before, after)) or [whole]
            for change in found:
                self._line(f"      {change.sign} {change.path}: {self._change(change)}{replaces}")

    def _drift(self, metadata: Mapping[str, Any]) -> None:
        """What a refresh found to be otherwise than state has it."""
        old, new = ((metadata[side] or {}).get("outputs", {}) for side in ("old", "new"))
        for key in sorted({*old, *new}):
            for change in changes(key, old.get(key, ABSENT), new.get(key, ABSENT)):
                self._line(f"      {change.sign} {change.path}: {self._change(change)}")

    def _change(self, change: Change) -> str:
        if change.sign == "~":
            return f"{self._text(change.before)} => {self._text(change.after)}"
        return self._text(change.before if change.after is ABSENT else change.after)

    def _finished(self, metadata: Mapping[str, Any], planning: bool) -> None:
        op = metadata["op"]
        if metadata["type"] == "pulumi:pulumi:Stack":
            self._stack_outputs = (metadata["new"] or {}).get("outputs", {})
        if op != "same" and not planning and self._progress:
            self._line(f" {_symbol(op)} {self._label(metadata)} {_DONE.get(op, op)}")
        # Only a refresh finds an update without having decided on one.
        if op == "update" and "diffs" not in metadata and self._diff:
            self._drift(metadata)

    def _summary(self, body: Mapping[str, Any]) -> None:
        if self._outputs and self._stack_outputs:
            self._line("Outputs:")
            for key, value in sorted(self._stack_outputs.items()):
                self._line(f"    {key}: {self._text(value)}")
        self._line("Resources:")
        for op, count in sorted(body["resourceChanges"].items()):
            words = "unchanged" if op == "same" else _DONE.get(op, op)
            if body["isPreview"] and op != "same":
                words = f"to {op}"
            self._line(f"    {_symbol(op)} {count} {words}")
        self._line(f"Duration: {body['durationSeconds']}s")

    def _label(self, metadata: Mapping[str, Any]) -> str:
        urn: str = metadata["urn"]
        return urn if self._urns else f"{metadata['type']} {name_of(urn)}"

    def _text(self, value: Any) -> str:
        return _text(value, self._length_max)


def _symbol(op: str) -> str:
    return _SYMBOLS.get(op, " ")


def _hides(paths: Iterable[str], key: str) -> bool:
    """Whether any of the hidden paths begins at this key: a change is shown whole or not at all."""
    return any(path in (key, "*") or path.startswith((f"{key}.", f"{key}[")) for path in paths)


def _text(value: Any, length_max: int) -> str:
    if isinstance(value, Mapping) and value.get(SIGNATURE_KEY) == SECRET_SIGNATURE:
        return "[secret]"
    if isinstance(value, str) and value in UNKNOWNS:
        return "[unknown]"
    text = json.dumps(_readable(value), ensure_ascii=False, sort_keys=True)
    return text if len(text) <= length_max else text[: length_max - 1] + "…"


def _readable(value: Any) -> Any:
    if isinstance(value, Mapping):
        secret = value.get(SIGNATURE_KEY) == SECRET_SIGNATURE
        return "[secret]" if secret else {key: _readable(item) for key, item in value.items()}
    if isinstance(value, str) and value in UNKNOWNS:
        return "[unknown]"
    return [_readable(item) for item in value] if isinstance(value, list) else value
