"""A stack in memory with the engine's own packages, and where the real servers are."""

import pytest

from engine.providers import builtin_packages
from engine.testing import MemoryStack


@pytest.fixture
def stack():
    return MemoryStack(builtin_packages())


@pytest.fixture(scope="session")
def postgres(postgres_server):
    """The configuration of a postgresql provider."""
    return {
        "host": postgres_server.host,
        "port": postgres_server.port,
        "username": postgres_server.user,
        "password": postgres_server.password,
        "sslmode": "disable",
    }


@pytest.fixture(scope="session")
def keycloak_settings(platform):
    return {
        "url": f"http://127.0.0.1:{platform.home.ports.keycloak}",
        "client_id": "croft-provisioner",
        "client_secret": platform.home.secret("keycloak_provisioner").read_text(),
    }


@pytest.fixture(scope="session")
def minio_settings(platform):
    return {
        "minio_server": f"127.0.0.1:{platform.home.ports.minio}",
        "minio_user": "croft_admin",
        "minio_password": platform.home.secret("minio_root").read_text(),
    }
