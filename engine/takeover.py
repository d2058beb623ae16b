"""Taking a stack over from a process that was killed.

Owns what either engine leaves to a person when it finds such a stack: the lock of a dead process,
and for the CLI what only the embedded engine puts right. For callers that know by other means that
nobody else works on the stack: that a process of this host is gone proves little where containers
share a host name (stack_locks.owner_is_gone).
"""

from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path

from pulumi.automation import CommandResult, PulumiCommand

from engine.backends import open_bucket
from engine.command import EmbeddedPulumi, OnOutput
from engine.errors import ConcurrentUpdate
from engine.project import find_project
from engine.stack_locks import remove_dead
from engine.stack_reference import StackReference, parse_stack_reference
from engine.stacks_store import StackStore

_UPDATES = ("preview", "up", "refresh", "destroy")


def unlock(backend_url: str, project: str, stack: str) -> int:
    """Remove the locks of dead processes of this host, the CLI's among them, and say how many."""
    with closing(open_bucket(backend_url, Path.cwd())) as bucket:
        return remove_dead(bucket, parse_stack_reference(stack, project))


class SettlingCli(PulumiCommand):
    """The CLI on PATH, which finds nothing to stumble over: before each update the locks of dead
    processes are removed, what a log holds is written as a checkpoint, and pending creates, which
    the CLI cannot look for, are found or given up by a refresh of the `embedded` engine."""

    def __init__(self, embedded: EmbeddedPulumi) -> None:
        """Raises OSError or the SDK's InvalidVersionError where no such CLI is on PATH."""
        super().__init__()
        self._embedded = embedded

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnOutput | None = None,
        on_error: OnOutput | None = None,
    ) -> CommandResult:
        project = find_project(Path(cwd))
        if args[0] in _UPDATES and "--stack" in args and project is not None:
            name = args[args.index("--stack") + 1]
            if self._take_over(parse_stack_reference(name, project.name), cwd, additional_env):
                refresh = ["refresh", "--yes", "--skip-preview", "--stack", name]
                self._embedded.run(refresh, cwd, additional_env)
        return super().run(args, cwd, additional_env, on_output, on_error)

    def _take_over(self, stack: StackReference, cwd: str, env: Mapping[str, str]) -> bool:
        """Clear the locks and the log of a dead process away; whether a create is still pending."""
        with closing(open_bucket(env["PULUMI_BACKEND_URL"], Path(cwd))) as bucket:
            remove_dead(bucket, stack)
            store = StackStore(bucket)
            # Whoever is alive and has locked it is told of by the CLI.
            with suppress(ConcurrentUpdate), store.lock(stack):
                return store.summary(stack).pending
        return False
