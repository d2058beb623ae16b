"""GatewayRoute: a file is whole, private and well-formed, or it is not there."""

import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.provider import gateway_route
from components.provider.diff import UNKNOWN
from components.provider.gateway_route import DRAIN_S, GatewayRouteHandler

HANDLER = GatewayRouteHandler()
CONFIG = {"http": {"middlewares": {"m": {"headers": {"customRequestHeaders": {"A": 'b"\\é'}}}}}}
INPUTS: dict[str, Any] = {"name": "abc", "config": CONFIG}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "routes"
    folder.mkdir()
    return folder


def test_life_of_a_file(folder: Path) -> None:
    cfg = {"routes": str(folder)}
    assert HANDLER.create(cfg, INPUTS) == ("abc", INPUTS)
    path = folder / "abc.yml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert yaml.safe_load(path.read_text()) == json.loads(path.read_text()) == CONFIG
    assert HANDLER.find(cfg, INPUTS) == "abc"
    assert HANDLER.read(cfg, "abc", INPUTS, INPUTS) == INPUTS
    assert HANDLER.read(cfg, "abc", INPUTS, {}) == INPUTS  # adopted after a crash
    path.write_text("{ broken: [")
    drifted = HANDLER.read(cfg, "abc", INPUTS, INPUTS)
    assert list(HANDLER.diff(cfg, "abc", INPUTS, drifted, INPUTS).changes) == ["config"]
    HANDLER.update(cfg, "abc", drifted, INPUTS)
    assert HANDLER.read(cfg, "abc", INPUTS, INPUTS) == INPUTS
    assert sorted(folder.parent.rglob("*")) == [folder, path]
    HANDLER.delete(cfg, "abc", INPUTS)
    HANDLER.delete(cfg, "abc", INPUTS)
    assert HANDLER.read(cfg, "abc", INPUTS, INPUTS) is None
    assert HANDLER.find(cfg, INPUTS) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_only_a_server_that_is_left_is_waited_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def going_to(*urls: str) -> dict[str, Any]:
        services = {
            f"to-{number}": {"loadBalancer": {"servers": [{"url": url}]}}
            for number, url in enumerate(urls)
        }
        return {"name": "shop", "config": {"http": {"services": services}}}

    waited: list[float] = []
    monkeypatch.setattr(gateway_route.time, "sleep", waited.append)
    handler, cfg = GatewayRouteHandler(), {"routes": str(folder)}
    one = going_to("http://127.0.0.1:1")
    broken_by_hand: list[Any] = [None, "text", {"http": None}, {"http": {"services": ["a"]}}]
    for old in (one, going_to(), *({"name": "shop", "config": it} for it in broken_by_hand)):
        handler.update(cfg, "shop", old, going_to(*["http://127.0.0.1:1"] * 2))
    assert waited == []
    handler.update(cfg, "shop", one, going_to("http://127.0.0.1:2"))
    assert waited == [DRAIN_S]


def test_a_file_written_by_root_belongs_to_the_folders_owner(folder: Path) -> None:
    os.chown(folder, 65534, 65534)
    HANDLER.create({"routes": str(folder)}, INPUTS)
    assert (folder / "abc.yml").stat().st_uid == 65534


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".x", "a b"])
def test_a_name_stays_in_the_folder(folder: Path, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        HANDLER.create({"routes": str(folder)}, INPUTS | {"name": name})
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("config", [{}, None, [], {"htp": {}}, {"http": {"x": "{{ env `A` }}"}}])
def test_check_refuses_what_traefik_would_choke_on(config: Any) -> None:
    with pytest.raises(ValueError, match="config"):
        HANDLER.check({}, "urn", None, {"name": "abc", "config": config})
    HANDLER.check({}, "urn", None, {"name": "abc", "config": UNKNOWN})


def test_all_that_traefik_hears_of_is_the_whole_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits before it looks at the next change."""
    there: list[list[Path]] = []
    monkeypatch.setattr(gateway_route.os, "fsync", lambda fd: there.append([*folder.iterdir()]))
    HANDLER.create({"routes": str(folder)}, INPUTS)
    assert there == [[]]


def test_readers_never_see_half_a_file(folder: Path) -> None:
    cfg = {"routes": str(folder)}
    big = {"http": {"routers": {f"r{n}": {"rule": "x" * 50} for n in range(500)}}}
    stop = threading.Event()
    faults: list[str] = []

    def watch() -> None:
        while not stop.is_set():
            for path in folder.glob("*.yml"):
                try:
                    json.loads(path.read_text())
                except ValueError as error:
                    faults.append(str(error))

    thread = threading.Thread(target=watch)
    thread.start()
    for _ in range(50):
        HANDLER.create(cfg, {"name": "abc", "config": big})
        HANDLER.create(cfg, INPUTS)
    stop.set()
    thread.join(10)
    assert faults == []


def test_a_missing_folder_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        HANDLER.create({"routes": str(tmp_path / "nowhere")}, INPUTS)
