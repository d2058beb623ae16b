"""What an update tells is written in its order, all of it by the end, and never at its cost."""

import time
from typing import Any
from uuid import UUID

import pytest

from automation.registry import operations
from automation.workflows.recording import GATHER_S, recording
from contracts.errors import DeployFailed
from tests.automation.workflows.conftest import Plane

pytestmark = pytest.mark.usefixtures("in_process_worker")


def told(plane: Plane, operation: UUID) -> list[dict[str, Any]]:
    with plane.context.transaction() as conn:
        events = operations.list_events(conn, operation)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    return [event.data for event in events]


def test_all_of_it_in_its_order_however_the_update_ends(plane: Plane) -> None:
    _, operation = plane.insert()
    wanted = [{"name": str(number)} for number in range(150)]
    with pytest.raises(DeployFailed), recording(str(operation)) as on_event:
        for data in wanted:
            on_event("resource", data)
            if data["name"].endswith("99"):
                time.sleep(2 * GATHER_S)
        raise DeployFailed("the update failed")
    assert told(plane, operation) == wanted


def test_what_cannot_be_written_is_dropped(plane: Plane) -> None:
    _, operation = plane.insert()
    with recording(str(operation)) as on_event:
        on_event("diagnostic", {"message": "\0"})
        time.sleep(2 * GATHER_S)  # that one goes alone
        on_event("summary", {})
    assert told(plane, operation) == [{}]
