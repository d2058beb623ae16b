"""project.yaml: what a person got wrong is named with its line, and what is written can be read."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.project_file import FILE_BYTES_MAX, dump, load
from contracts.auth_service import AuthServiceSettings
from contracts.errors import InvalidInput
from contracts.project_settings import ProjectFile, RestSettings, schema

ALIASES = "a: &a {x: 1}\n" + "".join(f"b{n}: &b{n} {{x: *a, y: *a}}\n" for n in range(30))


def read(folder: Path, text: str) -> ProjectFile:
    path = folder / "project.yaml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return load(path)


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    assert read(tmp_path, "") == read(tmp_path, "{}") == ProjectFile()
    found = read(tmp_path, "name: shop\nrest:\n  max_rows: 5\n")
    assert found == ProjectFile(name="shop", rest=RestSettings(max_rows=5))


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("a: 1\n\nconections_max: 5\n", [":3: conections_max is no setting; did you mean conn"]),
        ("rest:\n  # x\n  maxrows: 5", [":3: rest.maxrows is no setting; did you mean max_rows?"]),
        ("rest:\n  zzz: 5", [":2: rest.zzz is no setting; there are max_rows, pool"]),
        ("protected: 'yes'\npaused: 1", [":1: protected: Input should", ":2: paused: Input sho"]),
        ("connections_max: 0", [":1: connections_max: Input should be greater than or equal to 1"]),
        ("connections_max: 501", [":1: connections_max: Input should be less than or equal to"]),
        ("connections_max: 1.5", [":1: connections_max: Input should be a valid integer"]),
        ("storage_quota_bytes: 1e400", [":1: storage_quota_bytes: Input should be"]),
        ("\nrest: 5", [":2: rest: settings are expected"]),
        ("- a\n- b", [":1: settings are expected, a line each: NAME: VALUE"]),
        ("paused: true\npaused: false", [":2: paused stands here a second time"]),
        ('name: "a\\nb"', [":1: name: a name holds no control characters"]),
        ("name: ''", [":1: name: a name has 1 to 255 characters"]),
        ("paused: [", [":1: this is no YAML"]),
        ("\tpaused: 1", [":1: this is no YAML"]),
        ("paused: true\n---\npaused: false", [":2: this is no YAML"]),
        ("paused: !!python/object:os.system x", [":1: this is no YAML"]),
        ("\udcfe\udcfe", ["this is no YAML"]),
        ("\x00", ["this is no YAML"]),
        ("[" * 1500, ["this is no YAML"]),
        (ALIASES, ["anchors and aliases are not used here"]),
        ("#" * (FILE_BYTES_MAX + 1), ["has more than 100000 bytes"]),
        # What the platform decides is no setting.
        ("ref: abcdefghijklmnopqrst", [":1: ref is no setting"]),
        ("rest:\n  port: 1", [":2: rest.port is no setting"]),
    ],
)  # fmt: skip
def test_errors_name_the_line(tmp_path: Path, text: str, problems: list[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(tmp_path, text)
    assert refused.value.code == "project_file_invalid"
    assert refused.value.fix
    for problem in problems:
        assert problem in refused.value.message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as refused:
        load(tmp_path / "project.yaml")
    assert "croft projects init" in refused.value.fix


def test_every_problem_is_told_at_once_in_the_files_order(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(tmp_path, "rest:\n  pol: 1\nprotect: true\nconnections_max: x\n")
    message = refused.value.message
    assert message.index(":2: ") < message.index(":3: ") < message.index(":4: ")


@given(
    st.builds(
        ProjectFile,
        name=st.none() | st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1),
        protected=st.booleans(),
        connections_max=st.integers(1, 500),
        storage_quota_bytes=st.integers(1, 1024**5),
        rest=st.builds(RestSettings, max_rows=st.integers(1, 10**6), pool=st.integers(1, 100)),
        auth_service=st.builds(
            AuthServiceSettings,
            rate_limit_otp=st.none() | st.integers(1, 2**31 - 1),
            sms_template=st.none() | st.text(max_size=50).filter(lambda text: "\0" not in text),
        ),
    )
)
def test_what_is_written_reads_the_same(
    tmp_path_factory: pytest.TempPathFactory, file: ProjectFile
) -> None:
    assert read(tmp_path_factory.getbasetemp(), dump(file)) == file


@pytest.mark.parametrize("text", ["\xa0", "a\u2003", "a\x85", "\x1c", " a ", "a\n", "a\r\n b"])
def test_blanks_at_the_end_of_a_text_stay(tmp_path: Path, text: str) -> None:
    file = ProjectFile(auth_service=AuthServiceSettings(sms_template=text))
    assert read(tmp_path, dump(file)) == file


def test_what_nobody_chose_is_not_written() -> None:
    text = dump(ProjectFile())
    assert "auth_service" not in text and "\nauth:\n" in text


def test_the_schema_tells_what_each_setting_means() -> None:
    text = json.dumps(schema())
    assert "Connection limit of the login" in text
    assert schema()["additionalProperties"] is False
