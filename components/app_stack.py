"""basecroft:index:AppStack: the servers that belong to one project alone; so far its PostgREST.

Owns what runs for a project and what the gateway lets through to it. Where it runs is the target's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

import pulumi

from components.gateway import GatewayKey, RestRoute, rest_routes
from components.postgrest import PostgrestConfig, config_files, jwks
from components.targets import ServiceArgs, Target
from contracts.api_keys import probe_key
from contracts.project_keys import counted_as
from contracts.refs import ProjectNames

# Not in the schema cache, so answered without the database; 503 until that cache is loaded.
READY_PATH = "/rpc/croft_ready"
_ROLES = ("anon", "service_role")


@dataclass(frozen=True)
class AppStackArgs:
    ref: str
    target: Target
    api_url: str
    api_host_url: str
    database_host: str
    database_port: int
    database: pulumi.Input[str]
    authenticator: pulumi.Input[str]
    authenticator_password: pulumi.Input[str]
    jwt_secrets: Sequence[pulumi.Input[str]]
    """Of these and the keys below: those that are accepted, the one in use first."""
    api_generations: Sequence[int]
    """Of these too."""
    public_jwks: tuple[dict[str, str], ...]
    anon_keys: Sequence[pulumi.Input[str]]
    service_role_keys: Sequence[pulumi.Input[str]]
    issued_keys: pulumi.Input[dict[str, dict[str, str]]]
    """Publishable and secret keys by id, by the role that they let in as."""
    legacy_keys: bool
    """Whether anon and service_role keys let in too."""
    rest_port: int
    rest_generation: int
    rest_max_rows: int
    rest_pool: int
    rest_schemas: tuple[str, ...]
    rest_extra_search_path: tuple[str, ...]


class AppStack(pulumi.ComponentResource):
    """Provider needed: those of the target."""

    rest_url: pulumi.Output[str]

    def __init__(
        self, name: str, args: AppStackArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("basecroft:index:AppStack", name, {"ref": args.ref}, opts)
        names = ProjectNames(args.ref)
        service = ServiceArgs(
            unit=names.rest_unit_of(args.rest_generation),
            program="postgrest",
            arguments=["postgrest.conf"],
            files=_files(args),
            port=args.rest_port,
            ready_path=READY_PATH,
            route=names.route,
            routes=partial(_routes, args),
        )
        self.rest_url = args.target.service("rest", service, pulumi.ResourceOptions(parent=self))
        self.register_outputs({"rest_url": self.rest_url})


def _files(args: AppStackArgs) -> pulumi.Output[dict[str, str]]:
    def build(values: dict[str, Any]) -> dict[str, str]:
        config = PostgrestConfig(
            host=args.database_host,
            port=args.database_port,
            database=values["database"],
            authenticator=values["authenticator"],
            rest_port=args.rest_port,
            max_rows=args.rest_max_rows,
            pool=args.rest_pool,
            schemas=args.rest_schemas,
            extra_search_path=args.rest_extra_search_path,
            public_url=f"{args.api_url}/rest/v1",
        )
        return config_files(
            config,
            authenticator_password=values["password"],
            key_ring=jwks(values["jwt_secrets"], args.public_jwks),
        )

    return pulumi.Output.all(
        database=args.database,
        authenticator=args.authenticator,
        password=args.authenticator_password,
        jwt_secrets=pulumi.Output.all(*args.jwt_secrets),
    ).apply(build)


def _routes(args: AppStackArgs, url: str) -> pulumi.Output[dict[str, Any]]:
    def build(values: dict[str, Any]) -> dict[str, Any]:
        # Role tokens themselves, the one in use first.
        legacy: dict[str, list[str]] = {role: values[role] for role in _ROLES}
        legacy_keys = [
            GatewayKey(text, role, counted_as(generation))
            for role, texts in legacy.items()
            for generation, text in zip(args.api_generations, texts, strict=True)
        ]
        return rest_routes(
            RestRoute(
                ref=args.ref,
                host=urlsplit(args.api_host_url).hostname or "",
                url=url,
                # The legacy keys are role tokens themselves.
                role_tokens={role: tokens[0] for role, tokens in legacy.items()},
                keys=[
                    *(legacy_keys if args.legacy_keys else []),
                    *(
                        GatewayKey(text, role, id)
                        for role, by_id in values["issued"].items()
                        for id, text in by_id.items()
                    ),
                ],
                probe_key=probe_key(values["jwt_secret"]),
                refused_tokens=[] if args.legacy_keys else [*chain(*legacy.values())],
            )
        )

    return pulumi.Output.all(
        jwt_secret=args.jwt_secrets[0],
        anon=pulumi.Output.all(*args.anon_keys),
        service_role=pulumi.Output.all(*args.service_role_keys),
        issued=args.issued_keys,
    ).apply(build)
