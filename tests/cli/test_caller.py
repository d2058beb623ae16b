"""Whom `croft` talks to, and how a wrong environment is told."""

from pathlib import Path

import pytest

from cli.app import main


@pytest.mark.parametrize(
    ("environ", "exit_code", "code"),
    [
        ({}, 3, "token_missing"),
        ({"CROFT_TOKEN": "sbp_é"}, 3, "unauthorized"),
        ({"CROFT_TOKEN": "x", "CROFT_URL": "nonsense"}, 1, "api_down"),
        ({"CROFT_TOKEN": "x", "CROFT_URL": "http://[::1"}, 2, "invalid_input"),
        ({"CROFT_TOKEN": "x", "CROFT_URL": "http://127.0.0.1:9"}, 1, "api_down"),
        ({"CROFT_PORT_BASE": "x"}, 2, "invalid_input"),
        ({"CROFT_PORT_BASE": "65535"}, 2, "invalid_input"),
        ({"CROFT_PORT_BASE": "-1"}, 2, "invalid_input"),
    ],
)
def test_a_wrong_environment_is_one_error(
    environ: dict[str, str],
    exit_code: int,
    code: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    for name in ("CROFT_TOKEN", "CROFT_URL", "CROFT_PORT_BASE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"CROFT_HOME": str(tmp_path), **environ}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as left:
        main(["projects", "list"])
    captured = capsys.readouterr()
    assert left.value.code == exit_code
    assert captured.out == ""
    assert f"code:  {code}\n" in captured.err
    assert "fix:   " in captured.err


def test_the_flag_goes_before_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CROFT_TOKEN", "x")
    monkeypatch.setenv("CROFT_URL", "http://127.0.0.1:9")
    with pytest.raises(SystemExit):
        main(["--url", "http://127.0.0.1:10", "projects", "list"])
    assert "http://127.0.0.1:10" in capsys.readouterr().err


def test_help_needs_no_platform(capsys: pytest.CaptureFixture[str]) -> None:
    for args in ([], ["--help"], ["projects", "--help"], ["operations", "watch", "--help"]):
        with pytest.raises(SystemExit) as left:
            main(args)
        assert left.value.code in (0, 2)
    assert "croft" in capsys.readouterr().out
