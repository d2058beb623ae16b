"""Waiting for an operation: progress on stderr until it ends, and what its end means.

Owns the exit codes of waiting: 4 failed, 7 still running, 130 Ctrl-C. Must not know what the
operation does.
"""

from typing import Any

from automation.client import Client
from cli.errors import stderr_console
from cli.progress import follow
from contracts.errors import DeployFailed, TimedOut

TIMEOUT_S = 600.0


def wait_for(client: Client, operation_id: str, *, title: str, timeout_s: float) -> None:
    """Return when the operation has finished. Raises DeployFailed or TimedOut."""
    console = stderr_console()
    resume = f"croft operations watch {operation_id}"
    try:
        end = follow(
            client.operation_events(operation_id, timeout_s=timeout_s), title=title, console=console
        )
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


def _failure(operation_id: str, end: dict[str, Any]) -> DeployFailed:
    error: dict[str, Any] = end.get("error") or {}
    return DeployFailed(
        str(error.get("message") or f"operation {operation_id}: {end.get('status')}"),
        code=error.get("code"),
        fix=str(error.get("fix") or f"see: croft operations get {operation_id}"),
    )
