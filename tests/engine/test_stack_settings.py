from dataclasses import replace

import pytest

from engine.errors import UsageError
from engine.project import find_project
from engine.stack_settings import (
    ConfigValue,
    StackSettings,
    config_key,
    config_value,
    get_config,
    read_settings,
    remove_config,
    secure,
    set_config,
    write_settings,
)
from tests.engine.goldens import golden


def decrypt(ciphertext):
    return ciphertext.removeprefix("enc-")


def test_the_clis_file_is_written_back_as_it_was(tmp_path):
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_bytes(golden("Pulumi.dev.yaml"))
    settings = read_settings(path)
    assert settings.encryption_salt.startswith("v1:fPk1rFdo7Zc=:v1:")
    write_settings(path, settings)
    assert path.read_bytes() == golden("Pulumi.dev.yaml")


def test_settings_survive_with_everything_unknown(tmp_path):
    path = tmp_path / "Pulumi.dev.yaml"
    settings = StackSettings(
        "v1:a:v1:b:c",
        {"p:b": "1", "p:a": secure("v1:x:y"), "p:c": {"d": [1, True, secure("v1:z:z")]}},
        extra={"environment": ["e"]},
    )
    write_settings(path, settings)
    assert read_settings(path) == settings
    assert list(read_settings(path).config) == ["p:a", "p:b", "p:c"]
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_no_file_is_no_settings(tmp_path):
    assert read_settings(tmp_path / "Pulumi.dev.yaml") == StackSettings()


@pytest.mark.parametrize("text", ["a: [", "- x", "config: 3", "config:\n  nocolon: 1"])
def test_nonsense_is_refused(tmp_path, text):
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(text)
    with pytest.raises(UsageError):
        read_settings(path)


def test_keys():
    assert config_key("a", "p") == "p:a"
    assert config_key("aws:region", "p") == config_key("aws:config:region") == "aws:region"
    for text in ("a", "", ":", "a:", ":b", "a:b:c", "a:b:c:d"):
        with pytest.raises(UsageError):
            config_key(text)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("x", ConfigValue("x")),
        (True, ConfigValue("true")),
        (12, ConfigValue("12")),
        (None, ConfigValue("")),
        (secure("enc-s"), ConfigValue("s", secret=True)),
        ({"b": [1, "<"], "a": None}, ConfigValue('{"a":null,"b":[1,"\\u003c"]}', is_object=True)),
        ([{"k": secure("enc-s")}], ConfigValue('[{"k":"s"}]', secret=True, is_object=True)),
        ({"secure": "a", "more": "b"}, ConfigValue('{"more":"b","secure":"a"}', is_object=True)),
    ],
)
def test_values_as_programs_get_them(raw, expected):
    assert config_value(raw, decrypt) == expected


def test_setting_reading_and_removing():
    config = set_config({}, "p:a", "12")
    assert config == {"p:a": "12"}  # text stays text
    config = set_config(config, "p:o.list[0].n", "12", path=True)
    config = set_config(config, "p:o.list[1]", "true", path=True)
    config = set_config(config, "p:o.s", secure("enc"), path=True)
    assert config["p:o"] == {"list": [{"n": 12}, True], "s": {"secure": "enc"}}
    assert get_config(config, "p:o.list[0].n", path=True) == 12
    assert get_config(config, "p:o.s", path=True) == secure("enc")
    for missing in ("p:x", "p:o.list[9]", "p:o.list.x", "p:o.x.y"):
        assert get_config(config, missing, path=True) is None
        assert remove_config(config, missing, path=True) == config
    assert remove_config(config, "p:o.list[0]", path=True)["p:o"]["list"] == [True]
    assert remove_config(config, "p:o.list[0].n", path=True)["p:o"]["list"] == [{}, True]
    assert remove_config(config, "p:o") == {"p:a": "12"}
    assert config["p:o"]["list"][0] == {"n": 12}  # nothing was changed in place
    with pytest.raises(UsageError, match="out of range"):
        set_config(config, "p:o.list[5]", "x", path=True)


def test_projects_are_found_from_below(tmp_path):
    (tmp_path / "Pulumi.yaml").write_text(
        "name: p\nruntime:\n  name: python\n  options: {}\nstackConfigDir: stacks\n"
        "config:\n  size:\n    type: integer\n    default: 3\n  aws:region:\n    value: eu\n"
        "  needed:\n    type: string\n  plain: x\n"
    )
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    project = find_project(inner)
    assert (project.name, project.runtime, project.root) == ("p", "python", tmp_path)
    assert project.settings_path("dev") == tmp_path / "stacks" / "Pulumi.dev.yaml"
    assert project.with_defaults({"p:size": 4}) == {"p:size": 4, "aws:region": "eu", "p:plain": "x"}


@pytest.mark.parametrize("text", ["x", "name: 3\nruntime: python", "name: p", "a: ["])
def test_project_files_that_are_none(tmp_path, text):
    (tmp_path / "Pulumi.yaml").write_text(text)
    with pytest.raises(UsageError):
        find_project(tmp_path)


def test_comments_stay_when_a_value_is_set(tmp_path):
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text("# ours\nconfig:\n  p:a: x # first\n  # last\n")
    settings = read_settings(path)
    config = set_config(settings.config, "p:b", "z")
    write_settings(path, replace(settings, encryption_salt="v1:s", config=config))
    assert path.read_text() == (
        "# ours\nconfig:\n  p:a: x # first\n  p:b: z\n  # last\nencryptionsalt: v1:s\n"
    )
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_edited_is_written_anew(tmp_path):
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text('{"config": {"p:a": "x"}}')
    write_settings(path, replace(read_settings(path), config={"p:a": "y"}))
    assert read_settings(path).config == {"p:a": "y"}
