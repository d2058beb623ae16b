"""Answers to a change of a project."""

from dataclasses import dataclass

import httpx2 as httpx

from automation.transport import read
from contracts.projects import Project, ProjectFields


@dataclass(frozen=True)
class Started:
    """A change that was accepted and goes on: the project now, and the operation to follow."""

    project: Project
    operation_id: str


def started(response: httpx.Response) -> Started:
    return Started(changed_project(response), operation_id(response))


def operation_id(response: httpx.Response) -> str:
    """Of the operation that makes the change; empty where there is none."""
    location: str = response.headers.get("Location", "")
    return location.rpartition("/")[2]


def changed_project(response: httpx.Response) -> Project:
    """From an answer whose `id` may be a number, as Supabase's tools want it after a change."""
    fields = read(ProjectFields, response)
    return Project(**fields.model_dump(), id=fields.ref)
