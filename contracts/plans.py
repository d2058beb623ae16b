"""What the Management API says of a project's spec and of what was done to its stack.

Owns these views. Must not know Pulumi's own: a stack's history and checkpoint come from
`automation.pulumi` already in these forms.
"""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from contracts.project_settings import ProjectSettings


class PlanRequest(BaseModel):
    """Body of POST /v1/projects/{ref}/preview."""

    model_config = ConfigDict(extra="forbid")

    spec: ProjectSettings | None = None
    """The settings to try; without them those that the project has."""


class ResourceChange(BaseModel):
    """One resource in a plan; `properties` are the names of what differs, since values may be
    secret."""

    op: str
    type: str
    name: str
    urn: str
    properties: list[str] = []


class Plan(BaseModel):
    """The result of a preview or refresh."""

    changes: dict[str, int]
    """How many resources by what would happen to them: create, update, replace, delete, same."""
    resources: list[ResourceChange]

    def changed(self) -> list[ResourceChange]:
        """In an order that does not depend on which server answered first."""
        return sorted((r for r in self.resources if r.op not in UNCHANGED), key=lambda r: r.urn)


UNCHANGED = frozenset({"same", "read", "refresh"})


class Update(BaseModel):
    """One update of a project's stack, as Pulumi keeps it."""

    version: int
    kind: str
    """up, refresh or destroy; Pulumi calls an up "update"."""
    result: str
    started_at: datetime
    finished_at: datetime | None
    changes: dict[str, int]


class Checkpoint(BaseModel):
    """A stack's state in the form that `pulumi stack import` takes."""

    version: int
    deployment: dict[str, Any]
