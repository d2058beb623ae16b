"""Named control planes, links, and who wins: flag > environment > link > context > default."""

import io
import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.app import main
from cli.control_plane import Operator
from cli.preferences import Link, find_link, preferences_of, save_link
from contracts.errors import InvalidInput, NotFound, Unauthorized
from contracts.home import Home, Ports

REF = "abcdefghijklmnopqrst"
Ran = tuple[int, str, str]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A person with two contexts, standing in a linked folder, on a machine with a platform."""
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    preferences = preferences_of(environ)
    contexts = preferences.contexts().with_("staging", "http://staging.test")
    preferences.save(contexts.with_("live", "http://live.test"))
    preferences.save_credentials({"staging": "sbp_staging", "live": "sbp_live"})
    save_link(tmp_path / "app", Link(REF, "live"))
    (tmp_path / "app" / "src").mkdir()
    return environ


@pytest.fixture
def operator(environ: dict[str, str], tmp_path: Path) -> Callable[..., Operator]:
    home = Home(tmp_path / "home", tmp_path / "tools", Ports())
    home.secrets.mkdir(parents=True)
    home.token.write_text("sbp_installed")

    def make(here: str = ".", url: str = "", context: str = "", **variables: str) -> Operator:
        return Operator(home, {**environ, **variables}, tmp_path / here, url, context)

    return make


def test_precedence(operator: Callable[..., Operator], tmp_path: Path) -> None:
    installed = ("http://127.0.0.1:54320", "sbp_installed")
    staging, live = ("http://staging.test", "sbp_staging"), ("http://live.test", "sbp_live")
    variable = {"CROFT_URL": "http://live.test"}
    assert operator(here="app/src", url=installed[0], **variable).address() == installed
    assert operator(here="app/src", context="staging", **variable).address() == staging
    assert operator(here=".", **variable).address() == live
    assert operator(here="app/src", CROFT_CONTEXT="staging").address() == staging
    assert operator(here="app/src").address() == live
    assert operator(here=".").address() == staging
    preferences = preferences_of(operator().environ)
    preferences.save(preferences.contexts().without("staging"))
    assert operator(here=".").address() == installed


def test_a_token_goes_to_its_own_address_only(operator: Callable[..., Operator]) -> None:
    with pytest.raises(Unauthorized) as refused:
        operator(url="http://stranger.test").address()
    assert refused.value.code == "token_missing"
    named = operator(url="http://stranger.test", CROFT_TOKEN="sbp_mine")
    assert named.address() == ("http://stranger.test", "sbp_mine")


def test_a_context_that_is_gone_is_named(operator: Callable[..., Operator]) -> None:
    with pytest.raises(NotFound, match="no context 'nope'"):
        operator(context="nope").address()


@pytest.mark.parametrize(
    "text", ["use = [", "[contexts.a]\n", "[contexts]\na = 1\n", "\xff", "[contexts.a]\nurl = 5\n"]
)
def test_a_broken_file_is_one_error(environ: dict[str, str], text: str) -> None:
    preferences = preferences_of(environ)
    preferences.config.write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidInput) as refused:
        preferences.contexts()
    assert refused.value.code == "preferences_invalid"
    assert str(preferences.config) in refused.value.message


def test_tokens_that_others_could_read_are_refused(environ: dict[str, str]) -> None:
    preferences = preferences_of(environ)
    assert stat.S_IMODE(preferences.credentials.stat().st_mode) == 0o600
    preferences.credentials.chmod(0o644)
    with pytest.raises(InvalidInput) as refused:
        preferences.credentials_by_name()
    assert refused.value.code == "credentials_exposed"


@pytest.mark.parametrize("text", ["ref = 'x'", "ref = 5", "nonsense"])
def test_a_broken_link_is_one_error(tmp_path: Path, text: str) -> None:
    path = save_link(tmp_path, Link(REF))
    assert find_link(tmp_path / "a" / "b") == Link(REF)
    path.write_text(text)
    with pytest.raises(InvalidInput):
        find_link(tmp_path)


@pytest.fixture
def croft(
    environ: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Ran]:
    for name in ("CROFT_URL", "CROFT_TOKEN", "CROFT_OUTPUT", "CROFT_PROJECT", "CROFT_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", environ["XDG_CONFIG_HOME"])
    monkeypatch.setenv("CROFT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def run(*args: str, stdin: str = "") -> Ran:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as left:
            main(args)
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    return run


def test_the_commands(croft: Callable[..., Ran]) -> None:
    code, out, err = croft("context", "list", "-o", "json")
    assert code == 0, err
    assert [(c["name"], c["token"], c["in_use"]) for c in json.loads(out)] == [
        ("staging", True, True),
        ("live", True, False),
    ]
    assert croft("context", "use", "live")[0] == 0
    assert croft("context", "use", "nope")[0] == 5
    added = croft("context", "add", "third", "--url", "http://t", "--token-stdin", stdin="sbp_3\n")
    assert added[0] == 0
    assert croft("context", "remove", "live")[0] == 0
    assert [c["in_use"] for c in json.loads(croft("context", "list", "-o", "json")[1])] == [
        False,
        False,
    ]
    assert "sbp_" not in "".join(croft("context", "list")[1:])


@pytest.mark.parametrize("name", ["", "a b", "../x", "a.b", "x" * 64])
def test_a_bad_name_is_refused(croft: Callable[..., Ran], name: str) -> None:
    ran = croft("context", "add", name, "--url", "http://t", "--token-stdin", stdin="x\n")
    assert ran[0] == 2


def test_without_ref_and_link_a_command_says_so(croft: Callable[..., Ran]) -> None:
    code, _, err = croft("projects", "get")
    assert code == 2
    assert "croft link REF" in " ".join(err.replace("│", " ").split())
