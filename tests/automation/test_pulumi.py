"""Which engine a project's stack is given. That either goes on with the other's stack is shown by
tests/e2e/test_engines.py."""

from dataclasses import replace
from typing import Any

import pytest

from automation import pulumi
from automation.platform_secrets import ensure_platform_secrets
from automation.settings import Settings, settings_from
from contracts.engines import Engine
from contracts.errors import SetupFailed
from contracts.home import Home, Ports
from engine import EmbeddedPulumi
from engine.packages import credentials_from, environ_with
from engine.providers import builtin_packages
from engine.takeover import SettlingCli
from stacks.spec import SECRETS, ProjectSpec


@pytest.fixture
def settings(tmp_path) -> Settings:
    home = Home(tmp_path, tmp_path, Ports(23320))
    ensure_platform_secrets(home)
    return settings_from(home)


@pytest.fixture
def without_cli(monkeypatch):
    monkeypatch.setenv("PATH", "")


def test_the_environment_chooses_the_engine(settings):
    assert settings.engine is Engine.embedded
    assert settings_from(settings.home, {"CROFT_ENGINE": "cli"}).engine is Engine.cli


@pytest.fixture
def opened(monkeypatch, settings):
    """What a project's stack would be opened with."""

    def open_with(engine: Engine) -> dict[str, Any]:
        spec = ProjectSpec.on(settings.home, "a" * 20, rest_port=23400)
        secrets = dict.fromkeys(("passphrase", "encryptionsalt", *SECRETS), "x")
        pulumi.project_stack(replace(settings, engine=engine), spec, secrets)
        return seen.pop()

    seen: list[dict[str, Any]] = []
    monkeypatch.setattr(pulumi, "_stack", lambda *_, **given: seen.append(given))
    return open_with


def test_the_embedded_engine_needs_no_cli(settings, without_cli, opened):
    pulumi.require_engine(settings.home, settings.engine)
    given = opened(Engine.embedded)
    assert isinstance(given["command"], EmbeddedPulumi)
    assert given["env"] == {}


def test_a_cli_that_is_not_there_is_missed_by_name(settings, without_cli, opened):
    with pytest.raises(SetupFailed, match="CROFT_ENGINE=cli") as raised:
        pulumi.require_engine(settings.home, Engine.cli)
    assert raised.value.code == "no_pulumi_cli"
    with pytest.raises(SetupFailed):
        opened(Engine.cli)


@pytest.mark.pulumi_cli
def test_the_cli_is_given_the_logins_and_one_folder_for_its_plugins(settings, opened):
    given = opened(Engine.cli)
    assert isinstance(given["command"], SettlingCli)
    assert given["env"]["PULUMI_HOME"] == str(settings.home.data / "pulumi")
    assert {"PGPASSWORD", "KEYCLOAK_CLIENT_SECRET", "MINIO_PASSWORD"} <= given["env"].keys()


def test_plugins_are_told_the_logins_that_the_embedded_engine_asks_for(settings):
    known = pulumi.credentials(settings.home, provisioner=True)
    environ = environ_with(known, [pulumi.handlers()])
    for package in (*builtin_packages(), pulumi.handlers()):
        told = credentials_from(environ, [package])(package.name, {})
        assert told.items() >= known(package.name, {}).items()
