"""Rotate a project's keys, or revoke older ones: the saga behind both.

Owns the order of the steps and their undo. A rotation opens the new keys beside the current ones; a
revocation closes the older ones; in both a new PostgREST takes over before the old one goes, so no
request fails. Until the commit the registry has the last good keys, which the undo goes back to.
Arguments are names only: DBOS keeps them in clear.
"""

import time
from collections.abc import Collection
from typing import Any

from dbos import DBOS

from automation.key_change import SECRETS_OF, STANDBY, WAITING, KeyChange
from automation.keys import mint_secrets, put_secrets, read_secrets
from automation.projects import free_port
from automation.registry import project_keys, project_secrets, projects
from automation.status import ROLLBACK_FAILED
from automation.workflows.change_spec import start_change, undo_change
from automation.workflows.deploy import Deployed, wait_until_answered
from automation.workflows.ending import end
from automation.workflows.names import RECOVERIES_MAX, WORKFLOWS
from automation.workflows.recording import recording
from automation.workflows.runtime import current
from automation.workflows.steps import explain, step, undo_step
from contracts.errors import Conflict

NOT_KEPT = Conflict(
    "what was chosen for it is not kept any more", code="password_not_kept", fix="ask again"
)

# --- the workflows --------------------------------------------------------------------------------


@DBOS.workflow(name=WORKFLOWS["rotate"], max_recovery_attempts=RECOVERIES_MAX)
def rotate_keys(ref: str, operation_id: str) -> None:
    change_keys(ref, operation_id)


@DBOS.workflow(name=WORKFLOWS["revoke"], max_recovery_attempts=RECOVERIES_MAX)
def revoke_keys(ref: str, operation_id: str) -> None:
    change_keys(ref, operation_id)


def change_keys(ref: str, operation_id: str) -> None:
    try:
        start_change(ref, operation_id)
        prepare_keys(ref, operation_id)
        deployed = up_keys(ref, operation_id)
        if deployed["answers"]:
            probe_keys(ref, operation_id)
        commit_keys(ref, operation_id, deployed)
    except projects.FenceLost:
        raise  # somebody else has the project now: change nothing more
    except Exception as error:  # noqa: BLE001 - whatever went wrong, the undo must run
        undo_change(ref, operation_id, explain(error), discard_keys)


# --- steps ----------------------------------------------------------------------------------------


@step
def prepare_keys(ref: str, operation_id: str) -> None:
    """The new keys, and a port for the PostgREST that knows them. Nothing uses them yet, so a
    repeated run may make new ones."""
    runtime = current()
    change = _change(operation_id)
    chosen = _chosen(operation_id)
    with runtime.context.transaction() as conn:
        row = projects.find(conn, ref, lock=True)
        assert row is not None
        if not set(chosen) <= set(_prepared(conn, ref)):
            raise NOT_KEPT  # an attempt before this one failed
        _discard(conn, ref, change, keeping=chosen)
        if change.verb == "rotate":
            project_keys.insert_standby(conn, ref, change.kinds)
            kept = read_secrets(conn, runtime.keyring, row, chosen)
            given = {name.removeprefix(STANDBY): text for name, text in kept.items()}
            minted = mint_secrets(ref, given, now=int(time.time()))
            standby = {f"{STANDBY}{name}": minted[name] for name in change.names}
            for name in chosen:
                del standby[name]
            put_secrets(conn, runtime.keyring.seal_all, row, standby)
        if change.replaces_rest:
            projects.lock_admission(conn)
            projects.set_next_rest_port(conn, ref, free_port(runtime.context, conn))


@step
def up_keys(ref: str, operation_id: str) -> Deployed:
    runtime = current()
    change = _change(operation_id)
    with runtime.fenced(ref) as epoch:
        spec = runtime.spec(ref, change=change)
        with recording(operation_id) as on_event:
            outputs = runtime.stacks.up(runtime.stack(spec, change=change), on_event)
        # Otherwise a closed login would keep its sessions.
        runtime.end_closed_sessions(ref)
    return {"epoch": epoch, "outputs": outputs, "answers": not spec.paused}


@step
def probe_keys(ref: str, operation_id: str) -> None:
    """The keys that are in use from now on open the project."""
    runtime = current()
    change = _change(operation_id)
    wait_until_answered(runtime.spec(ref, change=change), runtime.asking_key(ref, change=change))


@step
def commit_keys(ref: str, operation_id: str, deployed: Deployed) -> None:
    """The registry now says what the servers already know, all of it at once."""
    runtime = current()
    operation = runtime.operation(operation_id)
    if operation.is_over:
        return  # by this step, whose answer was lost
    change = _change(operation_id)
    found = runtime.secrets(ref)
    wanted = change.secrets(found)
    assert operation.prior_state is not None
    with runtime.context.transaction() as conn:
        row = projects.find(conn, ref, lock=True)
        assert row is not None
        projects.write_back(
            conn, ref, operation.prior_state, epoch=deployed["epoch"], observed=deployed["outputs"]
        )
        changed = {name: text for name, text in wanted.items() if found.get(name) != text}
        put_secrets(conn, runtime.keyring.seal_all, row, changed)
        project_secrets.delete(conn, ref, change.kept_no_longer(found))
        if change.verb == "rotate":
            project_keys.rotate(conn, ref, change.kinds, overlap_s=operation.input["overlap_s"])
        else:
            project_keys.revoke(conn, ref, change.kinds)
        projects.switch_rest(conn, ref)
        projects.clear_condition(conn, ref, ROLLBACK_FAILED)
        end(conn, operation_id, "finished")


# --- undos, besides those of deploy.py and change_spec.py -----------------------------------------


@undo_step
def discard_keys(ref: str, operation_id: str) -> None:
    """A waiting signing key keeps waiting."""
    keeping = [name for name in _chosen(operation_id) if name == WAITING]
    with current().context.transaction() as conn:
        _discard(conn, ref, _change(operation_id), keeping=keeping)


def _discard(conn: Any, ref: str, change: KeyChange, *, keeping: Collection[str]) -> None:
    """Drop what the rotation prepared, and the port."""
    if change.verb == "rotate":
        prepared = {
            kind: [f"{STANDBY}{name}" for name in SECRETS_OF[kind]] for kind in change.kinds
        }
        unkept = [kind for kind in change.kinds if not {*prepared[kind]} & {*keeping}]
        project_keys.delete_standby(conn, ref, unkept)
        names = [name for names in prepared.values() for name in names if name not in keeping]
        project_secrets.delete(conn, ref, names)
    projects.set_next_rest_port(conn, ref, None)


def _prepared(conn: Any, ref: str) -> list[str]:
    return [row.name for row in project_secrets.list_with_prefix(conn, ref, STANDBY)]


def _chosen(operation_id: str) -> list[str]:
    """Names of secrets that are there before the rotation begins."""
    return [
        f"{STANDBY}{name}" for name in current().operation(operation_id).input.get("chosen", [])
    ]


def _change(operation_id: str) -> KeyChange:
    operation = current().operation(operation_id)
    assert operation.kind in ("rotate", "revoke")
    return KeyChange(operation.kind, tuple(operation.input["kinds"]))
