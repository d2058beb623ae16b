"""An operation's events on stderr: a live tree of resources on a terminal, plain lines elsewhere.

Owns how progress looks. Must not know where events come from or what follows from their end.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text
from rich.tree import Tree

from cli.errors import one_line
from cli.plan_view import type_path
from contracts.projects import OperationEvent

_DONE_WORDS = {
    "create": "created",
    "delete": "deleted",
    "update": "updated",
    "replace": "replaced",
    "same": "unchanged",
    "refresh": "looked at",
}
_MARKS = {"create": "+", "update": "~", "replace": "+-", "delete": "-"}


class _Display(Protocol):
    def show(self, event: OperationEvent) -> None: ...


def follow(events: Iterable[OperationEvent], title: str, console: Console) -> dict[str, Any] | None:
    """Show events until the operation ends. Returns the end's data, or None if the stream stops."""
    display: _Display
    live: AbstractContextManager[Any]
    if console.is_terminal:
        display = _TreeDisplay(title, console)
        live = Live(display, console=console, refresh_per_second=8)
    else:
        display, live = _LineDisplay(console), nullcontext()
        console.print(Text(title))
    with live:
        for event in events:
            if not _is_plumbing(event):
                display.show(event)
            if event.kind == "end":
                return event.data
    return None


def _is_plumbing(event: OperationEvent) -> bool:
    """The stack itself and its providers: nothing that the project consists of."""
    return str(event.data.get("type", "")).startswith("pulumi:")


class _LineDisplay:
    """For pipes and CI logs: one line when something is finished, nothing that moves."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started_at: dict[str, datetime] = {}

    def show(self, event: OperationEvent) -> None:
        line = self._line(event)
        if line:
            self._console.print(Text(line))

    def _line(self, event: OperationEvent) -> str:
        data = event.data
        match event.kind:
            case "step":
                return f"step {data.get('name', '')}"
            case "diagnostic":
                return _diagnostic(data)
            case "summary":
                return _summary(data)
            case "resource" if data.get("state") == "started":
                self._started_at[data["urn"]] = event.at
                return ""
            case "resource" if data.get("op") == "same":
                return ""  # the summary counts them
            case "resource":
                started_at = self._started_at.get(data["urn"], event.at)
                seconds = (event.at - started_at).total_seconds()
                return f"{_verb(data)} {data['type']} {data['name']} {seconds:.1f} s"
            case _:
                return ""


@dataclass
class _Branch:
    data: dict[str, Any]
    started_at: datetime
    spinner: Spinner
    ended_at: datetime | None = None
    children: list["_Branch"] = field(default_factory=list)


class _TreeDisplay:
    """For people: resources under the component they belong to, each with its state and time."""

    def __init__(self, title: str, console: Console) -> None:
        self._title = title
        self._console = console
        self._phase = ""
        self._roots: list[_Branch] = []
        self._by_urn: dict[str, _Branch] = {}
        self._by_type: dict[str, _Branch] = {}

    def show(self, event: OperationEvent) -> None:
        match event.kind:
            case "step":
                self._phase = str(event.data.get("name", ""))
            case "resource":
                self._resource(event)
            case "diagnostic":
                self._console.print(Text(_diagnostic(event.data), style="yellow"))
            case "summary":
                self._phase = _summary(event.data)
            case "end":
                self._phase = str(event.data.get("status", ""))

    def _resource(self, event: OperationEvent) -> None:
        data = event.data
        branch = self._by_urn.get(data["urn"])
        if branch is None:
            branch = _Branch(data, event.at, Spinner("dots", style="cyan"))
            self._by_urn[data["urn"]] = branch
            parent_type, _, _ = type_path(data["urn"]).rpartition("$")
            parent = self._by_type.get(parent_type)
            (parent.children if parent else self._roots).append(branch)
            self._by_type.setdefault(type_path(data["urn"]), branch)
        branch.data = data
        if data.get("state") != "started":
            branch.ended_at = event.at

    def __rich__(self) -> Tree:
        phase = f"  {self._phase}" if self._phase else ""
        root = Tree(Text.assemble((self._title, "bold"), (phase, "dim")), guide_style="dim")
        for branch in self._roots:
            _grow(root, branch)
        return root


def _grow(tree: Tree, branch: _Branch) -> None:
    data = branch.data
    label = Text.assemble((str(data["type"]), "cyan"), f" {data['name']}")
    if branch.ended_at is None:
        branch.spinner.update(text=label)
        node = tree.add(branch.spinner)
    else:
        failed = data.get("state") == "failed"
        seconds = (branch.ended_at - branch.started_at).total_seconds()
        mark = ("x ", "bold red") if failed else (f"{_MARKS.get(str(data['op']), '=')} ", "green")
        node = tree.add(
            Text.assemble(
                mark, label, (f" {_verb(data)}, {seconds:.1f} s", "red" if failed else "dim")
            )
        )
    for child in branch.children:
        _grow(node, child)


def _verb(data: dict[str, Any]) -> str:
    op = str(data.get("op", ""))
    if data.get("state") == "failed":
        return f"FAILED to {op}"
    return _DONE_WORDS.get(op, op)


def _diagnostic(data: dict[str, Any]) -> str:
    return f"{data.get('severity', 'info')}: {one_line(str(data.get('message', '')))}"


def _summary(data: dict[str, Any]) -> str:
    changes: dict[str, int] = data.get("changes") or {}
    words = (f"{count} {_DONE_WORDS.get(op, op)}" for op, count in changes.items() if count)
    return ", ".join(words) or "no changes"
