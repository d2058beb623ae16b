"""One stack that engines take turns on, command by command."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any

from pulumi import automation as auto
from pulumi.automation.events import EngineEvent

from engine.secrets_passphrase import new_salt
from engine.testing import FakePackage
from tests.engine.conformance import trace
from tests.engine.conformance.engines import Engine
from tests.engine.conformance.trace import Trace

PROJECT, STACK = "proj", "dev"
PASSPHRASE = "x"


class Runner:
    """What scenarios are written against. A command that fails does not raise: its trace says so.

    Every command is done by the next engine in turn, on the state that the last one left, and must
    do what `expected` says, where that is given: the traces of another run."""

    def __init__(
        self,
        folder: Path,
        engines: Sequence[Engine],
        package: FakePackage,
        expected: Iterator[Trace] | None = None,
    ) -> None:
        self.package, self.world = package, package.world
        self.traces: list[Trace] = []
        # What the engines do not agree in from here on; each use says why.
        self.differs_in: set[str] = set()
        self._folder, self._expected = folder, expected
        self._turns = cycle([self._stack(engine) for engine in engines])

    # Commands

    def up(self, program: Callable[[], Any], **options: Any) -> Trace:
        return self._run("up", program=program, **options)

    def preview(self, program: Callable[[], Any], **options: Any) -> Trace:
        return self._run("preview", program=program, **options)

    def refresh(self, **options: Any) -> Trace:
        return self._run("refresh", **options)

    def destroy(self, **options: Any) -> Trace:
        return self._run("destroy", **options)

    def configure(self, **config: auto.ConfigValue) -> None:
        next(self._turns).set_all_config(config)

    def edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the exported state and import it again."""
        stack = next(self._turns)
        exported = stack.export_stack()
        change(exported.deployment)
        stack.import_stack(exported)

    # How

    def _stack(self, engine: Engine) -> auto.Stack:
        work, home = self._folder / "work", self._folder / f"home-{engine.name}"
        work.mkdir(exist_ok=True)
        home.mkdir(exist_ok=True)
        return auto.create_or_select_stack(
            STACK,
            project_name=PROJECT,
            program=_nothing,
            opts=auto.LocalWorkspaceOptions(
                pulumi_command=engine.command,
                pulumi_home=str(home),
                work_dir=str(work),
                secrets_provider="passphrase",
                stack_settings={STACK: auto.StackSettings(encryption_salt=salt())},
                env_vars={
                    "PULUMI_BACKEND_URL": self._folder.as_uri(),
                    "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
                    "PULUMI_SKIP_UPDATE_CHECK": "true",
                    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
                    **engine.env,
                },
            ),
        )

    def _run(self, command: str, **options: Any) -> Trace:
        stack = next(self._turns)
        events: list[EngineEvent] = []
        before = len(self.world.calls)
        succeeded, words, outputs = True, "", {}
        try:
            result = getattr(stack, command)(on_event=events.append, **options)
            for name, output in getattr(result, "outputs", {}).items():
                outputs[name] = (output.value, output.secret)
        except auto.CommandError as error:
            succeeded, words = False, str(error)
        exported = stack.export_stack()
        done = Trace(
            command=command,
            succeeded=succeeded,
            changes=trace.changes_of(events),
            steps=trace.steps_of(events),
            failed=trace.failed_of(events),
            differing=trace.differing_of(events),
            # The embedded engine also looks for objects by their names.
            calls=[call for call in self.world.calls[before:] if call[0] != "find"],
            outputs=outputs,
            resources=trace.resources_of(exported),
            errors=[*trace.errors_of(events), words],
            partial=bool(options.keys() & {"target", "exclude", "exclude_protected"}),
        )
        assert not trace.pending_of(exported), "an operation was left pending"
        self.traces.append(done)
        if self._expected is not None:
            expected = next(self._expected)
            found = [
                difference
                for difference in trace.differences(done.comparable(), expected.comparable())
                if difference.split("/")[1].split(":")[0] not in self.differs_in
            ]
            assert not found, "\n".join([*found, *done.errors])
        return done


def _nothing() -> None: ...


@cache
def salt() -> str:
    """One for all stacks, so that a key is derived once."""
    return new_salt(PASSPHRASE)
