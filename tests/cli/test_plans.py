"""Updates as plans from a terminal and from CI: what is sent, what is asked, how it leaves."""

import io
import json
from pathlib import Path

import pytest

from contracts.project_settings import ProjectSettings
from tests.cli.conftest import RunCroft
from tests.cli.fake_control_plane import FakeControlPlane, problem
from tests.cli.test_output import PLAN, REF

NO_CHANGES = {"changes": {"same": 31}, "resources": []}


@pytest.fixture
def plane(control_plane: FakeControlPlane) -> FakeControlPlane:
    control_plane.add_project("shop", REF)
    control_plane.plan = NO_CHANGES
    return control_plane


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "project.yaml"
    path.write_text("connections_max: 5\nrest:\n  max_rows: 7\n")
    return str(path)


def sent(plane: FakeControlPlane, method: str, verb: str) -> dict[str, object]:
    [body] = [
        r.content for r in plane.requests if (r.method, r.url.path[-len(verb) :]) == (method, verb)
    ]
    found: dict[str, object] = json.loads(body)
    return found


def test_preview_sends_the_file_and_shows_which_settings_differ(
    croft: RunCroft, plane: FakeControlPlane, file: str
) -> None:
    ran = croft("projects", "preview", REF, "--file", file, "-o", "json")
    assert (ran.code, ran.err) == (0, "")
    wanted = ProjectSettings.model_validate({"connections_max": 5, "rest": {"max_rows": 7}})
    assert sent(plane, "POST", "/preview") == {"spec": wanted.model_dump(mode="json")}
    view = json.loads(ran.out)
    assert view["settings"] == [
        {"setting": "connections_max", "old": 30, "new": 5},
        {"setting": "rest.max_rows", "old": 1000, "new": 7},
    ]
    assert not any(r.method == "PUT" for r in plane.requests)


@pytest.mark.parametrize(
    ("plan", "with_file", "code"), [(NO_CHANGES, False, 0), (PLAN, False, 8), (NO_CHANGES, True, 8)]
)
def test_expected_are_no_changes(
    croft: RunCroft, plane: FakeControlPlane, file: str, plan: dict[str, object],
    with_file: bool, code: int,
) -> None:  # fmt: skip
    plane.plan = plan
    args = ["--file", file] if with_file else []
    ran = croft("projects", "preview", REF, "--expect-no-changes", *args)
    assert ran.code == code
    assert ("code:  changes_found" in ran.err) is (code == 8)
    assert ran.out  # the plan itself is shown all the same


def test_the_same_plan_looks_the_same_in_whatever_order_it_came(
    croft: RunCroft, plane: FakeControlPlane
) -> None:
    plane.plan = PLAN
    shown = croft("projects", "preview", REF, "-o", "json").out
    resources = PLAN["resources"]
    assert isinstance(resources, list)
    plane.plan = {**PLAN, "resources": resources[::-1]}
    assert croft("projects", "preview", REF, "-o", "json").out == shown


def test_up_says_which_spec_it_was_made_from(
    croft: RunCroft, plane: FakeControlPlane, file: str
) -> None:
    ran = croft("projects", "up", REF, "--file", file, "-o", "json")
    assert ran.code == 0, ran.err
    put = next(r for r in plane.requests if r.method == "PUT")
    assert put.headers["If-Match"] == '"1"'
    assert json.loads(ran.out)["ref"] == REF


def test_up_asks_before_something_is_lost(
    croft: RunCroft, plane: FakeControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane.plan = PLAN
    assert croft("projects", "up", REF).code == 2
    terminal = io.StringIO("no\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    assert croft("projects", "up", REF).code == 2
    assert not any(r.method == "PUT" for r in plane.requests)
    assert croft("projects", "up", REF, "--yes").code == 0


def test_somebody_else_was_faster(croft: RunCroft, plane: FakeControlPlane, file: str) -> None:
    plane.answer = lambda r: problem(412, "spec_changed", "changed") if r.method == "PUT" else None
    ran = croft("projects", "up", REF, "--file", file)
    assert (ran.code, ran.out) == (6, "")


def test_a_bad_file_asks_nobody_for_anything(
    croft: RunCroft, plane: FakeControlPlane, file: str
) -> None:
    Path(file).write_text("conections_max: 5\n")
    for verb in ("preview", "up"):
        ran = croft("projects", verb, REF, "--file", file)
        assert (ran.code, ran.out) == (2, "")
        assert f"{file}:1: conections_max is no setting; did you mean connections_max?" in ran.err
    assert not any(r.method != "GET" for r in plane.requests)


def test_a_preview_that_fails_leaves_with_4(croft: RunCroft, plane: FakeControlPlane) -> None:
    error = {"code": "keycloak_down", "message": "Keycloak is away", "fix": "wait"}
    plane.end = {"status": "failed", "error": error}
    ran = croft("projects", "preview", REF, "--expect-no-changes")
    assert (ran.code, ran.out) == (4, "")


def test_init_writes_a_file_that_changes_nothing(
    croft: RunCroft, plane: FakeControlPlane, tmp_path: Path
) -> None:
    path = str(tmp_path / "new.yaml")
    assert croft("projects", "init", REF, "--file", path).code == 0
    assert croft("projects", "init", REF, "--file", path).code == 6
    assert croft("projects", "init", REF, "--file", path, "--force").code == 0
    assert croft("projects", "preview", REF, "--file", path, "--expect-no-changes").code == 0


def test_another_name_in_the_file_renames(
    croft: RunCroft, plane: FakeControlPlane, file: str
) -> None:
    Path(file).write_text("name: other shop\n")
    shown = json.loads(croft("projects", "preview", REF, "--file", file, "-o", "json").out)
    assert shown["settings"] == [{"setting": "name", "old": "shop", "new": "other shop"}]
    assert not any(r.method == "PATCH" for r in plane.requests)
    plane.answer = lambda r: (
        problem(409, "project_name_taken", "taken") if r.method == "PATCH" else None
    )
    assert croft("projects", "up", REF, "--file", file).code == 6
    assert not any(r.method == "PUT" for r in plane.requests)
