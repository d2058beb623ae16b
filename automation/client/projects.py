"""Calls about projects: from create to destroy, and what comes in between."""

from collections.abc import Mapping
from typing import Any

from automation.client.answers import Started, changed_project, operation_id, started
from automation.client.bodies import valid
from automation.transport import Transport, read, segment
from contracts.project_database import GeneratedTypes
from contracts.project_keys import AdoptedKeys
from contracts.projects import Connection, DefaultProject, Operation, Project, ProjectCreate
from contracts.usage import ProjectUsage

# Longer than the API lets a query run.
QUERY_TIMEOUT_S = 90.0


class ProjectCalls:
    _at: Transport

    def projects(self) -> list[Project]:
        return list(self._at.pages(Project, "/v1/projects"))

    def project(self, ref: str) -> Project:
        return read(Project, self._at.ask("GET", f"/v1/projects/{segment(ref)}"))

    def create_project(
        self,
        name: str,
        *,
        organization_slug: str | None = None,
        db_pass: str | None = None,
        keys: AdoptedKeys | None = None,
    ) -> Started:
        wanted = valid(
            ProjectCreate,
            name=name,
            organization_slug=organization_slug,
            db_pass=db_pass,
            keys=keys,
        )
        body = wanted.model_dump(exclude_none=True)
        return started(self._at.ask("POST", "/v1/projects", json=body))

    def destroy_project(self, ref: str, *, now: bool = False) -> Started:
        path = f"/v1/projects/{segment(ref)}"
        return started(self._at.ask("DELETE", path, params={"now": now}))

    def pause_project(self, ref: str) -> Started:
        return started(self._at.ask("POST", f"/v1/projects/{segment(ref)}/pause"))

    def restore_project(self, ref: str) -> Started:
        return started(self._at.ask("POST", f"/v1/projects/{segment(ref)}/restore"))

    def rename_project(self, ref: str, name: str) -> Project:
        answer = self._at.ask("PATCH", f"/v1/projects/{segment(ref)}", json={"name": name})
        return changed_project(answer)

    def restart_project(self, ref: str) -> Operation:
        return read(Operation, self._at.ask("POST", f"/v1/projects/{segment(ref)}/restart"))

    def transfer_project(self, ref: str, organization_slug: str) -> Operation:
        path = f"/v1/projects/{segment(ref)}/transfer"
        answer = self._at.ask("POST", path, json={"organization_slug": organization_slug})
        return read(Operation, answer)

    def connection(self, ref: str) -> Connection:
        answer = self._at.ask("GET", f"/v1/projects/{segment(ref)}/connection")
        return read(Connection, answer)

    def environment(self, ref: str) -> dict[str, str]:
        """Variables by name, in clear."""
        answer = self._at.ask("GET", f"/v1/projects/{segment(ref)}/environment")
        return read(dict[str, str], answer)

    def set_default_project(self, ref: str) -> DefaultProject:
        path = f"/v1/projects/{segment(ref)}/default"
        return read(DefaultProject, self._at.ask("PUT", path))

    def unset_default_project(self, ref: str) -> DefaultProject:
        path = f"/v1/projects/{segment(ref)}/default"
        return read(DefaultProject, self._at.ask("DELETE", path))

    def usage(self, ref: str) -> ProjectUsage:
        return read(ProjectUsage, self._at.ask("GET", f"/v1/projects/{segment(ref)}/usage"))

    def config(self, ref: str, path: str) -> dict[str, Any]:
        """The settings at a path below the project's, in Supabase's words."""
        return read(dict[str, Any], self._at.ask("GET", f"/v1/projects/{segment(ref)}/{path}"))

    def change_config(
        self, ref: str, method: str, path: str, values: Mapping[str, Any]
    ) -> tuple[dict[str, Any], str]:
        """The settings to come, and the id of the operation that brings them about, if there is
        one."""
        answer = self._at.ask(method, f"/v1/projects/{segment(ref)}/{path}", json=dict(values))
        told = read(dict[str, Any], answer) if answer.content else self.config(ref, path)
        return told, operation_id(answer)

    def query(self, ref: str, sql: str, *, read_only: bool = False) -> list[dict[str, Any]]:
        """The rows of the last statement."""
        path = f"/v1/projects/{segment(ref)}/database/query"
        body = {"query": sql, "read_only": read_only}
        answer = self._at.ask("POST", path, json=body, timeout=QUERY_TIMEOUT_S)
        return read(list[dict[str, Any]], answer)

    def typescript_types(self, ref: str, *, schemas: str) -> str:
        path = f"/v1/projects/{segment(ref)}/types/typescript"
        answer = self._at.ask("GET", path, params={"included_schemas": schemas})
        return read(GeneratedTypes, answer).types
