"""Healing what a killed engine left behind.

Owns turning the pending operations of a loaded state into facts, before an update begins. Must not
know programs or steps.

Only a create needs care: the object may exist without standing in state. Names are deterministic,
so the handler looks for it by the inputs that were about to be used; what it finds becomes an old
state like any other, to be kept, changed or deleted. An object in the middle of an update or a
delete is still in state as it was; the same operation, called again, completes it.
"""

from dataclasses import replace

from engine.dependencies import in_order
from engine.errors import EngineError
from engine.events import Events
from engine.provider_registry import ProviderRegistry
from engine.resource_state import (
    OperationType,
    PendingOperation,
    ResourceState,
    Snapshot,
    timestamp,
)
from engine.secrecy import marked_like, plain, with_secret_keys
from engine.timeouts import refuse_while_running


def healed(snapshot: Snapshot, providers: ProviderRegistry, events: Events) -> Snapshot:
    """The same snapshot without pending operations: half-made objects adopted."""
    if not snapshot.pending_operations:
        return snapshot
    for state in snapshot.resources:
        if state.is_provider:
            providers.configure(state)
    resources = list(snapshot.resources)
    for operation in snapshot.pending_operations:
        state = operation.resource
        events.diagnostic("warning", f"an earlier {operation.type} was interrupted", state.urn)
        if operation.type is OperationType.CREATING and state.custom:
            found = _found(operation, providers)
            if found is not None:
                events.diagnostic("info", f"found {found.id}: adopted", state.urn)
                resources = _adopting(resources, found)
    # What was adopted stands last, and others may have waited for it.
    return replace(snapshot, resources=tuple(in_order(resources)), pending_operations=())


def _adopting(resources: list[ResourceState], found: ResourceState) -> list[ResourceState]:
    """The resources and an object that was made for one of them."""
    for state in resources:
        if state.urn != found.urn or state.delete:
            continue
        if state.pending_replacement:
            # Its predecessor had been deleted to make room.
            return [*(other for other in resources if other is not state), found]
        if state.id == found.id:
            return resources
        # It was to replace one that is still there. Whether that is still wanted is for this
        # update to say; if not, the newcomer goes.
        return [*resources, replace(found, delete=True)]
    return [*resources, found]


def _found(operation: PendingOperation, providers: ProviderRegistry) -> ResourceState | None:
    state = operation.resource
    if state.is_provider:
        return None
    refuse_while_running((state.urn, state.provider))
    handler = providers.handler(state.type)
    cfg, inputs = providers.configuration(state), plain(state.inputs)
    try:
        id = handler.find(cfg, inputs)
        outputs = handler.read(cfg, id, inputs, {}) if id is not None else None
    except Exception as error:
        # Whatever it is, going on would lose the trace of an object that may exist.
        raise EngineError(
            f"creating {state.urn} was interrupted, and whether it exists cannot be found out: "
            f"{error}"
        ) from error
    if id is None or outputs is None:
        return None
    now = timestamp()
    marked = marked_like({**outputs, "id": id}, state.inputs)
    secret_keys = {*handler.secret_outputs, *state.additional_secret_outputs}
    return replace(
        state,
        id=id,
        outputs=with_secret_keys(marked, secret_keys),
        delete=False,
        pending_replacement=False,
        created=now,
        modified=now,
    )
