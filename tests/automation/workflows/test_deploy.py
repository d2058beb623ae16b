"""What a project that does not answer is said to suffer from."""

from pathlib import Path

import pytest

from automation.workflows import deploy
from contracts.errors import DeployFailed
from contracts.home import Home, Ports
from contracts.refs import new_ref
from stacks.spec import ProjectSpec

HOME = Home(Path("/nowhere"), Path("/nowhere"), Ports(1))  # where nobody listens


@pytest.mark.parametrize(("generation", "unit"), [(1, "rest"), (2, "restb"), (3, "rest")])
def test_the_log_to_look_at_is_of_the_process_that_was_to_answer(
    monkeypatch: pytest.MonkeyPatch, generation: int, unit: str
) -> None:
    monkeypatch.setattr(deploy, "PROBE_TIMEOUT_S", 0.01)
    ref = new_ref()
    spec = ProjectSpec.on(HOME, ref, rest_port=1, rest_generation=generation)
    with pytest.raises(DeployFailed) as caught:
        deploy.wait_until_answered(spec, "a JWT secret")
    assert caught.value.code == "not_healthy"
    assert caught.value.fix == f"see: croft logs {unit}-{ref}"
