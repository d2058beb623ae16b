"""The configuration by which each provider finds its server; a module names its own `cfg`."""

import pytest

from engine.providers.keycloak.admin import close_all
from engine.providers.postgresql.idle import close_idle


@pytest.fixture(scope="module")
def postgresql_cfg(postgres_server):
    yield {
        "host": postgres_server.host,
        "port": str(postgres_server.port),
        "username": postgres_server.user,
        "password": postgres_server.password,
        "sslmode": "disable",
        "connectTimeout": "180",
    }
    close_idle()


@pytest.fixture(scope="module")
def keycloak_cfg(platform):
    yield {
        "url": f"http://127.0.0.1:{platform.home.ports.keycloak}",
        "clientId": "croft-provisioner",
        "clientSecret": platform.home.secret("keycloak_provisioner").read_text(),
        "clientTimeout": "60",
    }
    close_all()


@pytest.fixture(scope="module")
def minio_cfg(platform):
    return {
        "minioServer": f"127.0.0.1:{platform.home.ports.minio}",
        "minioUser": "croft_admin",
        "minioPassword": platform.home.secret("minio_root").read_text(),
        "minioSsl": "false",
    }
