"""Where a project's own servers run: the only place that branches on the deployment target.

Owns the neutral description of a server that components hand to a target. A target makes it real
with the means of its platform.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pulumi


@dataclass(frozen=True)
class ServiceArgs:
    """One server of a project and how the gateway reaches it."""

    unit: str
    program: str
    """A program that the target knows how to obtain, e.g. `postgrest`."""
    arguments: Sequence[str]
    files: pulumi.Input[Mapping[str, str]]
    """Secret texts that lie in the folder where the program runs: name -> text."""
    port: int
    ready_path: str
    """HTTP path that answers below 500 once the server can work."""
    route: str
    routes: Callable[[str], pulumi.Input[Mapping[str, Any]]]
    """Given the server's internal URL, the configuration of Traefik, every target's gateway."""


class Target(Protocol):
    def service(
        self, name: str, args: ServiceArgs, opts: pulumi.ResourceOptions
    ) -> pulumi.Output[str]:
        """Make the server and its routes; the output is its internal URL, known once it runs."""
        ...


def target_for(name: str) -> Target:
    if name == "local":
        from components.targets.local import LocalTarget

        return LocalTarget()
    raise ValueError(f"unknown deployment target {name!r}; known: local")
