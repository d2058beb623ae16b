"""The real CLI takes over where the embedded engine was killed, and gives back."""

import json
import shutil
from contextlib import contextmanager

import pytest
from pulumi import automation as auto

from engine import EmbeddedPulumi
from engine.takeover import SettlingCli
from engine.testing import FakePackage
from tests.engine.conformance.engines import opened
from tests.engine.fake_sdk import Thing
from tests.engine.test_killed import finish, kill_when_hanging, objects

pytestmark = pytest.mark.pulumi_cli


def program():
    """The same as in test_killed.PROGRAM."""
    first = Thing("first", size=1)
    second = Thing("second", of=first.id)
    Thing("third", of=second.id)


@contextmanager
def cli_stack(home):
    """The killed program's stack in the hands of the CLI; its objects are where they were."""
    package = FakePackage()
    for name in objects(home):
        inputs = json.loads((home / "objects" / name).read_text())
        plain = {key: value for key, value in inputs.items() if not key.startswith("__")}
        package.world.objects[name] = {**plain, "url": "x"}
    with opened(frozenset({"cli"}), package) as engines:
        yield select(home, engines["cli"].command, engines["cli"].env), package
    for name in package.world.objects:
        (home / "objects" / name).touch()


def select(home, command, env, program=program):
    return auto.select_stack(
        "dev", project_name="proj", program=program, opts=options_of(home, command, env)
    )


def options_of(home, command, env=None):
    return auto.LocalWorkspaceOptions(
        pulumi_command=command,
        pulumi_home=str(home / "pulumi-home"),
        work_dir=str(home / "work"),
        env_vars={
            "PULUMI_BACKEND_URL": f"file://{home}",
            "PULUMI_CONFIG_PASSPHRASE": "x",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            **(env or {}),
        },
    )


def test_killed_then_healed_then_handed_over(tmp_path):
    kill_when_hanging(tmp_path, "second", "after")
    finish(tmp_path)
    with cli_stack(tmp_path) as (stack, package):
        assert stack.up().summary.resource_changes == {"same": 4}
        assert package.world.verbs("create", "update", "delete") == []
    assert finish(tmp_path) == {"same": 4}


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_then_handed_over_as_it_is(tmp_path, when):
    """The CLI minds the dead engine's lock until it is cancelled, and makes what was begun: its
    create adopts the object."""
    kill_when_hanging(tmp_path, "second", when)
    with cli_stack(tmp_path) as (stack, package):
        with pytest.raises(auto.ConcurrentUpdateError):
            stack.up()
        stack.cancel()
        assert stack.up().summary.resource_changes == {"same": 2, "create": 2}
        assert sorted(package.world.objects) == ["first", "second", "third"]
    home = select(tmp_path, EmbeddedPulumi([package]), {})
    assert home.up().summary.resource_changes == {"same": 4}
    assert "pending_operations" not in home.export_stack().deployment


@pytest.mark.parametrize(("when", "made"), [("before", 2), ("after", 1)])
def test_killed_then_taken_over_without_a_word(tmp_path, when, made):
    """What was begun is found by the embedded engine, and the CLI makes the rest."""
    kill_when_hanging(tmp_path, "second", when)
    with cli_stack(tmp_path) as (stack, package):
        settling = SettlingCli(EmbeddedPulumi([package]))
        taken_over = select(tmp_path, settling, stack.workspace.env_vars)
        changes = taken_over.up().summary.resource_changes
        assert changes == {"same": 4 - made, "create": made}
        assert "pending_operations" not in taken_over.export_stack().deployment
        assert taken_over.up().summary.resource_changes == {"same": 4}


def test_killed_in_mid_destroy_then_destroyed_by_the_other(tmp_path):
    finish(tmp_path)
    kill_when_hanging(tmp_path, "second", "delete")
    with cli_stack(tmp_path) as (stack, package):
        stack.cancel()
        stack.destroy()
        assert package.world.objects == {}
        assert not stack.export_stack().deployment.get("resources")


COUNT = 60
TEXT = "x" * 2000  # in inputs and outputs: the checkpoint outgrows what is always written in full


def large():
    for number in range(COUNT):
        Thing(f"t{number:02}", text=TEXT)


def test_a_large_state_is_handed_over_in_full(tmp_path):
    """Whose steps went to a log. Its end leaves a checkpoint; a kill before that leaves the log,
    which the CLI does not read."""
    home, killed = tmp_path / "home", tmp_path / "killed"
    package = FakePackage()
    (home / "work").mkdir(parents=True)

    def create(cfg, inputs):
        if len(package.world.objects) == COUNT - 1:
            shutil.copytree(home, killed)  # what a kill at this moment leaves
        return package.thing._put(inputs)

    package.thing.on_create = create
    stack = auto.create_stack(
        "dev", project_name="proj", program=large, opts=options_of(home, EmbeddedPulumi([package]))
    )
    assert stack.up(parallel=1).summary.resource_changes == {"create": COUNT + 1}
    assert not list((home / ".pulumi/log").rglob("*.*")), "the log outlived its update"
    package.thing.on_create = None
    assert list((killed / ".pulumi/log/proj/dev").iterdir()), "the state is too small for a log"
    with opened(frozenset({"cli"}), package) as engines:
        cli = engines["cli"]
        assert select(home, cli.command, cli.env, large).up().summary.resource_changes == {
            "same": COUNT + 1
        }
        left = sorted(package.world.objects)[-1]
        package.world.objects.pop(left)
        taken_over = select(killed, SettlingCli(EmbeddedPulumi([package])), cli.env, large)
        changes = taken_over.up().summary.resource_changes
        assert changes == {"same": COUNT, "create": 1}
