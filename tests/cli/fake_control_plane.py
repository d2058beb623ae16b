"""A control plane behind the HTTP transport: the client is real, the network is not.

Answers in the API's shapes. What is remembered is only what these tests look at.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2

from automation.client import Client
from contracts.project_settings import ProjectSettings
from contracts.refs import new_ref

AT = "2026-11-22T12:00:00Z"
HISTORY = [
    {"version": 2, "kind": "refresh", "result": "failed", "started_at": AT, "finished_at": None,
     "changes": {}},
    {"version": 1, "kind": "up", "result": "succeeded", "started_at": AT, "finished_at": AT,
     "changes": {"create": 31}},
]  # fmt: skip


@dataclass
class FakeControlPlane:
    projects: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[httpx2.Request] = field(default_factory=list)
    plan: dict[str, Any] = field(default_factory=lambda: {"changes": {"same": 3}, "resources": []})
    spec: dict[str, Any] = field(default_factory=lambda: ProjectSettings().model_dump())
    end: dict[str, Any] = field(default_factory=lambda: {"status": "finished", "error": None})
    answer: Callable[[httpx2.Request], httpx2.Response | None] = lambda request: None

    def client(self) -> Client:
        """Makes this a `Caller`."""
        transport = httpx2.MockTransport(self._handle)
        return Client("http://control.test", "sbp_" + "0" * 40, transport=transport)

    def add_project(self, name: str, ref: str | None = None) -> str:
        ref = ref or new_ref()
        self.projects[ref] = {
            "id": ref,
            "ref": ref,
            "organization_id": "1",
            "organization_slug": "default",
            "name": name,
            "region": "local",
            "created_at": AT,
            "status": "ACTIVE_HEALTHY",
            "database": {"host": "127.0.0.1", "version": "18.4", "postgres_engine": "18"},
            "api_url": f"http://127.0.0.1:54321/p/{ref}",
            "api_host_url": f"http://{ref}.localhost:54321",
        }
        return ref

    def methods(self) -> list[str]:
        return [f"{request.method} {request.url.path}" for request in self.requests]

    def _handle(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        special = self.answer(request)
        if special is not None:
            return special
        match [request.method, *request.url.path.strip("/").split("/")[1:]]:
            case ["GET", "projects"]:
                return httpx2.Response(200, json=list(self.projects.values()))
            case ["POST", "projects"]:
                ref = self.add_project(json.loads(request.content)["name"])
                return self._started(201, ref, "create")
            case ["GET", "projects", ref] if ref in self.projects:
                return httpx2.Response(200, json=self.projects[ref])
            case ["DELETE", "projects", ref] if ref in self.projects:
                return self._started(200, ref, "destroy")
            case ["GET", "projects", ref, "connection"] if ref in self.projects:
                return httpx2.Response(200, json=self._connection(ref))
            case ["GET", "projects", ref, "spec"] if ref in self.projects:
                return httpx2.Response(200, json=self.spec, headers={"ETag": '"1"'})
            case ["PUT", "projects", ref, "spec"]:
                return httpx2.Response(202, json=self._operation(f"update-{ref}"))
            case ["POST", "projects", ref, "preview" | "refresh" as verb]:
                return httpx2.Response(202, json=self._operation(f"{verb}-{ref}"))
            case ["GET", "projects", ref, "history"]:
                return httpx2.Response(200, json=HISTORY)
            case ["GET", "projects", ref, "outputs"]:
                return httpx2.Response(200, json={"bucket": f"p-{ref}", "rest_port": 54500})
            case ["GET", "projects", ref, "export"]:
                return httpx2.Response(200, json={"version": 3, "deployment": {"resources": []}})
            case ["GET", "operations", operation_id]:
                return httpx2.Response(200, json=self._operation(operation_id))
            case ["GET", "operations", _, "events"]:
                headers = {"content-type": "text/event-stream"}
                return httpx2.Response(200, headers=headers, content=b"".join(self._events()))
        return problem(404, "project_not_found", "no project of that ref", "croft projects list")

    def _started(self, status: int, ref: str, kind: str) -> httpx2.Response:
        headers = {"Location": f"/v1/operations/{kind}-{ref}"}
        return httpx2.Response(status, json=self.projects[ref], headers=headers)

    def _connection(self, ref: str) -> dict[str, Any]:
        return {
            "ref": ref,
            "api_url": self.projects[ref]["api_url"],
            "anon_key": "anon.public.key",
            "service_role_key": "service.secret.key",
            "db_url": f"postgresql://{ref}_postgres:s3cret@127.0.0.1:54322/{ref}",
        }

    def _operation(self, operation_id: str) -> dict[str, Any]:
        kind, _, ref = operation_id.partition("-")
        return {
            "id": operation_id,
            "kind": kind,
            "project_ref": ref,
            "result": self.plan,
            "created_at": AT,
            "finished_at": AT,
            **self.end,
        }

    def _events(self) -> Iterator[bytes]:
        urn = "urn:pulumi:s::basecroft::postgresql:index/database:Database::database"
        database = {"op": "create", "type": "postgresql:index/database:Database", "urn": urn}
        events: list[tuple[str, dict[str, Any]]] = [
            ("step", {"name": "up_stack"}),
            ("resource", {**database, "name": "database", "state": "started"}),
            ("resource", {**database, "name": "database", "state": "done"}),
            ("summary", {"changes": {"create": 1}}),
            ("end", self.end),
        ]
        for seq, (kind, data) in enumerate(events, start=1):
            event = {"seq": seq, "kind": kind, "data": data, "at": AT}
            yield f"id: {seq}\nevent: {kind}\ndata: {json.dumps(event)}\n\n".encode()


def problem(status: int, code: str, message: str, fix: str = "") -> httpx2.Response:
    body = {"code": code, "message": message, "fix": fix, "request_id": "req-1"}
    return httpx2.Response(status, json=body)
