"""stack, state, login and the other commands that run no update."""

import json

import pytest

from engine.commands import COMMANDS
from engine.commands.forms import TABLE
from tests.engine.fake_sdk import Thing, options

A, B = (f"urn:pulumi:dev::proj::fake:index:Thing::{name}" for name in "ab")


def program():
    a = Thing("a", opts=options(protect=True))
    Thing("b", of=a.url)


def test_tags(cli):
    assert cli("stack", "tag", "ls", "--json") == "{}"
    cli("stack", "tag", "set", "owner", "me")
    assert cli("stack", "tag", "get", "owner") == "me"
    assert cli("stack", "tag", "ls") == "owner  me"
    cli("stack", "tag", "rm", "owner")
    assert "not found" in cli.fails("stack", "tag", "get", "owner")


def test_the_current_stack(cli):
    cli("up", "-f", program=program)
    shown = cli("stack", "--show-urns", "--show-ids")
    assert "Current stack is dev:" in shown
    assert f"URN: {A}" in shown and "ID: a" in shown
    assert cli("stack", "--show-name") == "dev"
    cli("stack", "unselect")
    assert "no stack selected" in cli.fails("stack")


def test_correcting_the_state(cli):
    cli("up", "-f", program=program)
    assert "--yes" in cli.fails("state", "unprotect", A)
    assert "depend on it" in cli.fails("state", "delete", A, "--yes")
    assert "protected" in cli.fails("state", "delete", A, "--target-dependents", "--yes")
    assert "--all" in cli.fails("state", "unprotect", "--yes")
    cli("state", "unprotect", "--all", "--yes")
    cli.answers = ["yes"]
    cli("state", "taint", B)
    cli("state", "untaint", B, "--yes")
    cli("state", "rename", B, "c", "--yes")
    cli("state", "delete", A, "--target-dependents", "--yes")
    exported = json.loads(cli("stack", "export"))
    assert [r["type"] for r in exported["deployment"]["resources"]] == [
        "pulumi:pulumi:Stack",
        "pulumi:providers:fake",
    ]
    assert sorted(cli.package.world.objects) == ["a", "b"]


def test_a_tainted_resource_is_replaced(cli):
    cli("up", "-f", program=program)
    cli("state", "taint", B, "--yes")
    assert "1 replaced" in cli("up", "-f", program=program)
    assert "replaced" not in cli("up", "-f", program=program)


@pytest.mark.parametrize("where", ["environment", "project", "login"])
def test_where_the_backend_is_named(cli, tmp_path, where):
    """The first of these that is there counts."""
    for name in ("environment", "of-project", "login"):
        (tmp_path / name).mkdir()
    cli("login", f"file://{tmp_path}/login")
    del cli.environ["PULUMI_BACKEND_URL"]
    if where != "login":
        with (cli.folder / "Pulumi.yaml").open("a") as file:
            file.write("backend:\n  url: file://../of-project\n")
    if where == "environment":
        cli.environ["PULUMI_BACKEND_URL"] = f"file://{tmp_path}/environment"
    assert json.loads(cli("whoami", "--json"))["url"].endswith(where)
    assert "Backend URL: file://" in cli("whoami", "-v")


def test_logging_in_and_out(cli):
    del cli.environ["PULUMI_BACKEND_URL"]
    assert "no backend" in cli.fails("stack", "ls")
    assert "not supported" in cli.fails("login", "https://api.pulumi.com")
    assert "no such folder" in cli.fails("login", "file:///nowhere/at/all")
    cli("login", f"file://{cli.folder}")
    assert (cli.home / "credentials.json").stat().st_mode & 0o777 == 0o600
    cli("stack", "ls")
    cli("logout")
    assert "no backend" in cli.fails("stack", "ls")


def test_compressed_state(cli, tmp_path):
    cli("up", "-f", program=program)
    cli.environ["PULUMI_DIY_BACKEND_GZIP"] = "true"
    assert "3 unchanged" in cli("up", "-f", program=program)
    stacks = tmp_path / ".pulumi" / "stacks" / "proj"
    assert (stacks / "dev.json.gz").exists() and not (stacks / "dev.json").exists()
    del cli.environ["PULUMI_DIY_BACKEND_GZIP"]
    assert len(json.loads(cli("stack", "history", "--json"))) == 2
    assert "3 unchanged" in cli("up", "-f", program=program)


def test_another_secrets_provider(cli):
    assert "not supported" in cli.fails("stack", "init", "x", "--secrets-provider", "awskms://k")
    (cli.folder / "Pulumi.dev.yaml").write_text("secretsprovider: gcpkms://k\n")
    assert "'gcpkms://k' is not supported" in cli.fails("config")


def test_no_plugins(cli):
    assert cli("plugin", "ls", "--json") == "[]"


@pytest.mark.parametrize(
    "args",
    [
        ["import", "--yes", "--file", "x"],
        ["logs"],
        ["watch"],
        ["policy", "ls"],
        ["install"],
        ["new"],
        ["org", "get-default"],
        ["plugin", "install", "resource", "aws"],
        ["config", "env", "ls"],
        ["stack", "change-secrets-provider", "passphrase"],
    ],
)
def test_commands_that_are_refused_by_name(cli, args):
    assert f"'{args[0]}" in cli.fails(*args)


def test_help(cli):
    assert "stack init" in cli("--help")
    assert "-t, --target VALUE" in cli("preview", "--help")
    assert "--remote" not in cli("preview", "-h")
    for command in TABLE:
        assert " ".join(command) in cli("help", *command)


def test_every_command_of_the_table_is_there():
    assert TABLE.keys() == COMMANDS.keys()
