"""What happened to a large state since its checkpoint was last written in full.

Owns the form of one delta, and how deltas make a checkpoint whole again. Must not know stacks, keys
or what a resource says.

An update saves before and after each provider call. Were that a whole checkpoint each time, it
would write bytes by the square of the number of resources. A delta is a checkpoint in which
`[from, to]` stands for what the state before it had at those positions of the same list; so it
holds what is new, and the order. Each is bound by SHA-256 to what it follows: the first to the
checkpoint, the others to the delta before. What does not follow is a leftover of an older log.

When deltas outgrow the checkpoint that they follow, it is time for a new one: what all checkpoints
of an update weigh together then stays within a few times the last one.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine import gojson
from engine.resource_state import Snapshot

# Smaller checkpoints are always written in full: the CLI then sees all that a killed run did.
LOG_ABOVE_BYTES = 128 * 1024

_LISTS = ("resources", "pending_operations")


@dataclass(frozen=True)
class Head:
    """The end of a log: what was saved last, and how many bytes may follow it."""

    snapshot: Snapshot
    digest: str
    room_bytes: int
    deltas: int = 0


def begun(snapshot: Snapshot, checkpoint: bytes, log_above_bytes: int) -> Head:
    """The log, still empty, of a checkpoint; without room if that is small."""
    room = len(checkpoint) if len(checkpoint) > log_above_bytes else 0
    return Head(snapshot, _digest(checkpoint), room)


def extended(head: Head, snapshot: Snapshot, difference: bytes) -> tuple[Head, bytes] | None:
    """The log with one more delta, and its text; None if there is no room for it."""
    delta = b'{"follows":"%s","state":%s}' % (head.digest.encode(), difference)
    room = head.room_bytes - len(delta)
    if room < 0:
        return None
    return replace(
        head,
        snapshot=snapshot,
        digest=_digest(delta),
        room_bytes=room,
        deltas=head.deltas + 1,
    ), delta


def difference(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """The JSON texts of a list, runs of what was there `before` as `[from, to]`."""
    positions = {text: index for index, text in enumerate(before)}
    items: list[str] = []
    start = end = 0

    def close_run() -> None:
        if end > start:
            items.append(f"[{start},{end}]")

    for text in after:
        position = positions.get(text)
        if position is not None and position == end > start:
            end += 1
            continue
        close_run()
        if position is None:
            items.append(text)
            start = end = 0
        else:
            start, end = position, position + 1
    close_run()
    return items


def replayed(checkpoint: bytes, deltas: Iterable[bytes]) -> bytes:
    """The checkpoint as it would be, had the last delta that follows been written in full."""
    digest, state = _digest(checkpoint), None
    for delta in deltas:
        try:
            link = json.loads(delta)
            follows, content = link["follows"], link["state"]
        except (ValueError, TypeError, KeyError):
            break  # cut off by a kill
        if follows != digest:
            break
        state = _applied(json.loads(checkpoint) if state is None else state, content)
        digest = _digest(delta)
    return checkpoint if state is None else gojson.dumps(state).encode()


def _applied(before: Mapping[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    olds, news = before["checkpoint"]["latest"], content["checkpoint"]["latest"]
    for name in _LISTS:
        if name in news:
            news[name] = list(_expanded(news[name], olds.get(name) or []))
    return content


def _expanded(items: Sequence[Any], before: Sequence[Any]) -> Iterator[Any]:
    for item in items:
        if isinstance(item, list):
            yield from before[slice(*item)]
        else:
            yield item


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
