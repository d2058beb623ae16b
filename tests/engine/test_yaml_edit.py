"""Editing a file leaves what it is not about as it was."""

import pytest

from engine import goyaml
from engine.yaml_edit import edited

FILE = """\
# our settings
encryptionsalt: v1:abc  # do not touch
config:
  # the region
  proj:region: north   # for now
  proj:token:
    secure: v1:old  # rotated in May

  proj:list:
    - 1   # one
    - two
  # the end of the configuration
environment: [a, b] # flow
"""


def changed(**config):
    document = goyaml.load(FILE)
    for key, value in config.items():
        key = f"proj:{key}"
        if value is None:
            del document["config"][key]
        else:
            document["config"][key] = value
    return document


def test_nothing_to_change_changes_nothing():
    assert edited(FILE, goyaml.load(FILE)) == FILE


@pytest.mark.parametrize(
    ("document", "old", "new"),
    [
        (changed(region="south"), "north   # for now", "south   # for now"),
        (changed(token={"secure": "v1:new"}), "v1:old  # rotated", "v1:new  # rotated"),
        (changed(region=None), "  proj:region: north   # for now\n", ""),
        (changed(list=[1]), "  proj:list:\n    - 1   # one\n    - two\n", "  proj:list:\n  - 1\n"),
        (changed(size="7"), "    - two\n", '    - two\n  proj:size: "7"\n'),
        (changed(region={"a": {"b": 1}}), "north ", "\n    a:\n      b: 1 "),
        (
            changed(token=None),
            "  proj:token:\n    secure: v1:old  # rotated in May\n",
            "",
        ),
    ],
)
def test_one_change(document, old, new):
    assert edited(FILE, document).replace(": \n", ":\n") == FILE.replace(old, new).replace(
        ": \n", ":\n"
    )


def test_a_new_key_at_the_top():
    document = {**goyaml.load(FILE), "secretsprovider": "passphrase"}
    assert edited(FILE, document) == FILE + "secretsprovider: passphrase\n"


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("a: &x 1\nb: *x\n", {"a": 2, "b": 1}),
        ("{a: 1}\n", {"a": 2}),
        ("", {"a": 1}),
        ("a: 1\n---\nb: 2\n", {"a": 2}),
        ("- 1\n", {"a": 1}),
    ],
)
def test_what_cannot_be_edited_by_lines(text, document):
    assert edited(text, document) is None


@pytest.mark.parametrize(
    "text",
    [
        "config: {}\nx: 1",
        "config:\nx: 1\n",
        "config: # nothing yet\n\nx: 1\n",
        "config:\n    a: |\n        long\n        text\n    b: 1\n",
        "config:\n  a: >-\n    folded\n    text\n",
        "config:\n  \"a:b\": 'x'\n\n\n# end",
        "x:\n- 1\n- 2\nconfig:\n  a: 1\n# end\n",
    ],
)
@pytest.mark.parametrize("value", ["plain", "true", {"secure": "x"}, [1, [2]], 3, True, None])
def test_whatever_is_changed_reads_back(text, value):
    document = goyaml.load(text)
    for config in ({"a": value}, {"a:b": value, "z": 1}, {}):
        wanted = {**document, "config": config}
        result = edited(text, wanted)
        assert result is not None and goyaml.load(result) == wanted
        assert result.count("#") == text.count("#")
