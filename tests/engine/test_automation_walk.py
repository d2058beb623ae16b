"""Every public method of the Automation API's Stack and LocalWorkspace, against the engine."""

import inspect
import json

import pulumi
import pytest
from pulumi import automation as auto

from engine import EmbeddedPulumi
from engine.testing import FakePackage
from tests.engine.fake_sdk import Thing

A = "urn:pulumi:dev::proj::fake:index:Thing::a"


class Traced:
    """An object, and the names of its methods that were called."""

    def __init__(self, target):
        self.target, self.called = target, set()

    def __getattr__(self, name):
        self.called.add(name)
        return getattr(self.target, name)


def methods(type_):
    found = inspect.getmembers(type_, lambda value: inspect.isfunction(value))
    return {name for name, _ in found if not name.startswith("_")}


def program():
    config = pulumi.Config()
    thing = Thing("a", size=config.get_int("size") or 1)
    pulumi.export("url", thing.url)
    pulumi.export("key", pulumi.Output.secret("hush-hush"))


@pytest.fixture
def engine(package):
    return EmbeddedPulumi([package])


@pytest.fixture
def package():
    return FakePackage()


@pytest.fixture
def options(tmp_path, engine):
    def make(folder="work", **env):
        work = tmp_path / folder
        work.mkdir(exist_ok=True)
        return auto.LocalWorkspaceOptions(
            pulumi_command=engine,
            work_dir=str(work),
            pulumi_home=str(tmp_path / "home"),
            env_vars={
                "PULUMI_BACKEND_URL": f"file://{tmp_path}",
                "PULUMI_CONFIG_PASSPHRASE": "x",
                **env,
            },
        )

    return make


def test_every_method_of_a_stack(options, package):
    opts = options()
    given = {"project_name": "proj", "program": program, "opts": opts}
    with pytest.raises(auto.StackNotFoundError):
        auto.select_stack("dev", **given)
    made = auto.create_stack("dev", **given)
    with pytest.raises(auto.StackAlreadyExistsError):
        auto.create_stack("dev", **given)
    auto.create_or_select_stack("dev", **given)
    stack = Traced(made)

    stack.set_config("size", auto.ConfigValue("2"))
    stack.set_all_config({"o.deep[0]": auto.ConfigValue("v", secret=True)}, path=True)
    stack.set_all_config_json(json.dumps({"proj:j": {"value": "1", "secret": False}}))
    assert stack.get_config("o.deep[0]", path=True).value == "v"
    assert set(stack.get_all_config()) == {"proj:size", "proj:o", "proj:j"}
    stack.remove_config("j")
    stack.remove_all_config(["o"])

    lines, events = [], []
    assert stack.preview(on_output=lines.append, on_event=events.append, diff=True).change_summary
    assert events[-1].cancel_event is not None and lines
    up = stack.up(on_output=lines.append, on_event=events.append, message="first", parallel=2)
    assert up.outputs["url"].value == "fake://a"
    assert up.outputs["key"].secret and "hush-hush" not in "\n".join(lines)
    assert stack.outputs()["key"].value == "hush-hush"
    assert stack.info().message == "first" and stack.info(show_secrets=False).result == "succeeded"
    assert [entry.kind for entry in stack.history(page_size=5, page=1)] == ["update"]

    package.world.objects["a"]["size"] = 7
    assert stack.preview_refresh(target=[A]).change_summary == {"update": 1}
    assert stack.refresh(expect_no_changes=False).summary.resource_changes == {
        "same": 1,
        "update": 1,
    }
    assert stack.up(refresh=True, continue_on_error=True).summary.resource_changes["update"] == 1
    replaced = stack.up(replace=[A], target=[A], target_dependents=True, suppress_outputs=True)
    assert replaced.summary.resource_changes["replace"] == 1
    assert stack.up(exclude=[A], exclude_dependents=True).summary.resource_changes == {"same": 2}

    stack.set_config("size", auto.ConfigValue("9"))
    stack.refresh_config()
    assert stack.get_config("size").value == "2"
    stack.set_tag("owner", "me")
    assert (stack.get_tag("owner"), stack.list_tags()) == ("me", {"owner": "me"})
    stack.remove_tag("owner")
    assert stack.list_tags() == {}

    exported = stack.export_stack()
    assert len(exported.deployment["resources"]) == 3
    stack.import_stack(exported)
    stack.cancel()
    renamed = stack.rename("prod")
    assert renamed.summary.result == "succeeded"
    assert stack.up().summary.resource_changes == {"same": 2}
    assert stack.preview_destroy().change_summary == {"delete": 2}
    assert stack.destroy(exclude_protected=True).summary.resource_changes == {"delete": 2}

    for refused, words in (
        (lambda: stack.import_resources(resources=[], generate_code=False), "import"),
        (lambda: stack.add_environments("e"), "config env"),
        (lambda: stack.list_environments(), "config env"),
        (lambda: stack.remove_environment("e"), "config env"),
    ):
        with pytest.raises(auto.CommandError, match=f"'{words}' is no command"):
            refused()
    assert stack.called - {"name"} >= methods(auto.Stack)


def test_every_method_of_a_workspace(options, tmp_path):
    opts = options()
    stack = auto.create_stack("dev", project_name="proj", program=program, opts=opts)
    work = Traced(stack.workspace)
    settings = work.project_settings()
    assert settings.name == "proj"
    work.save_project_settings(settings)
    own = work.stack_settings("dev")
    assert own.encryption_salt
    work.save_stack_settings("dev", own)
    assert work.serialize_args_for_op("dev") == []
    work.post_command_callback("dev")
    assert str(work.pulumi_version)

    work.create_stack("two")
    assert work.stack().name == "two"
    work.select_stack("dev")
    assert work.stack().name == "dev"
    assert [summary.name for summary in work.list_stacks()] == ["dev", "two"]
    assert work.list_stacks(include_all=True)[0].name == "organization/proj/dev"
    work.remove_stack("two", force=True, preserve_config=True)
    assert (tmp_path / "work" / "Pulumi.two.yaml").exists()

    work.set_config("dev", "a", auto.ConfigValue("1"))
    work.set_all_config("dev", {"b": auto.ConfigValue("2", secret=True)})
    work.set_all_config_json("dev", json.dumps({"c": {"value": "3"}}))
    assert work.get_config("dev", "b").secret
    assert len(work.get_all_config("dev")) == 3
    work.remove_config("dev", "a")
    work.remove_all_config("dev", ["b", "c"])
    with pytest.raises(auto.CommandError, match="no previous deployment"):
        work.refresh_config("dev")
    work.set_tag("dev", "t", "v")
    assert work.get_tag("dev", "t") == work.list_tags("dev")["t"] == "v"
    work.remove_tag("dev", "t")
    assert work.who_am_i().url.startswith("file://")
    assert work.stack_outputs("dev") == {}
    work.import_stack("dev", work.export_stack("dev"))
    assert work.list_plugins() == []

    refusals = {
        "org_get_default": (),
        "org_set_default": ("o",),
        "install": (),
        "new": (),
        "install_plugin": ("aws", "v1"),
        "install_plugin_from_server": ("aws", "v1", "s"),
        "remove_plugin": ("aws",),
        "add_environments": ("dev", "e"),
        "list_environments": ("dev",),
        "remove_environment": ("dev", "e"),
    }
    for name, arguments in refusals.items():
        with pytest.raises(auto.CommandError, match="is no command of the embedded engine"):
            getattr(work, name)(*arguments)
    assert work.called >= methods(auto.LocalWorkspace)


def test_a_local_program(options, tmp_path):
    """A folder with a Pulumi.yaml: the program runs in a process of its own."""
    folder = tmp_path / "local"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: local\nruntime: python\n")
    (folder / "__main__.py").write_text(
        "import pulumi\npulumi.export('name', pulumi.Config().require('who'))\n"
    )
    stack = auto.create_or_select_stack("dev", work_dir=str(folder), opts=options("local"))
    stack.set_config("who", auto.ConfigValue("me"))
    assert stack.preview().change_summary == {"create": 1}
    assert stack.up().outputs["name"].value == "me"
    stack.remove_config("who")
    with pytest.raises(auto.CommandError, match="who"):
        stack.up()


def test_one_stack_refers_to_another(options):
    auto.create_stack("prod", project_name="base", program=program, opts=options("base")).up()

    def referring():
        base = pulumi.StackReference("organization/base/prod")
        pulumi.export("url", base.get_output("url"))
        pulumi.export("key", base.get_output("key"))

    given = {"project_name": "app", "program": referring}
    outputs = auto.create_stack("dev", opts=options("app"), **given).up().outputs
    assert (outputs["url"].value, outputs["url"].secret) == ("fake://a", False)
    assert (outputs["key"].value, outputs["key"].secret) == ("hush-hush", True)

    # Without its passphrase the open outputs can be read, and the secrets are empty.
    strange = options("strange", PULUMI_CONFIG_PASSPHRASE="another")
    outputs = auto.create_stack("strange", opts=strange, **given).up().outputs
    assert outputs["url"].value == "fake://a"
    assert outputs["key"].value is None


def test_options_that_are_refused(options):
    given = {"project_name": "proj", "program": program, "opts": options()}
    stack = auto.create_or_select_stack("dev", **given)
    for call, words in (
        (lambda: stack.up(policy_packs=["p"]), "--policy-pack"),
        (lambda: stack.up(plan="p"), "--plan"),
        (lambda: stack.preview(plan="p"), "--save-plan"),
        (lambda: stack.preview(import_file="p"), "--import-file"),
        (lambda: stack.up(log_verbosity=3), "--verbose"),
        (lambda: stack.up(tracing="t"), "--tracing"),
        (lambda: stack.preview(attach_debugger=True), "--attach-debugger"),
        (lambda: stack.refresh(run_program=True), "--run-program"),
    ):
        with pytest.raises(auto.CommandError, match=words):
            call()
