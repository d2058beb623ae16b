"""The unmodified Automation API, with the engine as its command, on a file backend."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pulumi
import pytest
from pulumi import automation as auto

from engine import EmbeddedPulumi
from engine.testing import FakePackage
from tests.engine.fake_sdk import Pair, Thing

SECRET = "a-secret-4711"


@pytest.fixture
def package():
    return FakePackage()


@pytest.fixture
def open_stack(tmp_path, package):
    """Open a stack; each name has a folder of its own, all share one backend and one engine."""
    engine = EmbeddedPulumi([package])

    def open_(program, name="dev", **env):
        work = tmp_path / "work" / name
        work.mkdir(parents=True, exist_ok=True)
        return auto.create_or_select_stack(
            name,
            project_name="proj",
            program=program,
            opts=auto.LocalWorkspaceOptions(
                pulumi_command=engine,
                work_dir=str(work),
                env_vars={
                    "PULUMI_BACKEND_URL": f"file://{tmp_path}",
                    "PULUMI_CONFIG_PASSPHRASE": "x",
                    **env,
                },
            ),
        )

    return open_


def program():
    config = pulumi.Config()
    thing = Thing("a", size=config.get_int("size") or 1, token=config.get_secret("token"))
    Pair("pair")
    pulumi.export("url", thing.url)
    pulumi.export("token", config.get_secret("token"))
    pulumi.export("list", [1, 2.5, {"deep": True}])


def test_the_whole_life_of_a_stack(open_stack, package, tmp_path):
    stack = open_stack(program)
    stack.set_all_config(
        {
            "size": auto.ConfigValue("3"),
            "token": auto.ConfigValue(SECRET, secret=True),
        }
    )
    assert stack.get_config("size").value == "3"
    config = stack.get_all_config()
    assert (config["proj:token"].value, config["proj:token"].secret) == (SECRET, True)

    assert stack.preview().change_summary == {"create": 5}
    assert package.world.calls == []

    lines, events = [], []
    up = stack.up(on_output=lines.append, on_event=events.append, message="first")
    assert up.summary.result == "succeeded"
    assert up.summary.message == "first"
    assert up.summary.resource_changes == {"create": 5}
    assert up.summary.config["proj:token"].value == SECRET
    assert (up.outputs["url"].value, up.outputs["url"].secret) == ("fake://a", False)
    assert (up.outputs["token"].value, up.outputs["token"].secret) == (SECRET, True)
    assert up.outputs["list"].value == [1, 2.5, {"deep": True}]
    assert package.world.objects["a"] == {
        "size": 3,
        "token": SECRET,
        "name": "a",
        "url": "fake://a",
    }
    assert any("a created" in line for line in lines)
    assert events[-1].cancel_event is not None
    assert events[-2].summary_event.resource_changes == {"create": 5}
    assert SECRET not in "\n".join(lines)
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or SECRET not in file.read_text(), file

    assert stack.up().summary.resource_changes == {"same": 5}
    assert [entry.kind for entry in stack.history()] == ["update", "update"]
    assert [entry.message for entry in stack.history(page_size=1, page=2)] == ["first"]

    exported = stack.export_stack()
    types = [resource["type"] for resource in exported.deployment["resources"]]
    assert types.count("fake:index:Thing") == 3
    stack.import_stack(exported)
    assert stack.up().summary.resource_changes == {"same": 5}

    assert stack.refresh().summary.resource_changes == {"same": 5}
    assert [summary.name for summary in stack.workspace.list_stacks()] == ["dev"]
    assert stack.workspace.list_stacks()[0].resource_count == 6
    assert stack.workspace.who_am_i().user

    assert stack.destroy().summary.resource_changes == {"delete": 5}
    assert package.world.objects == {}
    stack.workspace.remove_stack("dev")
    assert stack.workspace.list_stacks() == []


def test_selecting_what_does_not_exist(open_stack):
    stack = open_stack(program)
    with pytest.raises(auto.StackNotFoundError):
        stack.workspace.select_stack("ghost")


def test_creating_what_exists(open_stack):
    stack = open_stack(program)
    with pytest.raises(auto.StackAlreadyExistsError):
        stack.workspace.create_stack("dev")


def test_removing_what_has_resources(open_stack):
    stack = open_stack(program)
    stack.up()
    with pytest.raises(auto.CommandError, match="still has resources"):
        stack.workspace.remove_stack("dev")
    stack.workspace.remove_stack("dev", force=True)


def test_a_program_that_raises(open_stack):
    def broken():
        raise LookupError("nothing here")

    stack = open_stack(broken)
    with pytest.raises(auto.InlineSourceRuntimeError, match="nothing here"):
        stack.up()
    assert stack.history()[0].result == "failed"


def test_a_resource_that_fails(open_stack, package):
    def create(cfg, inputs):
        raise OSError("the disk is full")

    package.thing.on_create = create
    stack = open_stack(program)
    with pytest.raises(auto.CommandError, match="the disk is full"):
        stack.up()


def test_two_updates_of_one_stack(open_stack, package):
    began, go_on = threading.Event(), threading.Event()

    def create(cfg, inputs):
        began.set()
        assert go_on.wait(20)
        return package.thing._put(inputs)

    package.thing.on_create = create
    stack = open_stack(lambda: Thing("a"))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(stack.up)
        assert began.wait(20)
        try:
            with pytest.raises(auto.ConcurrentUpdateError):
                open_stack(lambda: Thing("a")).up()
        finally:
            go_on.set()
        assert first.result().summary.result == "succeeded"


def test_ten_stacks_at_once_do_not_mix(open_stack, package):
    def program_of(name):
        def own():
            assert pulumi.get_stack() == name
            first = Thing(f"{name}-1", mark=name, token=pulumi.Config().require_secret("token"))
            second = Thing(f"{name}-2", of=first.url)
            pulumi.export("url", second.url)
            pulumi.export("token", pulumi.Config().require_secret("token"))

        return own

    def live(name):
        stack = open_stack(program_of(name), name)
        stack.set_config("token", auto.ConfigValue(f"token-of-{name}", secret=True))
        stack.preview()
        up = stack.up()
        assert up.outputs["url"].value == f"fake://{name}-2"
        assert up.outputs["token"].value == f"token-of-{name}"
        assert stack.up().summary.resource_changes == {"same": 3}
        assert package.world.objects[f"{name}-1"]["token"] == f"token-of-{name}"
        stack.destroy()
        return name

    names = [f"tenant{n}" for n in range(10)]
    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(live, names)) == names
    assert package.world.objects == {}


def test_a_lost_settings_file_does_not_change_the_salt(open_stack, tmp_path):
    stack = open_stack(program)
    stack.up()
    file = tmp_path / ".pulumi" / "stacks" / "proj" / "dev.json"
    before = json.loads(file.read_text())["checkpoint"]["latest"]["secrets_providers"]
    (tmp_path / "work" / "dev" / "Pulumi.dev.yaml").unlink()
    assert stack.up().summary.resource_changes == {"same": 5}
    after = json.loads(file.read_text())["checkpoint"]["latest"]["secrets_providers"]
    assert before == after


def test_a_wrong_passphrase_changes_nothing(open_stack, tmp_path):
    open_stack(program).up()
    file = tmp_path / ".pulumi" / "stacks" / "proj" / "dev.json"
    before = file.read_bytes()
    with pytest.raises(auto.CommandError, match="incorrect passphrase"):
        open_stack(program, PULUMI_CONFIG_PASSPHRASE="wrong").up()
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda stack: stack.up(target=["urn"]), "could not be found in the stack"),
        (lambda stack: stack.up(target=["a"], exclude=["b"]), "cannot be given together"),
        (lambda stack: stack.up(policy_packs=["p"]), "--policy-pack"),
        (lambda stack: stack.up(plan="p"), "--plan"),
        (lambda stack: stack.preview(attach_debugger=True), "--attach-debugger"),
        (lambda stack: stack.destroy(exclude_protected=True, target=["u"]), "--exclude-protected"),
        (lambda stack: stack.workspace.install_plugin("aws", "v1"), "plugin"),
        (lambda stack: stack.up(color="always"), "color"),
        (lambda stack: stack.destroy(run_program=True), "--run-program"),
    ],
)
def test_what_is_not_supported_is_refused(open_stack, call, words):
    stack = open_stack(program)
    with pytest.raises(auto.CommandError, match=words):
        call(stack)


def test_expect_no_changes(open_stack):
    stack = open_stack(program)
    stack.up()
    stack.up(expect_no_changes=True)
    with pytest.raises(auto.CommandError, match="no changes were expected"):
        stack.destroy(preview_only=True)
        stack.preview(expect_no_changes=True, program=lambda: Thing("b"))


def test_configuration_commands(open_stack):
    stack = open_stack(program)
    stack.set_config("plain", auto.ConfigValue("a=b -- c"))
    stack.set_config("nested.list[0]", auto.ConfigValue("x", secret=True), path=True)
    assert stack.get_config("plain").value == "a=b -- c"
    assert stack.get_config("nested.list[0]", path=True).value == "x"
    assert stack.get_all_config()["proj:nested"].secret
    stack.set_all_config_json(json.dumps({"proj:j": {"value": "1", "secret": False}}))
    stack.remove_all_config(["plain", "j"])
    assert list(stack.get_all_config()) == ["proj:nested"]
    with pytest.raises(auto.CommandError, match="not found"):
        stack.get_config("plain")


def test_renaming(open_stack):
    stack = open_stack(program)
    stack.up()
    stack.workspace.pulumi_command.run(
        ["stack", "rename", "prod", "--stack", "dev"],
        stack.workspace.work_dir,
        stack.workspace.env_vars,
    )
    renamed = auto.select_stack(
        "prod",
        project_name="proj",
        program=program,
        opts=auto.LocalWorkspaceOptions(
            pulumi_command=stack.workspace.pulumi_command,
            work_dir=stack.workspace.work_dir,
            env_vars=stack.workspace.env_vars,
        ),
    )
    assert renamed.up().summary.resource_changes == {"same": 5}
