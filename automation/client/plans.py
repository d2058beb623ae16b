"""Calls about a project's settings and its stack: what is wanted, what would change, what did."""

from typing import Any

from automation.transport import Transport, read, segment
from contracts.plans import Checkpoint, PlanRequest, Update
from contracts.project_settings import ProjectSettings
from contracts.projects import Operation


class PlanCalls:
    _at: Transport

    def spec(self, ref: str) -> tuple[ProjectSettings, str]:
        """The project's settings, and the tag to give back with a change that is made from them."""
        answer = self._at.ask("GET", f"/v1/projects/{segment(ref)}/spec")
        return read(ProjectSettings, answer), answer.headers.get("ETag", "")

    def update_project(
        self, ref: str, wanted: ProjectSettings, *, made_from: str = ""
    ) -> Operation:
        """Raises SpecChanged when the settings are no longer those with the tag `made_from`."""
        headers = {"If-Match": made_from} if made_from else {}
        body = wanted.model_dump(mode="json")
        path = f"/v1/projects/{segment(ref)}/spec"
        return read(Operation, self._at.ask("PUT", path, json=body, headers=headers))

    def preview(self, ref: str, wanted: ProjectSettings | None = None) -> Operation:
        """What an update to `wanted` would change: the operation's result, once it has ended."""
        body = PlanRequest(spec=wanted).model_dump(mode="json")
        return read(
            Operation, self._at.ask("POST", f"/v1/projects/{segment(ref)}/preview", json=body)
        )

    def refresh(self, ref: str) -> Operation:
        return read(Operation, self._at.ask("POST", f"/v1/projects/{segment(ref)}/refresh"))

    def history(self, ref: str) -> list[Update]:
        return read(list[Update], self._at.ask("GET", f"/v1/projects/{segment(ref)}/history"))

    def outputs(self, ref: str) -> dict[str, Any]:
        return read(dict[str, Any], self._at.ask("GET", f"/v1/projects/{segment(ref)}/outputs"))

    def export(self, ref: str, *, show_secrets: bool = False) -> Checkpoint:
        path = f"/v1/projects/{segment(ref)}/export"
        answer = self._at.ask("GET", path, params={"show_secrets": show_secrets})
        return read(Checkpoint, answer)
