"""Verbs of `croft projects`: what goes to stdout, what to stderr, and how it leaves."""

import io
import json
from typing import Any

import pytest
import yaml

from tests.cli.conftest import RunCroft
from tests.cli.fake_control_plane import FakeControlPlane, problem

FIELDS = {"ref", "name", "status", "api_url", "anon_key", "service_role_key", "db_url"}


class Terminal(io.StringIO):
    """A standard input on which somebody types."""

    def isatty(self) -> bool:
        return True


def test_create_prints_data_on_stdout_and_progress_on_stderr(croft: RunCroft) -> None:
    ran = croft("projects", "create", "my shop", "-o", "json")
    assert ran.code == 0
    view: dict[str, Any] = json.loads(ran.out)
    assert view.keys() >= FIELDS
    assert (view["name"], view["status"]) == ("my shop", "ACTIVE_HEALTHY")
    assert view["service_role_key"] == "service.secret.key"
    assert "s3cret" in view["db_url"]
    assert "created postgresql:index/database:Database database 0.0 s" in ran.err
    assert "secret" not in ran.err


def test_a_table_masks_secrets_unless_they_are_to_be_revealed(croft: RunCroft) -> None:
    masked = croft("projects", "create", "shop").out
    assert "s3cret" not in masked and "service.secret.key" not in masked
    assert "_postgres:********@127.0.0.1" in masked
    assert "anon.public.key" in masked
    assert "s3cret" in croft("projects", "create", "shop 2", "--reveal").out


def test_create_without_waiting_names_the_operation(
    croft: RunCroft, control_plane: FakeControlPlane
) -> None:
    view = json.loads(croft("projects", "create", "shop", "--no-wait", "-o", "json").out)
    assert view["operation_id"] == f"create-{view['ref']}"
    assert control_plane.methods() == ["POST /v1/projects"]


def test_a_failed_create_leaves_with_4_and_no_data(
    croft: RunCroft, control_plane: FakeControlPlane
) -> None:
    error = {"code": "keycloak_down", "message": "Keycloak does not answer", "fix": "croft logs"}
    control_plane.end = {"status": "failed", "error": error}
    ran = croft("projects", "create", "shop", "-o", "json")
    assert (ran.code, ran.out) == (4, "")
    assert "error: Keycloak does not answer\ncode:  keycloak_down\nfix:   croft logs\n" in ran.err


@pytest.mark.parametrize("name", ["", "a\nb", "\udcff", "x" * 256])
def test_a_bad_name_is_never_sent(
    croft: RunCroft, control_plane: FakeControlPlane, name: str
) -> None:
    ran = croft("projects", "create", name)
    assert (ran.code, ran.out) == (2, "")
    assert "code:  project_name_invalid" in ran.err
    assert control_plane.requests == []


def test_list_in_every_form(croft: RunCroft, control_plane: FakeControlPlane) -> None:
    assert croft("projects", "list").out.split() == "REF NAME STATUS CREATED_AT API_URL".split()
    assert json.loads(croft("projects", "list", "-o", "json").out) == []
    ref = control_plane.add_project("[red]日本 shop")
    header, row = croft("projects", "list").out.splitlines()
    assert row.startswith(f"{ref}  [red]日本 shop  ACTIVE_HEALTHY")
    assert header.index("STATUS") == row.index("ACTIVE") + 2  # two characters of double width
    assert yaml.safe_load(croft("projects", "list", "-o", "yaml").out)[0]["name"].startswith(
        "[red]"
    )
    assert croft("projects", "list", "-o", "env").code == 2


def test_the_environment_chooses_the_form(croft: RunCroft, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROFT_OUTPUT", "json")
    assert croft("projects", "list").out == "[]\n"
    assert croft("projects", "list", "-o", "table").out.startswith("REF")


def test_keys_are_masked_in_every_form_unless_revealed(
    croft: RunCroft, control_plane: FakeControlPlane
) -> None:
    ref = control_plane.add_project("shop")
    for output in ("table", "json", "yaml"):
        assert "s3cret" not in croft("projects", "keys", ref, "-o", output).out
        assert "s3cret" in croft("projects", "keys", ref, "-o", output, "--reveal").out
    assert croft("projects", "keys", ref, "-o", "env").code == 2
    assert croft("projects", "keys", ref, "-o", "env", "--reveal").out == (
        f"SUPABASE_URL=http://127.0.0.1:54321/p/{ref}\n"
        "SUPABASE_ANON_KEY=anon.public.key\n"
        "SUPABASE_SERVICE_ROLE_KEY=service.secret.key\n"
        f"SUPABASE_DB_URL=postgresql://{ref}_postgres:s3cret@127.0.0.1:54322/{ref}\n"
    )


def test_destroy_needs_yes_where_nobody_can_be_asked(
    croft: RunCroft, control_plane: FakeControlPlane
) -> None:
    ref = control_plane.add_project("shop")
    ran = croft("projects", "destroy", ref)
    assert ran.code == 2
    assert "code:  not_confirmed\nfix:   add --yes" in ran.err
    assert not any(method.startswith("DELETE") for method in control_plane.methods())
    assert json.loads(croft("projects", "destroy", ref, "--yes", "-o", "json").out)["ref"] == ref


@pytest.mark.parametrize(("typed", "code"), [("{ref}", 0), ("{ref}x", 2), ("y", 2)])
def test_destroy_asks_for_the_ref_on_a_terminal(
    croft: RunCroft,
    control_plane: FakeControlPlane,
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    code: int,
) -> None:
    ref = control_plane.add_project("shop")
    monkeypatch.setattr("sys.stdin", Terminal(typed.format(ref=ref) + "\n"))
    ran = croft("projects", "destroy", ref)
    assert ran.code == code
    assert "shop" in ran.err and "shop" not in ran.out.splitlines()[:0]
    assert (f"DELETE /v1/projects/{ref}" in control_plane.methods()) is (code == 0)


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (401, "unauthorized", 3),
        (403, "limit_reached", 6),
        (404, "project_not_found", 5),
        (409, "project_name_taken", 6),
        (423, "locked", 6),
        (422, "invalid_input", 2),
        (503, "registry_down", 1),
        (500, "internal", 1),
    ],
)
def test_an_error_of_the_api_becomes_message_code_fix_and_exit_code(
    croft: RunCroft, control_plane: FakeControlPlane, status: int, code: str, exit_code: int
) -> None:
    control_plane.answer = lambda request: problem(
        status, code, "no\x1b[31m such [b]thing", "do so"
    )
    ran = croft("projects", "get", "x" * 20)
    assert ran.code == exit_code
    assert ran.out == ""
    expected = f"error: no [31m such [b]thing\ncode:  {code}\nfix:   do so\nrequest: req-1\n"
    assert ran.err == expected


def test_a_stranger_on_the_port_is_no_traceback(
    croft: RunCroft, control_plane: FakeControlPlane
) -> None:
    import httpx2

    control_plane.answer = lambda request: httpx2.Response(200, text="<html>")
    ran = croft("projects", "list")
    assert ran.code == 1
    assert "code:" in ran.err


def test_usage_errors_leave_with_2(croft: RunCroft) -> None:
    for args in (
        ["projects", "create"],
        ["projects", "frobnicate"],
        ["projects", "list", "-o", "x"],
    ):
        ran = croft(*args)
        assert (ran.code, ran.out) == (2, "")


def test_ctrl_c_leaves_with_130_and_says_how_to_go_on(
    croft: RunCroft, control_plane: FakeControlPlane
) -> None:
    def interrupt(request: Any) -> None:
        if request.url.path.endswith("/events"):
            raise KeyboardInterrupt

    control_plane.answer = interrupt
    ran = croft("projects", "create", "shop")
    assert (ran.code, ran.out) == (130, "")
    assert "croft operations watch create-" in ran.err


def test_patience_that_ends_leaves_with_7(croft: RunCroft, control_plane: FakeControlPlane) -> None:
    import httpx2

    def silence(request: httpx2.Request) -> httpx2.Response | None:
        if not request.url.path.endswith("/events"):
            return None
        return httpx2.Response(
            200, headers={"content-type": "text/event-stream"}, content=b": \n\n"
        )

    control_plane.answer = silence
    ran = croft("projects", "create", "shop", "--timeout", "1")
    assert (ran.code, ran.out) == (7, "")
    assert "watch it with: croft operations watch create-" in ran.err
