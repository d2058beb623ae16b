"""Each check finds what it is for, and says what to type."""

import socket

import pytest

from contracts.home import Home
from local import checkup
from local.accounts import account
from local.checkup import Finding


def test_a_fresh_home_is_in_order(home: Home) -> None:
    owner = account(home.root.stat().st_uid)
    found = [checkup.check_folders(home, owner), checkup.check_disk(home), checkup.check_python()]
    assert [finding.state for finding in found] == ["ok", "ok", "ok"]


def test_an_open_folder_is_found_and_repaired(home: Home) -> None:
    owner = account(home.root.stat().st_uid)
    home.secrets.chmod(0o755)
    home.work.rmdir()
    found = checkup.check_folders(home, owner)
    assert found.state == "problem" and "secrets, work" in found.detail
    assert found.repair is not None
    found.repair()
    assert checkup.check_folders(home, owner).state == "ok"


def test_an_open_secret_is_found_and_closed(home: Home) -> None:
    path = home.secret("token")
    path.write_text("x")
    path.chmod(0o640)
    found = checkup.check_secrets(home, ["token"])
    assert (found.state, found.detail) == ("problem", "open to others: token")
    assert found.repair is not None
    found.repair()
    assert checkup.check_secrets(home, ["token"]).state == "ok"


def test_a_secret_that_is_gone_while_there_is_data_cannot_be_repaired(home: Home) -> None:
    (home.data / "postgres").mkdir()
    found = checkup.check_secrets(home, ["root.key"])
    assert found.state == "problem" and found.repair is None
    assert "backup" in found.fix


def test_a_stranger_on_a_port_is_named(home: Home) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        found = checkup.check_ports(home, {"the API": port})
    assert found.state == "problem" and f"port {port}" in found.detail and found.fix
    assert checkup.check_ports(home, {"the API": port}).state == "ok"


def test_a_full_disk_is_found(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "DISK_WARNING_BYTES", 1024**5)
    assert checkup.check_disk(home).state == "warning"
    monkeypatch.setattr(checkup, "DISK_PROBLEM_BYTES", 1024**5)
    assert checkup.check_disk(home).state == "problem"


def test_a_platform_that_is_down_is_no_problem(home: Home) -> None:
    found = checkup.check_servers(home)
    assert found == Finding("servers", "warning", "not running", "croft up")


def test_a_missing_tool_is_named(home: Home) -> None:
    found = checkup.check_toolbox(Home(home.root, home.root / "no-tools", home.ports))
    assert found.state == "problem" and "traefik" in found.detail
