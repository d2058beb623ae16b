"""How updates in other processes answer, whatever became of them. That real ones do is shown by
tests/engine/test_processes.py and tests/e2e/test_failures.py."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from automation import pulumi, update_processes
from automation.settings import Settings
from automation.state_secrets import new_state_secrets
from automation.update_processes import ProjectStack, UpdateProcesses, run_verb
from contracts.errors import BackendDown, DeployFailed, Locked, PlatformError, TimedOut
from contracts.home import Home, Ports
from engine.processes import CallFailed, CallTimedOut, ProcessDied
from engine.secrets_passphrase import derived_key
from stacks.spec import ProjectSpec

SECRET = "secret-4711"


@dataclass
class OneProcess:
    """Stands where engine.processes.Processes stands: calls in this very process, or fails."""

    error: Exception | None = None
    calls: list[Any] = field(default_factory=list)

    def call(self, function, *arguments, on_message, timeout_s):
        self.calls.append((function, *arguments))
        if self.error:
            raise self.error
        return function(on_message, *arguments)


@pytest.fixture
def stack(tmp_path) -> ProjectStack:
    home = Home(tmp_path, tmp_path, Ports(23320))
    spec = ProjectSpec.on(home, "a" * 20, rest_port=23400)
    secrets = {**new_state_secrets(pulumi.new_salt), "jwt": SECRET}
    return UpdateProcesses(OneProcess()).project_stack(Settings(home, SECRET), spec, secrets)


@pytest.fixture
def opened(monkeypatch, stack):
    """What was opened, instead of a real stack."""
    seen = []
    monkeypatch.setattr(pulumi, "project_stack", lambda *given: seen.append(given) or "opened")
    return seen


def test_events_and_outputs_come_back(monkeypatch, stack, opened):
    def up(stack, on_event):
        on_event("summary", {"changes": {"create": 1}})
        return {"api_url": "http://x"}

    monkeypatch.setattr(pulumi, "up", up)
    events = []
    processes = UpdateProcesses(OneProcess())
    assert processes.up(stack, lambda *event: events.append(event)) == {"api_url": "http://x"}
    assert events == [("summary", {"changes": {"create": 1}})]
    assert opened == [(stack.settings, stack.spec, stack.secrets)]


@pytest.mark.parametrize("error", [BackendDown("away", code="x"), DeployFailed("no", fix="y")])
def test_errors_keep_their_class_and_their_words(monkeypatch, stack, opened, error):
    def up(stack, on_event):
        raise error

    monkeypatch.setattr(pulumi, "up", up)
    with pytest.raises(type(error)) as raised:
        UpdateProcesses(OneProcess()).up(stack, lambda *event: None)
    seen, sent = raised.value, error
    assert (seen.message, seen.code, seen.fix) == (sent.message, sent.code, sent.fix)


@pytest.mark.parametrize(
    ("error", "class_", "code", "words"),
    [
        (ProcessDied(-11), DeployFailed, "program_crashed", "SIGSEGV"),
        (ProcessDied(None), DeployFailed, "program_crashed", "is gone"),
        (CallTimedOut(5), TimedOut, "timed_out", "within 5 s"),
        (CallFailed("ValueError", SECRET), DeployFailed, "deploy_failed", "ValueError"),
    ],
)
def test_an_update_that_did_not_come_back(stack, error, class_, code, words):
    with pytest.raises(PlatformError) as raised:
        UpdateProcesses(OneProcess(error)).destroy(stack, lambda *event: None)
    assert (type(raised.value), raised.value.code) == (class_, code)
    assert words in raised.value.message and stack.spec.ref in raised.value.message
    assert SECRET not in raised.value.message


def test_a_lock_that_a_dying_predecessor_holds_is_waited_for(monkeypatch, stack, opened):
    left = [Locked("held"), Locked("held")]

    def destroy(stack, on_event):
        if left:
            raise left.pop()

    monkeypatch.setattr(pulumi, "destroy", destroy)
    monkeypatch.setattr(update_processes, "LOCKED_RETRY_S", 0.0)
    assert run_verb(lambda message: None, "destroy", stack) == {"value": None}


def test_a_lock_that_stays_is_told(monkeypatch, stack, opened):
    def destroy(stack, on_event):
        raise Locked("held")

    monkeypatch.setattr(pulumi, "destroy", destroy)
    monkeypatch.setattr(update_processes, "LOCKED_WAIT_S", 0.0)
    with pytest.raises(Locked, match="held"):
        UpdateProcesses(OneProcess()).destroy(stack, lambda *event: None)


def test_the_key_goes_along_and_no_secret_is_shown(stack):
    assert stack.key == derived_key(stack.secrets["passphrase"], stack.secrets["encryptionsalt"])
    assert SECRET not in repr(stack)
