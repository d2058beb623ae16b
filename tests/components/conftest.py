"""One PostgreSQL and one Traefik for all tests of components; two projects, each with PostgREST."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.components.servers import (
    Cluster,
    Gateway,
    Project,
    cluster_in,
    gateway_in,
    postgrest_of,
    project_in,
)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    # Not pytest's own folder: the server's user may not enter root's.
    with tempfile.TemporaryDirectory(prefix="croft-pg-") as folder, cluster_in(Path(folder)) as it:
        yield it


@pytest.fixture
def project(cluster: Cluster) -> Project:
    return project_in(cluster)


@dataclass
class Served:
    """A project behind the gateway."""

    project: Project
    rest_url: str
    api_url: str


@dataclass
class RestPair:
    gateway: Gateway
    a: Served
    b: Served


@pytest.fixture(scope="session")
def rest(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestPair]:
    folder = tmp_path_factory.mktemp("rest")
    with ExitStack() as stack:
        gateway = stack.enter_context(gateway_in(folder))
        served = []
        for name in ("a", "b"):
            project = project_in(cluster)
            url = stack.enter_context(postgrest_of(project, folder / name))
            served.append(Served(project, url, gateway.admit(project, url)))
        yield RestPair(gateway, *served)
