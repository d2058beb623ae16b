"""Every argument that the Python SDK can emit is carried out or refused by name, never ignored."""

import inspect
import re
from pathlib import Path

import pytest
from pulumi import automation as auto
from pulumi.automation.interface import API

import engine.commands
from engine.commands.arguments import parse
from engine.commands.forms import NEEDLESS, TABLE
from engine.errors import UsageError
from engine.version import VERSION


class Recorded(Exception):
    """What the SDK was about to run."""


class Recorder(auto.PulumiCommand):
    """Stands where the engine would: takes note of an argument list and runs nothing."""

    command = "recorder"
    version = VERSION

    def __init__(self):
        self.calls = []

    def run(self, args, cwd, additional_env, on_output=None, on_error=None):
        self.calls.append(list(args))
        raise Recorded


VALUES = (
    ("bool", True),
    ("int", 3),
    ("ConfigValue", auto.ConfigValue("v", secret=True)),
    ("ConfigMap", {"k": auto.ConfigValue("v")}),
    ("Deployment", auto.Deployment(3, {})),
    ("list[str]", ["x"]),
    ("list[Import", [{"type": "a:b:C", "name": "n", "id": "i"}]),
    ("Mapping", {"k": "v"}),
    ("dict", {"k": "v"}),
    ("Callable", None),
    ("OnOutput", None),
    ("PulumiFn", None),
    ("str", "x"),
)


def value_for(name, annotation):
    if name == "color":
        return "never"
    text = str(annotation).removeprefix("typing.")
    text = re.sub(r"Optional\[(.*)\]", r"\1", text)
    return next((value for word, value in VALUES if word.lower() in text.lower()), None)


def calls_of(owner, method):
    """The method with what it needs, and once more with each of its options."""
    parameters = list(inspect.signature(getattr(owner, method)).parameters.values())
    needed, options = {}, {}
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL or parameter.name in ("cwd", "program"):
            continue
        value = value_for(parameter.name, parameter.annotation)
        if parameter.default is parameter.empty:
            needed[parameter.name] = "x" if value is None else value
        elif value is not None:
            options[parameter.name] = value
    yield needed
    for name, value in options.items():
        yield {**needed, name: value}


def public(type_):
    return sorted(
        name
        for name, value in inspect.getmembers(type_, inspect.isfunction)
        if not name.startswith("__") and name != "_run" and not name.startswith("_run_")
    )


@pytest.fixture(scope="module")
def emitted(tmp_path_factory):
    recorder = Recorder()
    folder = tmp_path_factory.mktemp("work")
    workspace = auto.LocalWorkspace(
        work_dir=str(folder),
        pulumi_command=recorder,
        project_settings=auto.ProjectSettings(name="p", runtime="python"),
    )
    stack = auto.Stack.__new__(auto.Stack)
    stack.name, stack.workspace, stack._mode = "dev", workspace, None
    # Nothing runs, so nothing sends events: no server for them, nor a thread that waits.
    stack._setup_event_log = lambda *args: ("tcp://events", None, None, None, None)
    for owner in (API(recorder), stack, workspace):
        for name in public(type(owner)):
            for arguments in calls_of(owner, name):
                try:
                    getattr(owner, name)(**arguments)
                except Exception:  # noqa: BLE001  the recorder's, or the SDK's about a dummy
                    continue
    return recorder.calls


def test_all_is_carried_out_or_refused_by_name(emitted):
    understood, refused = set(), set()
    for args in emitted:
        try:
            understood.add(parse(args).command)
        except UsageError as refusal:
            words = [word for word in args if word != "--"]
            named = [word.partition("=")[0] for word in words if word.startswith("-")]
            assert any(word in str(refusal) for word in [words[0], *named]), (args, refusal)
            refused.add(words[0])
    assert len(emitted) > 400
    assert {("preview",), ("up",), ("refresh",), ("destroy",), ("stack", "rename")} <= understood
    assert {"env", "new", "install", "org", "import"} <= refused


UPDATES = ("up", "preview", "refresh", "destroy")


@pytest.mark.parametrize("command", UPDATES)
def test_what_an_update_takes(emitted, command):
    """The flags of `Stack.up()` and its like, one by one."""
    found = {arg.partition("=")[0] for args in emitted if args[0] == command for arg in args}
    flags = {arg for arg in found if arg.startswith("--")}
    refused = {flag for flag in flags if flag not in TABLE[command,].flags} - {"--color", "--help"}
    assert refused <= {
        "--plan",
        "--save-plan",
        "--import-file",
        "--policy-pack",
        "--policy-pack-config",
        "--attach-debugger",
        "--tracing",
        "--logflow",
        "--logtostderr",
        "--verbose",
        # of the generated interface, which knows every flag of the CLI
        *(flag for flag in flags if flag.startswith("--remote") or flag in GENERATED_ONLY),
    }


GENERATED_ONLY = {
    "--copilot",
    "--disable-integrity-checking",
    "--exec-agent",
    "--fully-qualify-stack-names",
    "--import-pending-creates",
    "--memprofilerate",
    "--neo",
    "--otel-traces",
    "--output",
    "--override-env",
    "--profiling",
    "--skip-config-validation",
    "--skip-pending-creates",
    "--tracing-header",
    "--yes",
}


def test_every_flag_of_the_table_is_read_by_a_command():
    folder = Path(engine.commands.__file__).parent
    source = "".join(path.read_text() for path in folder.glob("*.py") if path.name != "forms.py")
    # Pending creates are settled by every update: this asks for no more than that.
    without_effect = {*NEEDLESS, "--clear-pending-creates"}
    flags = {flag for form in TABLE.values() for flag in form.flags}
    assert {flag for flag in flags if f'"{flag}"' not in source} == without_effect
