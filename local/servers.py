"""The four shared servers as units, and what must be on disk before each can start.

Owns command lines and configuration files of PostgreSQL, Keycloak, MinIO and Traefik. Must not know
what is kept in them, nor where programs come from. The `*_unit` functions only compute; the
`prepare_*` functions write, are safe to repeat, and take secrets from CROFT_HOME/secrets.
"""

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from contracts.home import SERVER_ADMIN, Home
from contracts.units import Health, Unit
from local.accounts import Account, run_as
from local.toolbox.catalog import CATALOG, KEYCLOAK_VERSION
from local.toolbox.install import package_folder

LOOPBACK = "127.0.0.1"
INITDB_TIMEOUT_S = 300.0

# ---------------------------------------------------------------------------------- PostgreSQL

POSTGRES_SETTINGS = {
    "listen_addresses": f"'{LOOPBACK}'",
    "unix_socket_permissions": "0700",
    "wal_level": "logical",  # from the start: changing it later restarts every tenant's database
    "max_connections": "400",
    "max_locks_per_transaction": "256",  # one lock table for all tenants
    "max_replication_slots": "64",
    "max_wal_senders": "64",
    "password_encryption": "'scram-sha-256'",
    "shared_buffers": "'256MB'",
    "max_wal_size": "'2GB'",
    # With the kind of process (%b) a line's prefix is longer than a name can be: whoever puts a
    # line break into one, at a login, writes no line that might be another's.
    "log_line_prefix": "'%m [%p] %b %d/%u '",
    "log_disconnections": "on",  # tells when a login was last used
    "logging_collector": "off",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
}

# No `trust`: a password everywhere, the unix socket included. Nobody from outside.
POSTGRES_HBA = """\
local   all             all                                     scram-sha-256
host    all             all             127.0.0.1/32            scram-sha-256
local   replication     all                                     scram-sha-256
host    replication     all             127.0.0.1/32            scram-sha-256
"""


def postgres_unit(home: Home) -> Unit:
    port = home.ports.postgres
    return Unit(
        name="postgres",
        argv=[
            "{tools}/bin/postgres",
            "-D",
            "{home}/data/postgres",
            "-p",
            str(port),
            "-k",
            "{home}/run/postgres",
        ],
        health=Health(
            kind="command",  # it listens before it has recovered from a crash
            port=port,
            argv=["{tools}/bin/pg_isready", "-q", "-h", LOOPBACK, "-p", str(port), "-t", "2"],
            start_timeout_s=300,
        ),
        stop_signal="SIGINT",  # fast: open transactions are rolled back, clients not waited for
        stop_timeout_s=60,
    )


def prepare_postgres(home: Home, owner: Account) -> None:
    """The cluster, once, with its superuser; its settings, every time."""
    data = home.data / "postgres"
    if not (data / "PG_VERSION").exists():
        # Made beside it and renamed: an interrupted initdb leaves nothing that looks like one.
        new = home.data / "postgres.new"
        shutil.rmtree(new, ignore_errors=True)
        argv: list[str | Path] = [home.tool("initdb"), "-D", new, "-U", SERVER_ADMIN, "--pwfile"]
        options = ["--auth=scram-sha-256", "--encoding=UTF8", "--data-checksums"]
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C.UTF-8"]
        run_as(
            owner,
            [*argv, home.secret("postgres_admin"), *options, *locale],
            timeout_s=INITDB_TIMEOUT_S,
        )
        new.rename(data)
    lines = [f"{name} = {value}\n" for name, value in POSTGRES_SETTINGS.items()]
    _write(data / "croft.conf", "".join(lines), owner)
    _write(data / "pg_hba.conf", POSTGRES_HBA, owner)
    main = data / "postgresql.conf"
    if "include = 'croft.conf'" not in main.read_text():
        _write(main, f"{main.read_text()}\ninclude = 'croft.conf'\n", owner)


# ------------------------------------------------------------------------------------ Keycloak

# What kc.sh would pass. We run without it: the script stays as a shell in front of the server, and
# would write to its own folder, which others own.
KEYCLOAK_JAVA = [
    "-XX:MetaspaceSize=96M",
    "-XX:MaxMetaspaceSize=384m",
    "-XX:+ExitOnOutOfMemoryError",
    "-Dfile.encoding=UTF-8",
    "-Djava.security.egd=file:/dev/urandom",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
    "--add-opens=java.base/java.security=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "-Duser.language=en",
    "-Duser.country=US",
    "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
    "-Djava.util.concurrent.ForkJoinPool.common.threadFactory="
    "io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory",
    "-Dpicocli.disable.closures=true",
]
# Memory: about 450 MB resident. The collector that suits two cores; the compiler is left at its
# default, with which realm work takes a third of the CPU.
KEYCLOAK_MEMORY = ["-Xms96m", "-Xmx512m", "-XX:+UseSerialGC"]


def keycloak_folder(home: Home) -> Path:
    """The installation, which is shared and may be read-only."""
    tool = CATALOG["keycloak"]
    return package_folder(home.tools, tool, tool.sources[0]) / f"keycloak-{KEYCLOAK_VERSION}"


def keycloak_unit(home: Home) -> Unit:
    return Unit(
        name="keycloak",
        argv=[
            "{tools}/bin/java",
            *KEYCLOAK_JAVA,
            *KEYCLOAK_MEMORY,
            "-Dkc.home.dir={home}/data/keycloak",
            "-Djboss.server.config.dir={home}/data/keycloak/conf",
            "-Djava.io.tmpdir={home}/data/keycloak/data/tmp",
            "-cp",
            str(keycloak_folder(home) / "lib" / "quarkus-run.jar"),
            "io.quarkus.bootstrap.runner.QuarkusEntryPoint",
            "--config-file={home}/data/keycloak/conf/keycloak.conf",
            "start",
            "--optimized",
        ],
        after=["postgres"],
        health=Health(
            kind="http",
            port=home.ports.keycloak_management,
            path="/health/ready",
            start_timeout_s=300,  # the first start writes the schema
        ),
        stop_timeout_s=30,
    )


def keycloak_settings(home: Home, secrets: Mapping[str, str]) -> dict[str, str]:
    """keycloak.conf. What was fixed when it was built (database kind, health) is repeated."""
    ports = home.ports
    return {
        "db": "postgres",
        "db-url": f"jdbc:postgresql://{LOOPBACK}:{ports.postgres}/keycloak",
        "db-username": "keycloak",
        "db-password": secrets["postgres_keycloak"],
        "db-pool-min-size": "2",
        "db-pool-initial-size": "2",
        "db-pool-max-size": "20",
        "health-enabled": "true",
        "cache": "local",
        "http-enabled": "true",
        "http-host": LOOPBACK,
        "http-port": str(ports.keycloak),
        "http-management-port": str(ports.keycloak_management),
        "hostname": home.keycloak_url,
        "hostname-strict": "true",
        "log": "console",
        "log-level": "INFO,io.smallrye.health:ERROR",  # else each probe during a start is a line
        # Only read while realm master is being made, and never again.
        "bootstrap-admin-client-id": "croft-bootstrap",
        "bootstrap-admin-client-secret": secrets["keycloak_bootstrap"],
    }


def prepare_keycloak(home: Home, owner: Account) -> None:
    """A home of its own over the shared installation: links to the code, its own conf and data."""
    root = home.data / "keycloak"
    for folder in (root, root / "conf", root / "data", root / "data" / "tmp"):
        _folder(folder, owner)
    for name in ("bin", "lib", "providers", "themes"):
        _link(root / name, keycloak_folder(home) / name)
    secrets = {
        name: home.secret(name).read_text() for name in ("postgres_keycloak", "keycloak_bootstrap")
    }
    lines = [f"{key}={value}\n" for key, value in keycloak_settings(home, secrets).items()]
    _write(root / "conf" / "keycloak.conf", "".join(lines), owner)


# --------------------------------------------------------------------------------------- MinIO


def minio_unit(home: Home) -> Unit:
    return Unit(
        name="minio",
        argv=[
            "{tools}/bin/minio",
            "server",
            "--address",
            f"{LOOPBACK}:{home.ports.minio}",
            "--certs-dir",
            "{home}/etc/minio/certs",
            "--quiet",
            "{home}/data/minio",
        ],
        env={
            # A file with the root user's name and password: argv and environment can be read.
            "MINIO_CONFIG_ENV_FILE": "{home}/etc/minio/env",
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
            "GOMEMLIMIT": "512MiB",
        },
        health=Health(kind="http", port=home.ports.minio, path="/minio/health/ready"),
        stop_timeout_s=20,
    )


def prepare_minio(home: Home, owner: Account) -> None:
    etc = home.etc / "minio"
    for folder in (etc, etc / "certs", home.data / "minio"):
        _folder(folder, owner)
    password = home.secret("minio_root").read_text()
    text = f'MINIO_ROOT_USER="{SERVER_ADMIN}"\nMINIO_ROOT_PASSWORD="{password}"\n'
    _write(etc / "env", text, owner)


# ------------------------------------------------------------------------------------- Traefik

ENTRY_POINT = "web"


def traefik_unit(home: Home) -> Unit:
    return Unit(
        name="traefik",
        argv=["{tools}/bin/traefik", "--configFile={home}/etc/traefik/traefik.yml"],
        env={
            "GOMEMLIMIT": "512MiB",
            # Read by nobody: what Traefik reads only at its start makes the unit differ.
            "CROFT_CONFIG": hashlib.sha256(traefik_config(home).encode()).hexdigest()[:16],
        },
        health=Health(kind="http", port=home.ports.gateway_ping, path="/ping"),
        stop_timeout_s=15,
    )


def traefik_config(home: Home) -> str:
    """Traefik's static configuration; routes come from files in home.routes."""
    return f"""\
global:
  checkNewVersion: false
  sendAnonymousUsage: false
entryPoints:
  {ENTRY_POINT}:
    address: "{LOOPBACK}:{home.ports.gateway}"
  ping:
    address: "{LOOPBACK}:{home.ports.gateway_ping}"
ping:
  entryPoint: ping
metrics:
  prometheus:
    entryPoint: ping
    addEntryPointsLabels: false
    addRoutersLabels: false
    addServicesLabels: true
    buckets: [1]
providers:
  providersThrottleDuration: 200ms
  file:
    directory: "{home.routes}"
    watch: true
log:
  level: INFO
  noColor: true
"""


def prepare_traefik(home: Home, owner: Account) -> None:
    _write(home.etc / "traefik" / "traefik.yml", traefik_config(home), owner)


# ------------------------------------------------------------------------------ files of servers


def _folder(path: Path, owner: Account) -> None:
    path.mkdir(mode=0o700, exist_ok=True)
    if owner.drop:
        os.chown(path, owner.uid, owner.gid, follow_symlinks=False)


def _write(path: Path, text: str, owner: Account) -> None:
    """Replace a file in one step, 0600 and the platform's from its first byte."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        if owner.drop:  # by descriptor: the folder is not root's, a name in it could be swapped
            os.fchown(file.fileno(), owner.uid, owner.gid)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and Path(os.readlink(link)) == target:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(target)
