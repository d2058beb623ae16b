"""Schemathesis asks for everything that the API's document describes, well and badly, with all of
its checks: what is built with a token and without; what is not built answers 501, and is held to
everything else."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from automation.api import openapi
from automation.app import build_app
from tests.automation.conftest import ApiServer

HERE = Path(__file__).parent
PROGRAM = Path(sys.executable).parent / "schemathesis"
SEED = os.environ.get("CROFT_SEED", "1")
TIMEOUT_S = 280
NOT_BUILT = "/x-croft-not-built == true"
# What no schema can say: these are made by the API itself, or signed.
UNSPEAKABLE = {"cursor", "anchor", "keys"}


@pytest.fixture
def server(ctx, key_service):
    """A real one, which answers more than anybody may ask."""
    settings = replace(ctx.settings, requests_per_minute_max=10**9)
    server = ApiServer(build_app(replace(ctx, settings=settings)))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def document(tmp_path):
    found = json.loads(openapi.document())
    for operations in found["paths"].values():
        for operation in operations.values():
            asked = operation.get("parameters", [])
            operation["parameters"] = [each for each in asked if each["name"] not in UNSPEAKABLE]
    for schema in found["components"]["schemas"].values():
        for name in UNSPEAKABLE & schema.get("properties", {}).keys():
            del schema["properties"][name]
    path = tmp_path / "management.json"
    path.write_text(json.dumps(found))
    return path


@pytest.mark.parametrize(
    ("has_token", "options"),
    [
        (True, ["--exclude-by", NOT_BUILT, "--max-examples", "3"]),
        (False, ["--exclude-by", NOT_BUILT, "--max-examples", "2", "--phases", "fuzzing"]),
        (True, ["--include-by", NOT_BUILT, "--max-examples", "2", "--phases", "fuzzing",
                "--exclude-checks", "not_a_server_error"]),
    ],
    ids=["built", "built, without a token", "not built"],
)  # fmt: skip
def test_the_api_does_what_its_document_says(ctx, server, document, has_token, options):
    """CROFT_SEED is the seed of what is asked; it is printed when something is found."""
    settings = (HERE / "schemathesis.toml").read_text()
    if has_token:
        token = ctx.settings.token_path.read_text()
        settings += f"\n[auth.openapi.HTTPBearer]\nbearer = {json.dumps(token)}\n"
    (document.parent / "schemathesis.toml").write_text(settings)
    done = subprocess.run(
        [
            *(str(PROGRAM), "run", str(document)),
            *("--url", server.url, "--checks", "all", "--seed", SEED, "--no-color"),
            *("--generation-database", "none", "--warnings", "off", *options),
        ],
        cwd=document.parent,
        env=os.environ | {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    assert f"Seed: {SEED}" in done.stdout
