"""The ports of an installation, wherever it begins."""

import pytest

from contracts.home import EPHEMERAL_FIRST, PORT_BASE_MAX, Ports


@pytest.mark.parametrize("base", [1024, 11320, 32_087, 32_088, 32_768, Ports.base, PORT_BASE_MAX])
def test_no_outgoing_connection_takes_a_projects_port(base: int) -> None:
    ports = Ports(base).projects
    assert len(ports) == 500
    assert ports[0] > 1024 and ports[-1] < EPHEMERAL_FIRST


def test_the_default_ports_of_projects() -> None:
    assert Ports().projects == range(14_500, 15_000)
