"""The API as the process that the supervisor runs."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx2 as httpx
import psycopg
import pytest

from automation.client import client_for
from automation.settings import API_LOGIN
from contracts.home import environ_of
from tests.fixtures.platform import eventually

STOP_TIMEOUT_S = 20


@pytest.fixture
def process(control_home):
    environ = {name: value for name, value in os.environ.items() if "PROXY" not in name.upper()}
    process = subprocess.Popen(
        [sys.executable, "-m", "automation.app"],
        env=environ | environ_of(control_home),
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.wait(STOP_TIMEOUT_S)
    process.stderr.close()


def test_it_starts_answers_and_leaves(process, control_home, postgres):
    url = control_home.api_url
    eventually(lambda: httpx.get(f"{url}/health").is_success, timeout_s=60)
    with client_for(control_home, {}) as client:
        assert [organization.slug for organization in client.organizations()] == ["default"]
    assert _logins(postgres, process.pid) == {API_LOGIN}
    process.send_signal(signal.SIGTERM)
    process.wait(STOP_TIMEOUT_S)
    log = process.stderr.read()
    assert "GET /v1/organizations" in log
    for name in ("token", "postgres_control", "postgres_api"):
        assert control_home.secret(name).read_text() not in log


def _logins(postgres, pid):
    """By which the process is in PostgreSQL."""
    held = set()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed just now
            held.add(os.readlink(each))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ports = {int(row[1].partition(":")[2], 16) for row in rows if f"socket:[{row[9]}]" in held}
    with psycopg.connect(postgres.admin_dsn()) as admin:
        sessions = admin.execute("SELECT client_port, usename FROM pg_stat_activity").fetchall()
    return {login for port, login in sessions if port in ports}


def test_two_on_one_port(process, control_home):
    """The second one says so and ends, rather than serve nobody."""
    eventually(lambda: httpx.get(f"{control_home.api_url}/health").is_success, timeout_s=60)
    second = subprocess.run(
        [sys.executable, "-m", "automation.app"],
        env=os.environ | environ_of(control_home),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode != 0
    assert "address already in use" in second.stderr
