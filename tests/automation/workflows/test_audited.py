"""Every workflow says in the audit log how it ended, with what its update changed, and once."""

import ast
from pathlib import Path
from typing import Any

import pytest

from automation import failpoints, workflows
from automation.registry import audit
from contracts.audit import AuditEntry
from tests.automation.workflows.conftest import Plane

pytestmark = pytest.mark.usefixtures("in_process_worker")


def ends(plane: Plane, ref: str) -> list[AuditEntry]:
    """What workers wrote of the project, oldest first."""
    with plane.context.transaction() as conn:
        wanted = audit.Search(target=f"projects/{ref}", actor="platform:worker")
        found = audit.search(conn, wanted, before_seq=None, limit=100)
    return [AuditEntry.model_validate_json(link.text) for link in reversed(found)]


def test_a_life(plane: Plane) -> None:
    ref, created = plane.create()
    plane.wait(created)
    for kind in ("update", "preview", "refresh", "pause", "restore", "restart"):
        plane.wait(plane.request(ref, kind))
    plane.wait(plane.destroy(ref))
    written = ends(plane, ref)
    assert [entry.action for entry in written] == [
        "projects.create_finished",
        "projects.update_finished",
        "projects.refresh_finished",
        "projects.pause_finished",
        "projects.restore_finished",
        "projects.restart_finished",
        "projects.destroy_finished",
    ]
    assert written[0].operation_id == str(created)
    assert written[0].pulumi_update is not None and "changes" in written[0].pulumi_update
    assert [entry.after["state"] for entry in written][-1] == "REMOVED"
    assert all(entry.organization_id for entry in written)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_failed_create_is_written_once(plane: Plane, moment: str) -> None:
    failpoints.arm({failpoints.VARIABLE: f"up_stack:{moment}=fail,mark_failed:after=flake*1"})
    ref, operation = plane.create()
    plane.wait(operation)
    (entry,) = ends(plane, ref)
    assert entry.action == "projects.create_failed"
    after: dict[str, Any] = entry.after
    assert (after["state"], after["error"]["code"]) == ("FAILED", "internal")


def test_no_workflow_ends_another_way() -> None:
    wrong = [
        f"{path.name}:{node.lineno}"
        for path in sorted(Path(workflows.__file__).parent.glob("*.py"))
        if path.name != "ending.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "finish"
    ]
    assert wrong == []
