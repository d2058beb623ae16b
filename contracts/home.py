"""Where things lie under CROFT_HOME, on which ports the platform listens, and its fixed names.

Owns paths, port numbers and those names. Must not create, read or write anything: `local` prepares
the folders, each server's owner fills its own.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import InvalidInput
from contracts.logins import REALM

SYSTEM_HOME = Path("/var/lib/croft")
SYSTEM_USER = "croft"
SERVER_ADMIN = "croft_admin"  # superuser of PostgreSQL, root user of MinIO
# What is there before any project. PUBLIC may neither connect to these nor make temporary tables.
CLOSED_DATABASES = ("postgres", "template1", "control", "keycloak")
PORT_BASE_MAX = 65535 - 680
# From here on Linux gives ports to outgoing connections, and one of those may last for days.
EPHEMERAL_FIRST = 32_768


@dataclass(frozen=True)
class Ports:
    """Supabase's local habit, shifted as a whole by CROFT_PORT_BASE (tests, second installs)."""

    base: int = 54320

    @property
    def api(self) -> int:
        return self.base

    @property
    def gateway(self) -> int:
        return self.base + 1

    @property
    def postgres(self) -> int:
        return self.base + 2

    @property
    def dashboard(self) -> int:
        """Nothing listens here yet."""
        return self.base + 3

    # base + 4 is kept for mail.

    @property
    def keycloak(self) -> int:
        return self.base + 80

    @property
    def keycloak_management(self) -> int:
        return self.base + 81

    @property
    def minio(self) -> int:
        return self.base + 82

    @property
    def gateway_ping(self) -> int:
        return self.base + 83

    @property
    def projects(self) -> range:
        """One port per project's PostgREST, given out by the registry; by default from 14500 on. No
        ephemeral ones: a process that comes up again must find its port as it left it."""
        first = self.base + 180
        if first + 500 > EPHEMERAL_FIRST:
            first = 8_000 + first % 24_000
        return range(first, first + 500)


@dataclass(frozen=True)
class Home:
    """One installation: its folder, its tools and its ports."""

    root: Path
    tools: Path
    ports: Ports

    @property
    def secrets(self) -> Path:
        """0700. `root.key`, `postgres_admin`, `keycloak_admin`, `keycloak_provisioner`,
        `minio_root`, `passphrase`, `token`: one secret per 0600 file, no newline at the end."""
        return self.root / "secrets"

    def secret(self, name: str) -> Path:
        return self.secrets / name

    @property
    def token(self) -> Path:
        """The operator's `sbp_` token."""
        return self.secret("token")

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def etc(self) -> Path:
        return self.root / "etc"

    @property
    def platform_settings(self) -> Path:
        return self.etc / "platform.toml"

    @property
    def routes(self) -> Path:
        """The folder Traefik watches: one file per project, complete or absent."""
        return self.etc / "traefik" / "routes"

    @property
    def logs(self) -> Path:
        return self.root / "log"

    @property
    def units(self) -> Path:
        """The supervisor's units, one JSON file each (0600)."""
        return self.root / "units"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def supervisor_socket(self) -> Path:
        return self.run / "supervisor.sock"

    def key_socket(self, slot: str | int) -> Path:
        """Where the worker in that slot does what takes a project's secrets in clear."""
        return self.run / f"keys-{slot}.sock"

    @property
    def platform_state(self) -> Path:
        """`file://` Pulumi state of the platform stack; never kept in the PostgreSQL it manages."""
        return self.root / "state"

    @property
    def work(self) -> Path:
        """Scratch folders of running updates, one per project."""
        return self.root / "work"

    def tool(self, name: str) -> Path:
        """Stable path of a program that the toolbox obtained, e.g. `postgrest`."""
        return self.tools / "bin" / name

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.api}"

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.gateway}"

    def project_url(self, ref: str) -> str:
        """Where any client reaches a project; works without a resolver that knows *.localhost."""
        return f"{self.gateway_url}/p/{ref}"

    def project_host_url(self, ref: str) -> str:
        """The same for browsers: an origin per project."""
        return f"http://{ref}.localhost:{self.ports.gateway}"

    @property
    def keycloak_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.keycloak}"

    @property
    def issuer(self) -> str:
        """Of people's logins to the platform itself."""
        return f"{self.keycloak_url}/realms/{REALM}"

    @property
    def dashboard_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.dashboard}"

    @property
    def minio_server(self) -> str:
        return f"127.0.0.1:{self.ports.minio}"


def home_from(environ: Mapping[str, str], *, uid: int) -> Home:
    """The installation that an environment names: CROFT_HOME, CROFT_TOOLS, CROFT_PORT_BASE.

    Without CROFT_HOME: `/var/lib/croft` for root, else the XDG data folder. CROFT_TOOLS lets many
    homes (tests) share one toolbox; its default is `tools` under the default home, not under
    CROFT_HOME, so that a second home costs no second download. Raises InvalidInput.
    """
    xdg = environ.get("XDG_DATA_HOME") or os.path.join(environ.get("HOME", "/"), ".local", "share")
    default = SYSTEM_HOME if uid == 0 else Path(xdg) / "croft"
    root = Path(environ.get("CROFT_HOME") or default)
    tools = Path(environ.get("CROFT_TOOLS") or default / "tools")
    base = environ.get("CROFT_PORT_BASE") or str(Ports.base)
    if not (base.isdecimal() and 1024 <= int(base) <= PORT_BASE_MAX):
        raise InvalidInput(
            f"CROFT_PORT_BASE is {base!r}, not a number from 1024 to {PORT_BASE_MAX}",
            fix="unset it to use the usual ports",
        )
    ports = Ports(int(base))
    return Home(root.absolute(), tools.absolute(), ports)


def environ_of(home: Home) -> dict[str, str]:
    """The variables by which a child process, whatever its user, finds the same installation."""
    return {
        "CROFT_HOME": str(home.root),
        "CROFT_TOOLS": str(home.tools),
        "CROFT_PORT_BASE": str(home.ports.base),
    }


def daemon_environ(home: Home) -> dict[str, str]:
    """The whole environment of what runs for long: nothing of the person's who started it."""
    return {**environ_of(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
