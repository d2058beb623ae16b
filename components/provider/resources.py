"""The classes of the provider `croft` that programs use.

Owns their inputs and outputs. Must not know how a handler does its work.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from components.provider.sql_migration import latest_version


class Provider(pulumi.ProviderResource):
    """Where the handlers work: addresses only, credentials reach them another way."""

    def __init__(
        self,
        resource_name: str,
        *,
        host: str,
        port: int,
        supervisor_socket: str,
        routes: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        # Provider configuration is text, as the SDKs of bridged packages send it.
        props = {
            "host": host,
            "port": str(port),
            "supervisorSocket": supervisor_socket,
            "routes": routes,
        }
        super().__init__("croft", resource_name, props, opts)


class SqlMigration(pulumi.CustomResource):
    """A database brought to `version` of the SQL shipped with the product."""

    def __init__(
        self,
        resource_name: str,
        *,
        database: pulumi.Input[str],
        identifiers: Mapping[str, pulumi.Input[str]],
        literals: Mapping[str, pulumi.Input[Any]],
        version: int | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "database": database,
            "version": latest_version() if version is None else version,
            "identifiers": dict(identifiers),
            "literals": dict(literals),
        }
        super().__init__("croft:index:SqlMigration", resource_name, props, opts)

    @property
    @pulumi.getter
    def version(self) -> pulumi.Output[int]:
        found: pulumi.Output[int] = pulumi.get(self, "version")
        return found


class Process(pulumi.CustomResource):
    """A unit of the local supervisor, running. `files` is secret."""

    def __init__(
        self,
        resource_name: str,
        *,
        name: pulumi.Input[str],
        argv: Sequence[pulumi.Input[str]],
        health: Mapping[str, Any],
        env: Mapping[str, pulumi.Input[str]] | None = None,
        files: pulumi.Input[Mapping[str, str]] | None = None,
        cwd: str = "{home}",
        after: Sequence[str] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "name": name,
            "argv": list(argv),
            "health": dict(health),
            "env": dict(env or {}),
            "files": pulumi.Output.secret(files or {}),
            "cwd": cwd,
            "after": list(after),
        }
        super().__init__("croft:index:Process", resource_name, props, opts)

    @property
    @pulumi.getter
    def name(self) -> pulumi.Output[str]:
        found: pulumi.Output[str] = pulumi.get(self, "name")
        return found


class GatewayRoute(pulumi.CustomResource):
    """A file of Traefik's dynamic configuration. `config` is secret."""

    def __init__(
        self,
        resource_name: str,
        *,
        name: pulumi.Input[str],
        config: pulumi.Input[Mapping[str, Any]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {"name": name, "config": pulumi.Output.secret(config)}
        super().__init__("croft:index:GatewayRoute", resource_name, props, opts)

    @property
    @pulumi.getter
    def name(self) -> pulumi.Output[str]:
        found: pulumi.Output[str] = pulumi.get(self, "name")
        return found
