"""Progress on a terminal and elsewhere."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console

from cli.progress import follow
from contracts.projects import OperationEvent

START = datetime(2026, 11, 22, tzinfo=UTC)
COMPONENT = "basecroft:index:Database"
CHILD = "postgresql:index/role:Role"


def _events(*told: tuple[str, dict[str, Any]]) -> Iterator[OperationEvent]:
    for seq, (kind, data) in enumerate(told, start=1):
        at = START + timedelta(seconds=seq)
        yield OperationEvent(seq=seq, kind=kind, data=data, at=at)


def _resource(state: str, path: str, name: str, op: str = "create") -> tuple[str, dict[str, Any]]:
    urn = f"urn:pulumi:ref::basecroft::{path}::{name}"
    kind = path.rpartition("$")[2]
    return "resource", {"op": op, "type": kind, "name": name, "urn": urn, "state": state}


STORY = (
    ("step", {"name": "up_stack"}),
    _resource("started", "pulumi:pulumi:Stack", "basecroft-ref"),
    _resource("started", COMPONENT, "database"),
    _resource("started", f"{COMPONENT}${CHILD}", "postgres"),
    ("diagnostic", {"severity": "warning", "message": "careful\x1b[2J\nplease [b]"}),
    _resource("done", f"{COMPONENT}${CHILD}", "postgres"),
    _resource("failed", f"{COMPONENT}${CHILD}", "authenticator"),
    _resource("done", COMPONENT, "database"),
    ("summary", {"changes": {"create": 2, "same": 0}}),
    ("end", {"status": "failed", "error": None}),
)


def _shown(*, terminal: bool, environ: dict[str, str] | None = None) -> str:
    out = io.StringIO()
    console = Console(
        file=out,
        force_terminal=terminal,
        width=100,
        soft_wrap=True,
        highlight=False,
        _environ={"TERM": "xterm-256color", **(environ or {})},
    )
    end = follow(_events(*STORY), title="create ref", console=console)
    assert end == {"status": "failed", "error": None}
    return out.getvalue()


def test_plain_lines_elsewhere() -> None:
    assert _shown(terminal=False).splitlines() == [
        "create ref",
        "step up_stack",
        "warning: careful [2J please [b]",
        f"created {CHILD} postgres 2.0 s",
        f"FAILED to create {CHILD} authenticator 0.0 s",
        f"created {COMPONENT} database 5.0 s",
        "2 created",
    ]


def test_a_tree_on_a_terminal() -> None:
    shown = _shown(terminal=True)
    assert "\x1b[2J" not in shown
    final = shown[shown.rindex("create ref") :]
    assert "└── " in final
    assert final.index("database") < final.index("postgres") < final.index("authenticator")
    assert "pulumi:pulumi:Stack" not in final


def test_no_color_is_honored() -> None:
    assert "\x1b[36m" in _shown(terminal=True)
    assert "\x1b[36m" not in _shown(terminal=True, environ={"NO_COLOR": "1"})


def test_a_stream_without_an_end_is_told_apart() -> None:
    assert follow(iter(()), title="x", console=Console(file=io.StringIO())) is None
