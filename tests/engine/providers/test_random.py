import base64
from string import ascii_lowercase, ascii_uppercase, digits

import pytest

from engine.provider import UNKNOWN
from engine.providers import builtin_packages
from engine.providers.random import handlers
from engine.providers.random.characters import SPECIAL
from tests.engine.providers.asked import check

HANDLERS = handlers()
PASSWORD, STRING, ID = (
    HANDLERS[f"random:index/{name[0].lower()}{name[1:]}:{name}"]
    for name in ("RandomPassword", "RandomString", "RandomId")
)


def drawn(**news):
    return PASSWORD.create({}, check(PASSWORD, **news))[1]["result"]


def count(text, characters):
    return sum(character in characters for character in text)


def test_the_package_is_built_in():
    [random] = [package for package in builtin_packages() if package.name == "random"]
    assert set(random.handlers) == set(HANDLERS)


@pytest.mark.parametrize(
    ("handler", "news"),
    [
        (STRING, {}),
        (STRING, {"length": 0}),
        (STRING, {"length": "many"}),
        (STRING, {"length": 3, "minUpper": 2, "minNumeric": 2}),
        (STRING, {"length": 3, "minUpper": -1}),
        (STRING, {"length": 3, "upper": False, "lower": False, "number": False, "special": False}),
        (STRING, {"length": 3, "number": True, "numeric": False}),
        (ID, {}),
        (ID, {"byteLength": 0}),
    ],
)
def test_nonsense_is_refused(handler, news):
    with pytest.raises(ValueError):
        check(handler, **news)


def test_unknown_values_pass_in_a_preview():
    check(PASSWORD, length=UNKNOWN, special=UNKNOWN, keepers={"a": UNKNOWN})
    check(ID, byteLength=UNKNOWN, prefix=UNKNOWN)


@pytest.mark.parametrize(
    ("news", "alphabet"),
    [
        ({}, ascii_lowercase + ascii_uppercase + digits + SPECIAL),
        ({"special": False}, ascii_lowercase + ascii_uppercase + digits),
        ({"special": False, "number": False, "upper": False}, ascii_lowercase),
        ({"special": False, "numeric": False, "lower": False}, ascii_uppercase),
        ({"overrideSpecial": "~ä", "upper": False, "lower": False, "numeric": False}, "~ä"),
        ({"overrideSpecial": "", "upper": False, "lower": False, "numeric": False}, SPECIAL),
    ],
)
def test_all_characters_asked_for_are_drawn_and_no_others(news, alphabet):
    assert set(drawn(length=5000, **news)) == set(alphabet)


def test_there_are_as_many_of_each_kind_as_asked_for():
    minima = {"minUpper": 2, "minLower": 3, "minNumeric": 4, "minSpecial": 5}
    for _ in range(20):
        text = drawn(length=14, **minima)
        counts = [count(text, s) for s in (ascii_uppercase, ascii_lowercase, digits, SPECIAL)]
        assert counts == [2, 3, 4, 5]
    firsts = {drawn(length=14, **minima)[0] for _ in range(100)}
    assert count(firsts, SPECIAL) and count(firsts, digits)  # shuffled


def test_a_password_is_secret_and_no_part_of_its_id():
    inputs = check(PASSWORD, length=20, keepers={"epoch": "1"})
    id, outputs = PASSWORD.create({}, inputs)
    assert id == outputs["id"] == "none" and len(outputs["result"]) == 20
    assert {*PASSWORD.secret_outputs} == {"result", "bcryptHash"}
    assert outputs["bcryptHash"] is None
    assert PASSWORD.read({}, id, inputs, outputs) == outputs
    assert list(PASSWORD.diff({}, id, inputs, outputs, inputs).changes) == []
    with pytest.raises(ValueError, match="cannot be imported") as refusal:
        PASSWORD.read({}, "hunter22", {}, {})
    assert "hunter22" not in str(refusal.value)


def test_a_string_is_its_own_id():
    inputs = check(STRING, length=8)
    id, outputs = STRING.create({}, inputs)
    assert id == outputs["result"] and not STRING.secret_outputs
    imported = STRING.read({}, id, {}, {})
    assert list(STRING.diff({}, id, {}, imported, inputs).changes) == []
    assert imported["result"] == id


@pytest.mark.parametrize("prefix", [None, "shop-"])
def test_an_id_is_spelled_in_four_ways(prefix):
    inputs = check(ID, byteLength=5, prefix=prefix)
    id, outputs = ID.create({}, inputs)
    start = prefix or ""
    raw = bytes.fromhex(outputs["hex"].removeprefix(start))
    assert len(raw) == 5
    assert outputs["b64Std"] == start + base64.b64encode(raw).decode()
    assert outputs["b64Url"] == start + id
    assert outputs["dec"] == start + str(int.from_bytes(raw, "big"))
    assert ID.read({}, id, inputs, outputs) == outputs
    assert ID.read({}, id, inputs, {}) == outputs


def test_an_import_that_is_no_base64_is_refused():
    with pytest.raises(ValueError, match="base64"):
        ID.read({}, "ä", {}, {})


@pytest.mark.parametrize(
    ("handler", "old", "new"),
    [
        (PASSWORD, {"length": 8}, {"length": 9}),
        (PASSWORD, {"length": 8}, {"length": 8, "special": False}),
        (PASSWORD, {"length": 8, "special": False}, {"length": 8}),
        (STRING, {"length": 8}, {"length": 8, "keepers": {"a": "b"}}),
        (STRING, {"length": 8}, {"length": 8, "overrideSpecial": "!"}),
        (ID, {"byteLength": 8}, {"byteLength": 8, "prefix": "p"}),
        (ID, {"byteLength": 8, "keepers": {"a": "b"}}, {"byteLength": 8, "keepers": {"a": "c"}}),
    ],
)
def test_any_change_draws_anew_before_the_old_one_goes(handler, old, new):
    id, outputs = handler.create({}, check(handler, **old))
    diff = handler.diff({}, id, {}, outputs, check(handler, **new))
    assert diff.changes and diff.replaces == diff.changes
    assert not diff.delete_before_replace


def test_the_old_name_of_numeric_changes_nothing():
    _, outputs = PASSWORD.create({}, check(PASSWORD, length=8, number=False))
    news = check(PASSWORD, length=8, numeric=False)
    assert list(PASSWORD.diff({}, "none", {}, outputs, news).changes) == []
