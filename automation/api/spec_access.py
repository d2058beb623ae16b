"""How routes read and change a project's spec.

Owns the three headers that go with it: ETag, the spec's tag; If-Match, which one a change was made
from; Location, where the change is followed. Must not know which part of the spec a route is about.
"""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Response

from automation import plans
from automation.api.access import ActorOf, ContextOf
from automation.api.headers import IfMatch, accepted
from automation.api.turns import InTurn
from contracts.project_settings import ProjectSettings

SpecChange = Callable[[ProjectSettings], ProjectSettings]


def spec_of(ctx: ContextOf, ref: str, response: Response) -> ProjectSettings:
    spec, response.headers["ETag"] = plans.spec(ctx, ref)
    return spec


def same_spec_of(ctx: ContextOf, ref: str, if_match: IfMatch = None) -> ProjectSettings:
    """For a request that can change nothing: the spec, if it still is the one asked about."""
    return plans.unchanged(ctx, ref, if_match)


def alter_of(
    ctx: ContextOf,
    actor: ActorOf,
    ref: str,
    response: Response,
    _: InTurn,
    if_match: IfMatch = None,
) -> Callable[[SpecChange], ProjectSettings]:
    """A function that applies a change to the current spec, promises the result and returns it."""

    def alter(change: SpecChange) -> ProjectSettings:
        wanted, operation = plans.alter(ctx, actor, ref, change, made_from=if_match)
        accepted(response, operation)
        return wanted

    return alter


SpecOf = Annotated[ProjectSettings, Depends(spec_of)]
SameSpecOf = Annotated[ProjectSettings, Depends(same_spec_of)]
AlterOf = Annotated[Callable[[SpecChange], ProjectSettings], Depends(alter_of)]
