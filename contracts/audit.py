"""The audit log as two parties agree on it: an entry's canonical form, its link, a chain's check.

Owns the hash chain, so that an export can be verified without the server that made it. Must not
know where the log is kept, or who may read it.

Each row hashes its predecessor's hash, its own number and its entry. An edited, missing or moved
row breaks the chain; rows cut off at the end are missed against the head, which is kept apart. Who
can rewrite every later row *and* the head leaves a chain that is whole: against that, keep the
head that `croft audit verify` prints somewhere else, and give it back as the anchor.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel

from contracts.errors import InvalidInput
from contracts.pages import Pagination

GENESIS = bytes(32)
PROBLEMS_MAX = 100


class AuditEntry(BaseModel):
    """One change: who did what to what, from where, and what it was before and after."""

    at: datetime
    actor: str
    action: str
    target: str
    organization_id: str | None
    address: str
    request_id: str
    operation_id: str | None = None
    before: Any = None
    after: Any = None
    pulumi_update: Any = None


class AuditRow(BaseModel):
    """An entry with its link: a line of the export. The entry stays as it was hashed."""

    seq: int
    previous_hash: str
    hash: str
    entry: dict[str, Any]


class AuditPage(BaseModel):
    """Newest first."""

    data: list[AuditRow]
    pagination: Pagination


class AuditVerdict(BaseModel):
    """What a check of the chain found; `head` is what to keep elsewhere as an anchor."""

    rows: int
    head: str
    problems: list[str]


@dataclass(frozen=True)
class Head:
    """Number and hash of a row: the last one, or one that somebody wrote down."""

    seq: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash.hex()}"

    @classmethod
    def parse(cls, text: str) -> Self:
        seq, _, digest = text.partition(":")
        try:
            head = cls(int(seq), bytes.fromhex(digest))
        except ValueError:
            head = cls(-1, b"")
        if head.seq < 0 or len(head.hash) != len(GENESIS):
            raise InvalidInput(
                f"{text!r} is no anchor",
                code="anchor_invalid",
                fix="give the head that `croft audit verify` printed: NUMBER:HASH",
            )
        return head


@dataclass(frozen=True)
class Link:
    """One row of the chain; `text` is the entry in its canonical form."""

    seq: int
    previous_hash: bytes
    hash: bytes
    text: str

    @property
    def row(self) -> AuditRow:
        return AuditRow(
            seq=self.seq,
            previous_hash=self.previous_hash.hex(),
            hash=self.hash.hex(),
            entry=json.loads(self.text),
        )

    @classmethod
    def of(cls, row: AuditRow) -> Self:
        """Raises ValueError when a hash is none."""
        previous_hash, digest = bytes.fromhex(row.previous_hash), bytes.fromhex(row.hash)
        return cls(row.seq, previous_hash, digest, canonical(row.entry))


def canonical(entry: Mapping[str, Any]) -> str:
    """The one text of an entry: keys sorted, no spaces, UTF-8 as it is."""
    return json.dumps(
        entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def link_hash(previous_hash: bytes, seq: int, text: str) -> bytes:
    return hashlib.sha256(previous_hash + seq.to_bytes(8, "big") + text.encode()).digest()


def check_chain(links: Iterable[Link], head: Head, *, anchor: Head | None = None) -> AuditVerdict:
    """Every break between the first row and `head`, at most PROBLEMS_MAX of them."""
    problems: list[str] = []
    last = Head(0, GENESIS)
    anchored = anchor is None or anchor == last
    rows = 0
    for link in links:
        rows += 1
        problems += _problems_of(link, last) if len(problems) < PROBLEMS_MAX else []
        if anchor is not None and link.seq == anchor.seq:
            anchored = link.hash == anchor.hash
        last = Head(link.seq, link.hash)
    if last.seq != head.seq:
        problems.append(f"the log ends with row {last.seq}, but row {head.seq} was written last")
    elif last.hash != head.hash:
        problems.append(f"row {last.seq} is not the row that was written last")
    if not anchored:
        problems.append(f"row {anchor.seq if anchor else 0} is not the one of the anchor")
    return AuditVerdict(rows=rows, head=str(last), problems=problems[:PROBLEMS_MAX])


def _problems_of(link: Link, last: Head) -> list[str]:
    found = []
    if link.seq > last.seq + 1:
        found.append(f"rows {last.seq + 1} to {link.seq - 1} are missing")
    elif link.seq <= last.seq:
        found.append(f"row {link.seq} stands after row {last.seq}")
    elif link.previous_hash != last.hash:
        found.append(f"row {link.seq} does not follow from row {last.seq}")
    if link.hash != link_hash(link.previous_hash, link.seq, link.text):
        found.append(f"row {link.seq} was edited or moved")
    return found


def check_export(lines: Iterable[str], *, anchor: Head | None = None) -> AuditVerdict:
    """The same of an export, whose first line is the head, so that one that was cut short is
    missing rows. Raises InvalidInput for a file that is no export."""
    rest = iter(lines)
    try:
        head = Head.parse(json.loads(next(rest, ""))["head"])
        links = (Link.of(AuditRow.model_validate_json(line)) for line in rest if line.strip())
        return check_chain(links, head, anchor=anchor)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InvalidInput(
            "that is no export of the audit log",
            code="export_invalid",
            fix="write one with: croft audit export",
        ) from None
