"""The PostgreSQL unit: how it is set up, and that kill -9 loses nothing."""

import os
import secrets
import signal
from pathlib import Path

import psycopg
import pytest
from rich.console import Console

from contracts.home import Home
from contracts.units import Unit
from local import servers, toolbox
from local.accounts import Account, account
from tests.local.conftest import Rig


@pytest.fixture
def cluster(rig: Rig, port: int, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """A running cluster on a free port."""
    shared = os.getuid() == 0
    toolbox.obtain(
        rig.home.tools,
        ["postgresql", "postgresql-client"],
        environ=os.environ,
        console=Console(),
        shared=shared,
    )
    owner = account(os.getuid())
    put_secret(rig.home, "postgres_admin", secrets.token_hex(16), owner)
    servers.prepare_postgres(rig.home, owner)
    unit = on_port(servers.postgres_unit(rig.home), rig.home, port)
    rig.op("put", unit=unit.model_dump())
    rig.wait("postgres", "running")
    return rig


def put_secret(home: Home, name: str, text: str, owner: Account) -> None:
    """As boot does, which runs as the platform's account."""
    path = home.secret(name)
    path.write_text(text)
    path.chmod(0o600)
    if owner.drop:
        os.chown(path, owner.uid, owner.gid)


def on_port(unit: Unit, home: Home, port: int) -> Unit:
    argv = [str(port) if word == str(home.ports.postgres) else word for word in unit.argv]
    asked = [str(port) if word == str(home.ports.postgres) else word for word in unit.health.argv]
    health = unit.health.model_copy(update={"port": port, "argv": asked})
    return unit.model_copy(update={"argv": argv, "health": health})


def connect(rig: Rig, port: int, **also: str) -> psycopg.Connection[tuple[object, ...]]:
    password = rig.home.secret("postgres_admin").read_text()
    options = {"host": "127.0.0.1", "user": "croft_admin", "password": password, **also}
    return psycopg.connect(port=port, dbname="postgres", autocommit=True, **options)


def test_set_up_for_logical_decoding_and_closed_to_strangers(cluster: Rig, port: int) -> None:
    with connect(cluster, port) as conn:
        settings = ["wal_level", "password_encryption", "listen_addresses", "data_checksums"]
        shown = [conn.execute(f"show {name}").fetchone() for name in settings]
        assert shown == [("logical",), ("scram-sha-256",), ("127.0.0.1",), ("on",)]
        rules = conn.execute("select distinct auth_method from pg_hba_file_rules").fetchall()
        assert rules == [("scram-sha-256",)]
    for where in ("127.0.0.1", str(cluster.home.run / "postgres")):
        with pytest.raises(psycopg.OperationalError):
            connect(cluster, port, host=where, password="wrong")
    data = cluster.home.data / "postgres"
    assert data.stat().st_mode & 0o777 == 0o700
    assert (data / "pg_hba.conf").stat().st_mode & 0o777 == 0o600


def test_kill_9_loses_no_row(cluster: Rig, port: int) -> None:
    with connect(cluster, port) as conn:
        conn.execute("create table t (n int primary key)")
        conn.execute("insert into t select generate_series(1, 1000)")
    for kill in (1, 2):
        os.kill(cluster.status("postgres")["pid"], signal.SIGKILL)
        cluster.wait("postgres", "running", restarts=kill)
        with connect(cluster, port) as conn:
            assert conn.execute("select count(*) from t").fetchone() == (1000,)


def test_kill_9_of_it_and_the_supervisor(cluster: Rig, port: int) -> None:
    with connect(cluster, port) as conn:
        conn.execute("create table t (n int)")
        pid = cluster.status("postgres")["pid"]
        cluster.kill()
        conn.execute("insert into t values (1)")  # goes on serving without its supervisor
        os.kill(pid, signal.SIGKILL)
    cluster.start()
    cluster.wait("postgres", "running")
    with connect(cluster, port) as conn:
        assert conn.execute("select n from t").fetchone() == (1,)


def test_preparing_again_changes_nothing_and_mends_settings(cluster: Rig, port: int) -> None:
    owner = account(os.getuid())
    main = cluster.home.data / "postgres" / "postgresql.conf"
    hba = main.with_name("pg_hba.conf")
    before = main.read_text()
    hba.write_text("host all all 0.0.0.0/0 trust\n")
    servers.prepare_postgres(cluster.home, owner)
    assert main.read_text() == before
    assert "trust" not in hba.read_text()


def test_an_interrupted_initdb_is_begun_again(rig: Rig) -> None:
    half = rig.home.data / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    owner = account(os.getuid())
    put_secret(rig.home, "postgres_admin", "x" * 20, owner)
    servers.prepare_postgres(rig.home, owner)
    assert (rig.home.data / "postgres" / "global" / "pg_control").exists()
    assert not half.exists()


def test_no_secret_is_in_a_command_or_environment(home: Home) -> None:
    owner = account(os.getuid())
    for name in ("postgres_keycloak", "keycloak_bootstrap", "minio_root"):
        put_secret(home, name, f"s3cret-{name}", owner)
    servers.prepare_keycloak(home, owner)
    servers.prepare_minio(home, owner)
    servers.prepare_traefik(home, owner)
    units = [
        make(home)
        for make in (
            servers.postgres_unit,
            servers.keycloak_unit,
            servers.minio_unit,
            servers.traefik_unit,
        )
    ]
    assert all("s3cret" not in unit.model_dump_json() for unit in units)
    holders = [path for path in home.root.rglob("*") if path.is_file() and _holds_secret(path)]
    assert holders and all(path.stat().st_mode & 0o777 == 0o600 for path in holders)


def _holds_secret(path: Path) -> bool:
    return b"s3cret" in path.read_bytes()
