"""`croft login`, `logout`, `whoami`, `tokens`: what a person sees, what is sent, what is kept."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from automation import login_client
from automation.login_client import Session
from cli.app import main
from cli.control_plane import Operator
from cli.preferences import preferences_of
from contracts.errors import InvalidInput, Unauthorized
from contracts.home import Home, Ports
from tests.cli.conftest import RunCroft
from tests.cli.fake_control_plane import AT, FakeControlPlane
from tests.cli.snapshot import matches, transcript

ID = "00000000-0000-4000-8000-000000000001"
URL = "http://127.0.0.1:54320"
TOKEN = {
    "id": ID, "name": "ci", "token_alias": "sbp_1234…cdef", "scopes": ["projects:write"],
    "organization_slug": "shop", "created_by": "member:ada", "created_at": AT, "expires_at": AT,
    "last_used_at": None,
}  # fmt: skip
PROFILE = {
    "gotrue_id": ID, "primary_email": "ada@example.org", "username": "ada", "is_operator": False,
    "scopes": ["all"], "organizations": [{"slug": "shop", "role_name": "developer"}],
}  # fmt: skip
SESSION = Session(
    access_token="access",
    refresh_token="refresh",
    expires_at=0,
    token_endpoint="http://realm.test/token",
    revocation_endpoint="http://realm.test/revoke",
)


@pytest.fixture(autouse=True)
def _answers(control_plane: FakeControlPlane) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response | None:
        match [request.method, *request.url.path.split("/")[2:]]:
            case ["GET", "profile"]:
                return httpx2.Response(200, json=PROFILE)
            case ["GET", "tokens"]:
                return httpx2.Response(200, json=[TOKEN])
            case ["POST", "tokens", *_]:
                return httpx2.Response(201, json={**TOKEN, "token": "sbp_once"})
            case ["DELETE", "tokens", _]:
                return httpx2.Response(200, json=TOKEN)
        return None

    control_plane.answer = answer


COMMANDS = {
    "whoami": "whoami",
    "tokens-list": "tokens list",
    "tokens-create": "tokens create ci --scope projects:write --org shop --expires 30d",
    "tokens-create-nonsense-scope": "tokens create ci --scope everything",
    "tokens-create-nonsense-expiry": "tokens create ci --expires soon",
    "tokens-rotate": f"tokens rotate {ID}",
    "tokens-revoke": f"tokens revoke {ID} --yes",
    "tokens-revoke-unconfirmed": f"tokens revoke {ID}",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_output(name: str, croft: RunCroft) -> None:
    assert matches(name, transcript(COMMANDS[name], croft(*COMMANDS[name].split())))


def test_what_is_sent(croft: RunCroft, control_plane: FakeControlPlane) -> None:
    croft("tokens", "create", "ci", "--expires", "never")
    (request,) = control_plane.requests
    body = json.loads(request.content)
    assert body == {
        "name": "ci", "scopes": ["all"], "organization_slug": None, "expires_at": None,
    }  # fmt: skip


@pytest.mark.parametrize("expires", ["0d", "3651d", "1", "-1d", "1\u0661d", ""])
def test_nonsense_is_never_sent(
    croft: RunCroft, control_plane: FakeControlPlane, expires: str
) -> None:
    assert croft("tokens", "create", "ci", "--expires", expires).code == 2
    assert control_plane.requests == []


# --- what is kept ---------------------------------------------------------------------------------


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    """Somebody on a machine without an installation's token."""
    home = Home(tmp_path / "home", tmp_path / "tools", Ports())
    return Operator(home, {"XDG_CONFIG_HOME": str(tmp_path)}, tmp_path)


@pytest.fixture
def renewals(monkeypatch: pytest.MonkeyPatch) -> list[Session]:
    asked: list[Session] = []

    def renew(session: Session) -> Session:
        asked.append(session)
        return session.model_copy(update={"access_token": f"new {len(asked)}", "expires_at": 9e9})

    monkeypatch.setattr(login_client, "renew", renew)
    return asked


def token_at(operator: Operator) -> Callable[[], str]:
    url, token = operator.address()
    assert url == URL and not isinstance(token, str)
    return token


def test_a_login_is_renewed_once_and_kept(operator: Operator, renewals: list[Session]) -> None:
    preferences = preferences_of(operator.environ)
    preferences.save_credentials({URL: SESSION, "other": "sbp_other"})
    token = token_at(operator)
    assert [token(), token(), token_at(operator)()] == ["new 1"] * 3
    assert renewals == [SESSION]
    kept = preferences.credentials_by_name()
    assert kept["other"] == "sbp_other"
    assert preferences.credentials.stat().st_mode & 0o777 == 0o600


def test_a_login_goes_to_its_own_address_only(operator: Operator) -> None:
    preferences_of(operator.environ).save_credentials({"http://other.test": SESSION})
    with pytest.raises(Unauthorized) as refused:
        operator.address()
    assert refused.value.code == "token_missing"


def test_logged_out_while_a_command_runs(operator: Operator, renewals: list[Session]) -> None:
    preferences = preferences_of(operator.environ)
    preferences.save_credentials({URL: SESSION})
    token = token_at(operator)
    preferences.save_credentials({})
    with pytest.raises(Unauthorized):
        token()
    assert renewals == []


@pytest.mark.parametrize("text", ["[]", '{"a": 1}', '{"a": {"access_token": "hush"}}', "{", "\xff"])
def test_a_broken_file_is_not_quoted(operator: Operator, text: str) -> None:
    preferences = preferences_of(operator.environ)
    preferences.save_credentials({})
    preferences.credentials.write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidInput) as refused:
        preferences.credentials_by_name()
    assert "hush" not in refused.value.message


def test_a_refused_token_is_not_kept(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("sbp_é\n"))
    with pytest.raises(SystemExit) as left:
        main(["login", "--token-stdin"], operator)
    assert left.value.code == 3
    assert not preferences_of(operator.environ).credentials.exists()
