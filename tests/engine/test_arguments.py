"""The argument table: what is understood, and that the rest is refused by name."""

import pytest

from engine.commands import COMMANDS
from engine.commands.arguments import TABLE, parse
from engine.errors import UsageError


def test_every_command_of_the_table_is_carried_out():
    assert COMMANDS.keys() == TABLE.keys()


def test_flags_before_and_after_the_command():
    arguments = parse(
        ["--non-interactive", "stack", "init", "dev", "--secrets-provider=passphrase"]
    )
    assert arguments.command == ("stack", "init")
    assert arguments.first == "dev"
    assert arguments.value("--secrets-provider") == "passphrase"


def test_a_value_may_look_like_a_flag_after_a_double_dash():
    arguments = parse(["config", "set", "key", "--secret", "--stack", "dev", "--", "--no -x=1"])
    assert arguments.positionals == ["key", "--no -x=1"]
    assert arguments.has("--secret")


def test_pairs_in_lists():
    args = ["config", "set-all", "--secret", "a=b=c", "--plaintext", "d=-e", "--secret", "f="]
    arguments = parse(args)
    assert arguments.values("--secret") == ["a=b=c", "f="]
    assert arguments.values("--plaintext") == ["d=-e"]


def test_switches_with_a_value():
    assert parse(["up", "--refresh=true"]).has("--refresh")
    assert not parse(["up", "--refresh=false"]).has("--refresh")


def test_short_flags():
    arguments = parse(["up", "-y", "-s", "dev", "-p", "3"])
    assert arguments.has("--yes")
    assert arguments.value("--stack") == "dev"
    assert arguments.integer("--parallel") == 3


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "nothing"),
        (["plugin", "rm"], "plugin"),
        (["stack", "graph"], "stack"),
        (["up", "--plan", "x"], "--plan"),
        (["up", "--policy-pack=x"], "--policy-pack"),
        (["up", "--remote"], "--remote"),
        (["up", "extra"], "extra"),
        (["up", "--stack"], "--stack"),
        (["up", "--yes=maybe"], "--yes"),
        (["up", "--color", "always"], "--color"),
        (["config", "get"], "config get"),
        (["--verbose", "up"], "--verbose"),
    ],
)
def test_the_rest_is_refused(args, words):
    with pytest.raises(UsageError, match=words):
        parse(args)


@pytest.mark.parametrize("text", ["0", "-1", "many", ""])
def test_parallelism_is_a_number(text):
    with pytest.raises(UsageError):
        parse(["up", "--parallel", text]).integer("--parallel")
