"""Decides what an update has to do.

Owns the rules by which a registration becomes same, create, update, replace or read, and what is
deleted in the end. Pure: it never calls a provider, reads a file or waits; diffs and checked inputs
are handed to it, steps come out. Not thread-safe: its caller serializes the calls.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from engine import urns
from engine.aliases import Named, alias_urns
from engine.decision import (
    Decision,
    Registration,
    StepError,
    replaced_on_changes,
    triggered,
    with_ignored,
)
from engine.dependencies import antichains, dependents
from engine.goal import Goal, ReadGoal
from engine.provider import UNKNOWN, Diff, Props
from engine.resource_state import ResourceState
from engine.scope import EVERYTHING, Scope, Selected, check_known
from engine.steps import Op, Step

DiffOldWith = Callable[[ResourceState, Props], Diff]


class StepGenerator:
    """The progress of one update: what was registered, what was condemned."""

    def __init__(
        self,
        stack: str,
        project: str,
        olds: Sequence[ResourceState],
        selected: Selected = EVERYTHING,
        ignore_protect: bool = False,
    ) -> None:
        self._stack, self._project = stack, project
        self._ignore_protect = ignore_protect
        self._olds = list(olds)
        # Of several states with one URN, only one is live; the rest wait for their delete.
        self._live = {state.urn: state for state in olds if not state.delete}
        self._selected = selected
        self._scope = Scope(selected)
        self._registered: set[str] = set()
        self._operated: set[str] = set()
        self._aliased: dict[str, str] = {}  # old URN -> the URN that took it over
        self._alias_used: dict[str, str] = {}  # the other way round
        self._replaced: set[str] = set()
        self._condemned: dict[ResourceState, tuple[str, ...]] = {}  # deleted ahead of replacement
        self.deleting: set[str] = set()

    # Registrations

    def urn_of(self, goal: Goal | ReadGoal) -> str:
        return urns.urn(self._stack, self._project, goal.parent, goal.type, goal.name)

    def register(self, goal: Goal) -> Registration:
        """Give a goal its URN and find its old state. Raises StepError for a bad request."""
        urn = self._claim(goal)
        now = Named(self._stack, self._project, goal.parent, goal.type, goal.name)
        old, alias = self._find_old(urn, alias_urns(now, goal.aliases, self._alias_used))
        inputs, missed = with_ignored(goal, old)
        recreating = old is not None and old in self._condemned
        return Registration(goal, urn, old, alias, recreating, inputs, missed)

    def _claim(self, goal: Goal | ReadGoal) -> str:
        urn = self.urn_of(goal)
        if goal.parent and goal.parent not in self._registered:
            raise StepError(urn, f"could not find parent resource {goal.parent}")
        if urn in self._registered:
            raise StepError(urn, f"Duplicate resource URN '{urn}'; try giving it a unique name")
        if urn in self._aliased:
            raise StepError(
                urn, f"Duplicate resource URN '{urn}': '{self._aliased[urn]}' has it as an alias"
            )
        self._registered.add(urn)
        return urn

    def _find_old(self, urn: str, aliases: Sequence[str]) -> tuple[ResourceState | None, str]:
        if urn in self._live:
            return self._live[urn], ""
        for alias in aliases:
            if alias not in self._live:
                continue
            if alias in self._registered or alias in self._aliased:
                raise StepError(
                    urn, f"Duplicate resource alias '{alias}' applied to resource with URN '{urn}'"
                )
            self._aliased[alias] = urn
            self._alias_used[urn] = alias
            return self._live[alias], alias
        return None, ""

    def forced(self, registration: Registration) -> tuple[str, ...] | None:
        """The keys to blame if a resource is to be replaced whatever its inputs are."""
        goal, old = registration.goal, registration.old
        if old is None or not registration.has_diff:
            return None
        if triggered(goal, old):
            return ()
        if registration.urn in self._selected.replacements or old.taint:
            return ("id",)
        if not self._replaced.isdisjoint(goal.replace_with):
            return ("replaceWith",)
        if goal.deleted_with in self._replaced:
            return ("deletedWith",)
        # One side without a provider: a component became an object or the other way round.
        return ("provider",) if bool(old.provider) != bool(goal.provider) else None

    def in_scope(self, registration: Registration) -> bool:
        """Whether this update is about a registration. If not, what state has stays as it is."""
        state = _new_state(registration, registration.inputs)
        if self._scope.takes_in(state):
            self._scope.check(state, self._olds)
            return True
        old = registration.old
        if old is None:
            self._scope.left_out.add(registration.urn)
        else:
            # Under the URN it has: its children and dependents will name it by that one.
            self._operated.add(old.urn)
            self._registered.add(old.urn)
            self._scope.keep(old)
        return False

    # Steps of a registration

    def steps(
        self,
        registration: Registration,
        inputs: Props,
        decision: Decision,
        diff_old_with: DiffOldWith,
    ) -> list[Step]:
        """The steps for one decided registration, in the order in which they must be done."""
        old, urn = registration.old, registration.urn
        new = _new_state(registration, inputs)
        self._operated.add(urn)
        if decision.op is Op.CREATE:
            op = Op.IMPORT if registration.goal.import_id else Op.CREATE
            return [Step(op=op, new=new)]
        assert old is not None, "only a create has no old state"
        if decision.op is Op.SAME:
            return [Step(op=Op.SAME, old=old, new=_carried_over(old, new))]
        if decision.op is Op.UPDATE:
            new = _carried_over(old, new)
            return [Step(op=Op.UPDATE, old=old, new=new, diffs=decision.diffs)]
        return self._replacement(registration, old, new, decision, diff_old_with)

    def _replacement(
        self,
        registration: Registration,
        old: ResourceState,
        new: ResourceState,
        decision: Decision,
        diff_old_with: DiffOldWith,
    ) -> list[Step]:
        keys = self._condemned.get(old, decision.keys)
        diffs = decision.diffs
        create = Step(op=Op.CREATE_REPLACEMENT, old=old, new=new, keys=keys, diffs=diffs)
        logical = Step(op=Op.REPLACE, old=old, new=new, keys=keys, diffs=diffs)
        if not old.external:
            self._replaced.add(registration.urn)
        if registration.recreating or not new.custom:
            self.deleting.discard(registration.urn)
            return [logical, create] if new.custom else [create, logical]
        if self._guards(old) and new.protect and not old.external:
            raise StepError(
                registration.urn,
                f'unable to replace resource "{registration.urn}" as it is currently marked for '
                "protection. To unprotect the resource, remove the `protect` flag from the "
                "resource in your Pulumi program and run `pulumi up`",
            )
        if registration.goal.import_id:
            raise StepError(
                registration.urn,
                "previously-imported resources that still specify an ID may not be replaced; "
                f"please remove the `import` declaration from your program ({', '.join(keys)})",
            )
        if not decision.delete_before_replace or old.external:
            return [create, logical]
        steps = self._deletes_ahead(old, diff_old_with)
        if not old.pending_replacement:
            self._condemn(old, keys)
            steps.append(Step(op=Op.DELETE_REPLACED, old=old, pending_replacement=True))
        return [*steps, logical, create]

    def _deletes_ahead(self, root: ResourceState, diff_old_with: DiffOldWith) -> list[Step]:
        """Deletes of what would itself be replaced once `root` is gone, dependents first."""

        def must_go(state: ResourceState, going: Collection[str]) -> tuple[str, ...] | None:
            if state.urn in self._operated:
                return None
            if root.urn in state.replace_with or root.urn == state.deleted_with:
                return ()
            if not state.custom or state.external:
                return None
            provider = urns.split_provider_reference(state.provider)[0] if state.provider else ""
            if provider in going or state.deleted_with in going:
                return ()
            touched = [
                key
                for key in state.inputs
                if not set(state.property_dependencies.get(key, ())).isdisjoint(going)
            ]
            if not touched:
                return None
            news = {**state.inputs, **dict.fromkeys(touched, UNKNOWN)}
            diff = diff_old_with(state, news)
            asked = replaced_on_changes(state.replace_on_changes, state, news, diff.changes)
            return tuple(sorted({*diff.replaces, *asked})) or None

        found = dependents(root, self._olds, must_go)
        steps = []
        for state, keys in reversed(list(found.items())):
            if state in self._condemned:
                continue
            self._scope.check_dependent(state)
            if self._guards(state):
                raise StepError(
                    root.urn,
                    f'unable to replace resource "{state.urn}" as part of replacing "{root.urn}" '
                    "as it is currently marked for protection",
                )
            self._condemn(state, keys)
            steps.append(Step(op=Op.DELETE_REPLACED, old=state, pending_replacement=True))
        return steps

    def _condemn(self, state: ResourceState, keys: tuple[str, ...]) -> None:
        self._condemned[state] = keys
        self.deleting.add(state.urn)

    # Reads

    def read(self, goal: ReadGoal, inputs: Props) -> list[Step]:
        urn = self._claim(goal)
        old, _ = self._find_old(urn, ())
        self._operated.add(urn)
        new = ResourceState(
            urn=urn,
            custom=True,
            id=goal.id,
            type=goal.type,
            inputs=inputs,
            parent=goal.parent,
            external=True,
            dependencies=goal.dependencies,
            provider=goal.provider,
            additional_secret_outputs=goal.additional_secret_outputs,
            source_position=goal.source_position,
            stack_trace=goal.stack_trace,
        )
        self._scope.check(new, self._olds)
        if old is not None and not old.external and old.id != goal.id:
            self._replaced.add(urn)
            return [
                Step(op=Op.READ_REPLACEMENT, old=old, new=new),
                Step(op=Op.REPLACE, old=old, new=new),
            ]
        return [Step(op=Op.READ, old=old, new=new)]

    # The end of the program

    def deletes(
        self, replaced: Sequence[ResourceState], lives_on: Callable[[ResourceState], bool]
    ) -> list[list[Step]]:
        """Deletes of all that the program no longer asks for, grouped so that one group may run in
        parallel. `replaced` are the states that were marked for deletion in this run; `lives_on`
        tells of one whose object another resource now stands for: only its state goes."""
        steps: dict[ResourceState, Step] = {}
        check_known(self._selected.targets, {*self._registered, *(old.urn for old in self._olds)})
        deletable = self._scope.deletable(self._olds)
        for state in [*self._olds, *replaced]:
            if state.urn not in deletable:
                continue
            kept = state.external or lives_on(state)
            if state.delete:
                op = Op.DISCARD_REPLACED if kept else Op.DELETE_REPLACED
                steps[state] = Step(op=op, old=state)
                self.deleting.add(state.urn)
            elif state.urn not in self._operated and state.urn not in self._aliased:
                if state.pending_replacement or state in self._condemned:
                    steps[state] = Step(op=Op.REMOVE_PENDING_REPLACE, old=state)
                else:
                    if not kept:
                        self._refuse_protected(state)
                    steps[state] = Step(op=Op.DISCARD if kept else Op.DELETE, old=state)
                    self.deleting.add(state.urn)
        self._scope.check_deletes(state.urn for state in steps if state.urn not in self._operated)
        return [[steps[state] for state in group] for group in antichains(steps)]

    def _guards(self, state: ResourceState) -> bool:
        return state.protect and not self._ignore_protect

    def _refuse_protected(self, state: ResourceState) -> None:
        if self._guards(state):
            raise StepError(
                state.urn,
                f'resource "{state.urn}" cannot be deleted\nbecause it is protected. To unprotect '
                "the resource, remove the `protect` flag from the resource in your Pulumi program "
                "and run `pulumi up`",
            )


def _new_state(registration: Registration, inputs: Props) -> ResourceState:
    goal = registration.goal
    return ResourceState(
        urn=registration.urn,
        custom=goal.custom,
        type=goal.type,
        inputs=inputs,
        parent=goal.parent,
        protect=goal.protect,
        dependencies=goal.dependencies,
        provider=goal.provider,
        property_dependencies=goal.property_dependencies,
        additional_secret_outputs=goal.additional_secret_outputs,
        aliases=(registration.alias,) if registration.alias else (),
        custom_timeouts=goal.custom_timeouts,
        import_id=goal.import_id,
        retain_on_delete=goal.retain_on_delete,
        deleted_with=goal.deleted_with,
        replace_with=goal.replace_with,
        ignore_changes=goal.ignore_changes,
        replace_on_changes=goal.replace_on_changes,
        replacement_trigger=goal.replacement_trigger,
        hide_diff=goal.hide_diff,
        resource_hooks=goal.hooks,
        source_position=goal.source_position,
        stack_trace=goal.stack_trace,
    )


def _carried_over(old: ResourceState, new: ResourceState) -> ResourceState:
    """The new state of an object that goes on living."""
    return replace(
        new,
        id=old.id,
        outputs=old.outputs,
        created=old.created,
        modified=old.modified,
        extra=old.extra,
    )
