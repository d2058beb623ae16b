"""What every workflow promises, as data: its steps, its undo, and the states it leads between."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from automation import changes
from automation.registry.projects import ProjectState
from contracts.projects import OperationKind
from tests.automation.conftest import TESTER
from tests.automation.workflows.conftest import Plane

WANTED = {"rest": {"max_rows": 7}}
# What a project has in the rig, running and not.
RUNNING = frozenset({"route", "database", "role", "state", "folder"})
SHUT = RUNNING - {"route"}
GONE: frozenset[str] = frozenset()

Start = Callable[[Plane], str]
Ask = Callable[[Plane, str], UUID]


@dataclass(frozen=True)
class Law:
    """`start` brings a project to where the operation may begin; `ask` asks for it. `undo` is what
    runs after a failed step; of one before `undo_from` only the last of it, since nothing is
    changed."""

    name: str
    start: Start
    ask: Ask
    steps: tuple[str, ...]
    undo: tuple[str, ...]
    done: tuple[ProjectState, frozenset[str]]
    undone: tuple[ProjectState, frozenset[str]]
    undo_from: int = 0

    def __str__(self) -> str:
        return self.name

    def undo_of(self, step: str) -> tuple[str, ...]:
        return self.undo if self.steps.index(step) >= self.undo_from else self.undo[-1:]


def wanted(plane: Plane) -> str:
    return plane.insert()[0]


def active(plane: Plane) -> str:
    ref, created = plane.create()
    assert plane.wait(created).status == "finished"
    return ref


def paused(plane: Plane) -> str:
    ref = active(plane)
    assert plane.wait(plane.request(ref, "pause")).status == "finished"
    return ref


def deleted(plane: Plane) -> str:
    ref = active(plane)
    assert plane.wait(plane.destroy(ref, now=False)).status == "finished"
    return ref


def _create(plane: Plane, ref: str) -> UUID:
    operation = plane.active_operation(ref)
    plane.promise("create", ref, operation)
    return operation


def _restore(plane: Plane, ref: str) -> UUID:
    return UUID(changes.restore(plane.context, TESTER, ref).id)


def _asking(kind: OperationKind, **input: object) -> Ask:
    return lambda plane, ref: plane.request(ref, kind, **input)


_UP = ("start_change", "up_wanted", "probe_health", "commit_change")
_DOWN = ("start_change", "up_wanted", "end_sessions", "commit_change")
_BACK = ("up_last_good", "mark_undone")
_KEYS = ("start_change", "prepare_keys", "up_keys", "probe_keys", "commit_keys")
_KEYS_BACK = ("up_last_good", "discard_keys", "mark_undone")

LAWS = [
    Law(
        "create",
        wanted,
        _create,
        (
            *("load_plan", "check_backends", "generate_secrets", "up_stack", "probe_health"),
            "commit_active",
        ),
        ("destroy_stack", "sweep_leftovers", "mark_failed"),
        done=("ACTIVE", RUNNING),
        undone=("FAILED", GONE),
        undo_from=2,
    ),
    Law(
        "update",
        active,
        _asking("update", spec=WANTED),
        _UP,
        _BACK,
        done=("ACTIVE", RUNNING),
        undone=("ACTIVE", RUNNING),
    ),
    Law(
        "pause",
        active,
        _asking("pause"),
        _DOWN,
        _BACK,
        done=("PAUSED", SHUT),
        undone=("ACTIVE", RUNNING),
    ),
    Law(
        "restore a paused one",
        paused,
        _restore,
        _UP,
        _BACK,
        done=("ACTIVE", RUNNING),
        undone=("PAUSED", SHUT),
    ),
    Law(
        "restore a deleted one",
        deleted,
        _restore,
        _UP,
        _BACK,
        done=("ACTIVE", RUNNING),
        undone=("DELETED", SHUT),
    ),
    Law(
        "rotate",
        active,
        _asking("rotate", kinds=["api", "database", "storage"], overlap_s=60),
        _KEYS,
        _KEYS_BACK,
        done=("ACTIVE", RUNNING),
        undone=("ACTIVE", RUNNING),
    ),
    Law(
        "restart",
        active,
        _asking("restart"),
        ("start_change", "restart_processes", "probe_health", "commit_change"),
        ("mark_not_restarted",),
        done=("ACTIVE", RUNNING),
        undone=("ACTIVE", RUNNING),
    ),
    Law(
        "refresh",
        active,
        _asking("refresh"),
        ("start_look", "refresh_stack", "commit_result"),
        ("mark_not_seen",),
        done=("ACTIVE", RUNNING),
        undone=("ACTIVE", RUNNING),
    ),
    Law(
        "preview",
        active,
        _asking("preview", spec=WANTED),
        ("start_look", "preview_stack", "commit_result"),
        ("mark_not_seen",),
        done=("ACTIVE", RUNNING),
        undone=("ACTIVE", RUNNING),
    ),
    Law(
        "destroy",
        active,
        lambda plane, ref: plane.destroy(ref, now=False),
        ("is_purge", *_DOWN),
        _BACK,
        done=("DELETED", SHUT),
        undone=("ACTIVE", RUNNING),
        undo_from=1,
    ),
    Law(
        "purge",
        active,
        lambda plane, ref: plane.destroy(ref, now=True),
        ("is_purge", "start_destroy", "destroy_stack", "sweep_leftovers", "commit_removed"),
        ("mark_destroy_stuck",),
        done=("REMOVED", GONE),
        undone=("CLEANUP_STUCK", RUNNING),
        undo_from=1,
    ),
]
# A last step that was done is done: what fails after it changes nothing any more. And to fail
# before a step is to fail after the one before it.
STEPS_THAT_FAIL = [
    (law, step, moment)
    for law in LAWS
    for step in law.steps
    for moment in ("before", "after")
    if (moment == "before") == (step == law.steps[-1]) and step != "is_purge"
]
