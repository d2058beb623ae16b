"""All of a project's configuration in one answer: the views of its services put together.

Owns which blocks there are. Must not know HTTP, nor where the spec is from.
"""

from automation import project_config
from contracts.project_config import AllowedNetworks
from contracts.project_settings import ProjectSettings
from contracts.whole_config import (
    ConfigBlocks,
    DatabaseBlock,
    Network,
    NetworkRules,
    WholeConfig,
    WholeConfigData,
)


def whole(ref: str, settings: ProjectSettings, server_version: str) -> WholeConfig:
    networks = project_config.network_restrictions()
    database = DatabaseBlock(
        major_version=int(server_version.partition(".")[0]),
        ssl_enforced=False,
        network_restrictions=NetworkRules(
            entitlement=networks.entitlement,
            status=networks.status,
            allowed_cidrs=_listed(networks.config),
        ),
        postgres_settings=project_config.postgres(settings).model_dump(),
    )
    blocks = ConfigBlocks(
        database=database,
        auth=project_config.auth(settings).root,
        api=project_config.rest(settings),
    )
    return WholeConfig(data=WholeConfigData(id=ref, attributes=blocks))


def _listed(networks: AllowedNetworks) -> list[Network]:
    return [
        *(Network(address=each, type="v4") for each in networks.dbAllowedCidrs),
        *(Network(address=each, type="v6") for each in networks.dbAllowedCidrsV6),
    ]
