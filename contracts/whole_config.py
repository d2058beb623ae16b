"""All of a project's configuration in one answer, as /v2 of Supabase's Management API has it.

Owns its shape. A block of a service that this platform has not is left out: Supabase's tools say so
and change nothing in it. Must not know where a value comes from.
"""

from typing import Any, Literal

from pydantic import BaseModel

from contracts.project_config import RestConfig


class Network(BaseModel):
    address: str
    type: Literal["v4", "v6"]


class NetworkRules(BaseModel):
    entitlement: Literal["disallowed", "allowed"]
    status: Literal["stored", "applied"]
    allowed_cidrs: list[Network]


class DatabaseBlock(BaseModel):
    major_version: int
    ssl_enforced: bool
    network_restrictions: NetworkRules
    postgres_settings: dict[str, int]


class ConfigBlocks(BaseModel):
    database: DatabaseBlock
    auth: dict[str, Any]
    api: RestConfig


class WholeConfigData(BaseModel):
    type: Literal["project_config"] = "project_config"
    id: str
    attributes: ConfigBlocks


class WholeConfig(BaseModel):
    """GET /v2/projects/{ref}/config."""

    data: WholeConfigData
