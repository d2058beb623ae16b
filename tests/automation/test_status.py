"""Every state has a word of Supabase's, and conditions change it where they should only."""

from typing import get_args

import pytest

from automation.registry.projects import ProjectState
from automation.status import ROLLBACK_FAILED, project_status
from contracts.projects import ProjectStatus


@pytest.mark.parametrize("state", get_args(ProjectState))
def test_every_state_has_a_word(state):
    assert project_status(state) in get_args(ProjectStatus)


@pytest.mark.parametrize(
    ("state", "healthy", "word"),
    [
        ("ACTIVE", None, "ACTIVE_HEALTHY"),
        ("ACTIVE", True, "ACTIVE_HEALTHY"),
        ("ACTIVE", False, "ACTIVE_UNHEALTHY"),
        ("PAUSED", False, "INACTIVE"),
        ("RESTORING", False, "RESTORING"),
    ],
)
def test_only_what_should_answer_is_unhealthy(state, healthy, word):
    assert project_status(state, healthy=healthy) == word


@pytest.mark.parametrize(
    ("state", "operation", "word"),
    [
        ("ACTIVE", "pause", "PAUSE_FAILED"),
        ("ACTIVE", "update", "ACTIVE_UNHEALTHY"),
        ("ACTIVE", None, "ACTIVE_UNHEALTHY"),
        ("PAUSED", "restore", "RESTORE_FAILED"),
        ("DELETED", "restore", "RESTORE_FAILED"),
        ("PAUSED", "update", "INACTIVE"),
        ("RESTORING", "restore", "RESTORING"),
        ("DELETING", "pause", "GOING_DOWN"),
    ],
)
def test_what_could_not_be_undone(state, operation, word):
    found = {"reason": "x", "message": "y"} | ({"operation": operation} if operation else {})
    assert project_status(state, {ROLLBACK_FAILED: found}, healthy=True) == word
    assert project_status(state, {"Drifted": found}) == project_status(state)
