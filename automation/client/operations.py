"""Calls about operations: what runs, and following it to its end."""

from collections.abc import Callable, Iterator

from automation.operation_stream import follow
from automation.transport import Transport, read, segment
from contracts.errors import DeployFailed
from contracts.projects import Operation, OperationEvent, OperationPage


class OperationCalls:
    _at: Transport

    def operation(self, operation_id: str) -> Operation:
        answer = self._at.ask("GET", f"/v1/operations/{segment(operation_id)}")
        return read(Operation, answer)

    def operations(
        self,
        *,
        project_ref: str | None = None,
        status: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> OperationPage:
        """Newest first, a page at a time."""
        asked = {"project_ref": project_ref, "status": status, "limit": limit, "cursor": cursor}
        params = {name: value for name, value in asked.items() if value is not None}
        return read(OperationPage, self._at.ask("GET", "/v1/operations", params=params))

    def cancel_operation(self, operation_id: str) -> Operation:
        answer = self._at.ask("POST", f"/v1/operations/{segment(operation_id)}/cancel")
        return read(Operation, answer)

    def retry_operation(self, operation_id: str) -> Operation:
        answer = self._at.ask("POST", f"/v1/operations/{segment(operation_id)}/retry")
        return read(Operation, answer)

    def operation_events(
        self, operation_id: str, *, after_seq: int = 0, timeout_s: float = 900.0
    ) -> Iterator[OperationEvent]:
        """Every event after `after_seq`, each once, up to and including `end`: see `follow`."""
        return follow(self._at, operation_id, after_seq=after_seq, timeout_s=timeout_s)

    def wait(
        self,
        operation_id: str,
        *,
        on_event: Callable[[OperationEvent], None] = lambda event: None,
        timeout_s: float = 900.0,
    ) -> Operation:
        """The operation once it has finished. Raises DeployFailed with its error, TimedOut when it
        still runs after `timeout_s`, and whatever `on_event` raises."""
        for event in self.operation_events(operation_id, timeout_s=timeout_s):
            on_event(event)
        operation = self.operation(operation_id)
        if operation.status != "finished":
            error = operation.error or {}
            message = str(error.get("message") or f"operation {operation_id}: {operation.status}")
            raise DeployFailed(message, code=error.get("code"), fix=str(error.get("fix", "")))
        return operation
