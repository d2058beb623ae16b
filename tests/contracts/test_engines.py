import os
from pathlib import Path

import pytest

from contracts.engines import Engine, engine_environ, engine_from
from contracts.errors import InvalidInput


@pytest.mark.parametrize(
    ("environ", "engine"),
    [
        ({"PATH": "/opt/pulumi/bin"}, Engine.embedded),
        ({"CROFT_ENGINE": ""}, Engine.embedded),
        ({"CROFT_ENGINE": "embedded"}, Engine.embedded),
        ({"CROFT_ENGINE": "cli"}, Engine.cli),
    ],
)
def test_the_engine_is_chosen_by_its_variable_alone(environ, engine):
    assert engine_from(environ) is engine


@pytest.mark.parametrize("name", ["pulumi", "CLI", " "])
def test_no_other_engine_can_be_chosen(name):
    with pytest.raises(InvalidInput, match="embedded, cli"):
        engine_from({"CROFT_ENGINE": name})


def test_daemons_find_the_cli_where_the_person_does_and_our_plugin_first():
    environ = {"CROFT_ENGINE": "cli", "PATH": "/opt/pulumi/bin:/usr/bin", "HOME": "/home/me"}
    handed_on = engine_environ(environ, Path("/venv/bin"))
    path = os.pathsep.join(["/venv/bin", environ["PATH"]])
    assert handed_on == {"CROFT_ENGINE": "cli", "PATH": path}
    assert engine_environ(handed_on) == handed_on


def test_daemons_of_the_embedded_engine_get_nothing_of_the_persons():
    assert engine_environ({"PATH": "/opt/pulumi/bin"}) == {}
