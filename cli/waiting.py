"""Waiting for an operation: progress until it ends, and what its end means.

Owns the exit codes of waiting: 4 failed, 7 still running, 130 Ctrl-C. Must not know what the
operation does.
"""

from collections.abc import Iterable
from typing import Any

from rich.console import Console

from automation.client import Client, Started
from cli.errors import stderr_console
from cli.progress import follow
from cli.render import Output, View, print_line, print_view
from contracts.errors import DeployFailed, TimedOut
from contracts.projects import Operation, OperationEvent, Project

TIMEOUT_S = 600.0


def conclude(
    client: Client, started: Started, *, verb: str, wait: bool, timeout_s: float, output: Output
) -> None:
    """What most changes of a project end with: wait unless told not to, then print the project."""
    ref = started.project.ref
    if wait:
        title = f"{verb} {ref}"
        wait_for(client, started.operation_id, title=title, timeout_s=timeout_s, output=output)
        print_view(summary(client.project(ref)), output)
    else:
        print_view(summary(started.project) | {"operation_id": started.operation_id}, output)


def settled(
    client: Client, operation: Operation, *, wait: bool, timeout_s: float, output: Output
) -> Operation:
    """The operation once it has finished, or as it is where nobody waits."""
    if not wait:
        return operation
    title = f"{operation.kind} {operation.project_ref}"
    wait_for(client, operation.id, title=title, timeout_s=timeout_s, output=output)
    return client.operation(operation.id)


def summary(project: Project) -> dict[str, Any]:
    """The fields by which a person goes on after a change."""
    view = project.model_dump(mode="json")
    return {name: view[name] for name in ("ref", "name", "status", "api_url", "api_host_url")}


def wait_for(
    client: Client,
    operation_id: str,
    *,
    title: str,
    timeout_s: float,
    output: Output = Output.table,
    silent: bool = False,
) -> None:
    """Return when the operation has finished. Progress goes to stderr, with `ndjson` the events to
    stdout; `silent` is for what only looks, of which the result is all there is to tell. Raises
    DeployFailed or TimedOut."""
    console = stderr_console()
    resume = f"croft operations watch {operation_id}"
    events = client.operation_events(operation_id, timeout_s=timeout_s)
    try:
        if silent:
            end = _ignore(events, title, console)
        else:
            end = _relay(events) if output is Output.ndjson else follow(events, title, console)
    except KeyboardInterrupt:
        console.print(f"still running; watch it with: {resume}", markup=False)
        raise
    except TimedOut as error:
        raise TimedOut(error.message, code=error.code, fix=f"watch it with: {resume}") from error
    if end is None:
        message = f"the events of operation {operation_id} stopped before its end"
        raise TimedOut(message, fix=f"watch it with: {resume}")
    if end.get("status") != "finished":
        raise _failure(operation_id, end)


def _relay(events: Iterable[OperationEvent]) -> View | None:
    """For programs: every event as it is, a line each. Returns the end's data."""
    for event in events:
        print_line(event.model_dump(mode="json"))
        if event.kind == "end":
            return event.data
    return None


def _ignore(events: Iterable[OperationEvent], title: str, console: Console) -> View | None:
    """A terminal shows that something goes on, nothing else is told anything."""
    with console.status(title):
        return next((event.data for event in events if event.kind == "end"), None)


def _failure(operation_id: str, end: View) -> DeployFailed:
    error: dict[str, Any] = end.get("error") or {}
    return DeployFailed(
        str(error.get("message") or f"operation {operation_id}: {end.get('status')}"),
        code=error.get("code"),
        fix=str(error.get("fix") or f"see: croft operations get {operation_id}"),
    )
