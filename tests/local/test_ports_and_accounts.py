"""Whose port it is; folders and modes of a home."""

import os
import socket
import stat
import tempfile

import pytest

from contracts.errors import SetupFailed
from contracts.home import Home, home_from
from local.accounts import Account, account, prepare_home, run_as
from local.ports import holder, require_free


def test_a_free_port_has_no_holder(port: int) -> None:
    assert holder(port) is None
    require_free({"the gateway": port})


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::1"])
def test_the_holder_is_named(port: int, address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as server:
        server.bind((address, port))
        server.listen()
        with pytest.raises(SetupFailed) as error:
            require_free({"the gateway": port})
    assert error.value.code == "port_in_use"
    assert f"port {port}, which the gateway needs" in error.value.message
    assert f"(pid {os.getpid()})" in error.value.message


def test_our_own_unit_may_hold_it(port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        require_free({"the gateway": port}, our_pids=[os.getsid(0)])


def test_a_connection_is_no_holder(port: int) -> None:
    with socket.create_server(("127.0.0.1", port)) as server:
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
    with client, accepted:
        assert holder(port) is None
        assert holder(client.getsockname()[1]) is None


def test_folders_are_closed_and_the_platforms(home: Home) -> None:
    owner = account(os.getuid())
    home.secrets.chmod(0o755)
    prepare_home(home, owner)
    for folder in (home.secrets, home.data, home.routes, home.logs, home.units, home.run):
        found = folder.stat()
        assert stat.S_IMODE(found.st_mode) == 0o700
        assert found.st_uid == owner.uid


def test_too_long_a_home_is_one_error() -> None:
    home = home_from({"CROFT_HOME": f"/tmp/{'x' * 90}"}, uid=os.getuid())
    with pytest.raises(SetupFailed) as error:
        prepare_home(home, Account(os.getuid(), os.getgid(), drop=False))
    assert error.value.code == "home_too_long"
    assert not home.root.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_a_home_in_a_closed_folder_is_one_error() -> None:
    with tempfile.TemporaryDirectory() as closed:  # 0700
        home = home_from({"CROFT_HOME": f"{closed}/croft"}, uid=0)
        with pytest.raises(SetupFailed) as error:
            prepare_home(home, account(0))
    assert error.value.code == "home_closed" and closed in error.value.message


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_commands_run_without_any_of_roots_rights() -> None:
    owner = account(0)
    status = run_as(owner, ["cat", "/proc/self/status"])
    fields = dict(line.split(":", 1) for line in status.splitlines())
    assert set(fields["Uid"].split()) == {str(owner.uid)}
    assert set(fields["Gid"].split()) == {str(owner.gid)}
    assert fields["Groups"].split() in ([], [str(owner.gid)])
    assert int(fields["CapEff"], 16) == 0
    with pytest.raises(SetupFailed, match="Permission denied"):
        run_as(owner, ["ls", "/root"])


def test_a_failing_command_says_why() -> None:
    me = Account(os.getuid(), os.getgid(), drop=False)
    with pytest.raises(SetupFailed, match=r"sh failed \(4\): oh no"):
        run_as(me, ["sh", "-c", "echo oh no; exit 4"])
