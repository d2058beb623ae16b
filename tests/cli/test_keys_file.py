"""--keys-file: both of its forms, and what it refuses before anything is asked."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import RunCroft
from tests.cli.fake_control_plane import FakeControlPlane

SECRET = "super-secret-jwt-token-with-at-least-32-characters-long"
KEYS = {"jwt_secret": SECRET, "anon_key": "a.b.c", "service_role_key": "d.e.f"}
ENV = f"""
# of a self-hosted Supabase
POSTGRES_PASSWORD=not ours to read
export JWT_SECRET='{SECRET}'
SUPABASE_ANON_KEY="a.b.c"   # a comment
SERVICE_ROLE_KEY=d.e.f
JWT_KEYS='[{{"kty": "EC"}}]'
OTHER='unbalanced
"""


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        (json.dumps(KEYS), {**KEYS, "signing_keys": [], "token_issuers": []}),
        (ENV, {**KEYS, "signing_keys": [{"kty": "EC"}], "token_issuers": []}),
    ],
)
def test_both_forms(
    croft: RunCroft, control_plane: FakeControlPlane, tmp_path: Path, text: str, sent: object
) -> None:
    file = tmp_path / "keys"
    file.write_text(text)
    assert croft("projects", "create", "shop", "--keys-file", str(file), "--no-wait").code == 0
    assert json.loads(control_plane.requests[0].content) == {"name": "shop", "region": "local",
                                                             "keys": sent}  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{}",
        "[]",
        "\udcff",
        '{"jwt_secret": "hush-short"}',
        json.dumps({**KEYS, "jwt": "hush"}),
        json.dumps({**KEYS, "anon_key": 5}),
        "JWT_SECRET='hush unbalanced",
        f"JWT_SECRET={SECRET}\nJWT_KEYS=hush",
        f"JWT_SECRET={SECRET}\nJWT_KEYS='" + "[" * 100_000 + "'",
        "#" * 300_000,
    ],
)
def test_nonsense_is_refused_unquoted_and_unsent(
    croft: RunCroft, control_plane: FakeControlPlane, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "keys"
    file.write_bytes(text.encode(errors="surrogateescape"))
    ran = croft("projects", "create", "shop", "--keys-file", str(file))
    assert (ran.code, control_plane.requests) == (2, [])
    assert "code:  keys_file_invalid" in ran.err
    assert "hush" not in ran.err


def test_a_file_that_is_not_there(croft: RunCroft, control_plane: FakeControlPlane) -> None:
    ran = croft("projects", "create", "shop", "--keys-file", "/nowhere/keys")
    assert (ran.code, control_plane.requests) == (2, [])
