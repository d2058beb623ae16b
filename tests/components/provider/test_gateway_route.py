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


def test_life_of_a_file(tmp_path: Path) -> None:
    cfg = {"routes": str(tmp_path)}
    assert HANDLER.create(cfg, INPUTS) == ("abc", INPUTS)
    path = tmp_path / "abc.yml"
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
    assert [p.name for p in tmp_path.iterdir()] == ["abc.yml"]
    HANDLER.delete(cfg, "abc", INPUTS)
    HANDLER.delete(cfg, "abc", INPUTS)
    assert HANDLER.read(cfg, "abc", INPUTS, INPUTS) is None
    assert HANDLER.find(cfg, INPUTS) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_only_a_server_that_is_left_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def going_to(*urls: str) -> dict[str, Any]:
        services = {
            f"to-{number}": {"loadBalancer": {"servers": [{"url": url}]}}
            for number, url in enumerate(urls)
        }
        return {"name": "shop", "config": {"http": {"services": services}}}

    waited: list[float] = []
    monkeypatch.setattr(gateway_route.time, "sleep", waited.append)
    handler, cfg = GatewayRouteHandler(), {"routes": str(tmp_path)}
    one = going_to("http://127.0.0.1:1")
    broken_by_hand: list[Any] = [None, "text", {"http": None}, {"http": {"services": ["a"]}}]
    for old in (one, going_to(), *({"name": "shop", "config": it} for it in broken_by_hand)):
        handler.update(cfg, "shop", old, going_to(*["http://127.0.0.1:1"] * 2))
    assert waited == []
    handler.update(cfg, "shop", one, going_to("http://127.0.0.1:2"))
    assert waited == [DRAIN_S]


def test_a_file_written_by_root_belongs_to_the_folders_owner(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    HANDLER.create({"routes": str(tmp_path)}, INPUTS)
    assert (tmp_path / "abc.yml").stat().st_uid == 65534


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".x", "a b"])
def test_a_name_stays_in_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        HANDLER.create({"routes": str(tmp_path)}, INPUTS | {"name": name})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("config", [{}, None, [], {"htp": {}}, {"http": {"x": "{{ env `A` }}"}}])
def test_check_refuses_what_traefik_would_choke_on(config: Any) -> None:
    with pytest.raises(ValueError, match="config"):
        HANDLER.check({}, "urn", None, {"name": "abc", "config": config})
    HANDLER.check({}, "urn", None, {"name": "abc", "config": UNKNOWN})


def test_readers_never_see_half_a_file(tmp_path: Path) -> None:
    cfg = {"routes": str(tmp_path)}
    big = {"http": {"routers": {f"r{n}": {"rule": "x" * 50} for n in range(500)}}}
    stop = threading.Event()
    faults: list[str] = []

    def watch() -> None:
        while not stop.is_set():
            for path in tmp_path.glob("*.yml"):
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
