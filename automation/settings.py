"""The control plane's configuration: a frozen value built once per process from a Home.

Owns how the control plane reaches its own PostgreSQL, where its token is, and what else may be
chosen. Must not read the environment (entry points hand it in) and must not know HTTP.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from psycopg.conninfo import make_conninfo

from automation.platform_secrets import read_secret
from automation.platform_settings import read_settings
from contracts.engines import Engine, engine_from
from contracts.home import Home

# The login of workers and of boot; it owns the registry.
CONTROL_LOGIN = "croft_control"
# The login of the API's process (registry/api_rights.py).
API_LOGIN = "croft_api"
_PASSWORDS = {CONTROL_LOGIN: "postgres_control", API_LOGIN: "postgres_api"}
CONTROL_DATABASE = "control"
REQUESTS_PER_MINUTE_MAX = 6000


@dataclass(frozen=True)
class Settings:
    home: Home
    control_password: str = field(repr=False)
    control_login: str = CONTROL_LOGIN
    control_database: str = CONTROL_DATABASE
    connect_timeout_s: int = 5
    pool_size_max: int = 8
    postgres_host: str = "127.0.0.1"
    requests_per_minute_max: int = REQUESTS_PER_MINUTE_MAX
    """Of one token, at one API process."""
    deleted_kept_s: float = 7 * 24 * 3600
    """How long a deleted project can be restored."""
    engine: Engine = Engine.embedded
    """What updates projects. It goes on with what the other engine has brought up."""

    @property
    def control_dsn(self) -> str:
        """libpq conninfo of database `control`, where registry and DBOS live."""
        return make_conninfo(
            host=self.postgres_host,
            port=self.home.ports.postgres,
            user=self.control_login,
            password=self.control_password,
            dbname=self.control_database,
            connect_timeout=self.connect_timeout_s,
            application_name="croft",
        )

    @property
    def dbos_url(self) -> str:
        """The same database for DBOS, which asks SQLAlchemy for it."""
        return self._url("postgresql+psycopg") + f"?connect_timeout={self.connect_timeout_s}"

    @property
    def pulumi_backend_url(self) -> str:
        """State of the project stacks. The platform stack's is `home.platform_state`."""
        return self._url("postgres") + "?sslmode=disable&table=pulumi_state"

    @property
    def token_path(self) -> Path:
        return self.home.token

    def _url(self, scheme: str) -> str:
        login = f"{self.control_login}:{quote(self.control_password, safe='')}"
        address = f"{self.postgres_host}:{self.home.ports.postgres}"
        return f"{scheme}://{login}@{address}/{self.control_database}"


def settings_from(
    home: Home, environ: Mapping[str, str] = MappingProxyType({}), *, login: str = CONTROL_LOGIN
) -> Settings:
    """For a process that reaches the registry by that login. Raises FileNotFoundError before the
    first `croft up` has written the secrets, InvalidInput for what cannot be chosen."""
    return Settings(
        home=home,
        control_password=read_secret(home, _PASSWORDS[login]),
        control_login=login,
        deleted_kept_s=read_settings(home).deleted_kept_days * 24 * 3600,
        engine=engine_from(environ),
    )
