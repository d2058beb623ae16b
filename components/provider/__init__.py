"""Our native Pulumi provider `croft`: types that have no public package.

Owns the list of its types. A package for the engine by shape alone (engine/provider.py describes
it); must not import the engine. The classes that programs use stand in `resources`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components.provider.gateway_route import GatewayRouteHandler
from components.provider.process import ProcessHandler
from components.provider.sql_migration import SqlMigrationHandler


@dataclass(frozen=True)
class CroftPackage:
    name: str = "croft"
    # Where `python -m engine` finds what stands in no state, by key of the provider's inputs.
    credential_variables: Mapping[str, str] = field(
        default_factory=lambda: {"username": "PGUSER", "password": "PGPASSWORD"}
    )
    handlers: Mapping[str, Any] = field(
        default_factory=lambda: {
            "croft:index:SqlMigration": SqlMigrationHandler(),
            "croft:index:Process": ProcessHandler(),
            "croft:index:GatewayRoute": GatewayRouteHandler(),
        }
    )


def handlers() -> CroftPackage:
    """Entry point `engine.providers`: croft."""
    return CroftPackage()
