from hypothesis import given
from hypothesis import strategies as st

from engine.disk_values import from_disk, to_disk
from engine.provider import UNKNOWN
from engine.values import (
    ASSET_SIGNATURE,
    SIGNATURE_KEY,
    UNKNOWNS,
    Archive,
    Asset,
    OutputValue,
    ResourceReference,
    Secret,
    dependencies_in,
    from_struct,
    has_secrets,
    has_unknowns,
    secret,
    to_struct,
    unwrap_outputs,
    unwrap_secrets,
)

names = st.text(min_size=1, max_size=5).filter(lambda name: name != SIGNATURE_KEY)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.sampled_from(sorted(UNKNOWNS)),
    st.builds(ResourceReference, st.text(max_size=5), st.none() | st.text(max_size=5)),
    st.builds(Asset, st.just({"text": "x", "hash": "y"})),
    st.just(Archive({"assets": {"a": {SIGNATURE_KEY: ASSET_SIGNATURE, "text": "x"}}})),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(names, inner, max_size=3),
        inner.map(secret),
    ),
    max_leaves=10,
)
props = st.dictionaries(names, values, max_size=4)


@given(props)
def test_the_wire_gives_back_what_was_sent(sent):
    assert from_struct(to_struct(sent)) == sent


@given(props)
def test_the_disk_gives_back_what_was_written_but_for_the_kind_of_unknown(written):
    def one_unknown(value):
        if isinstance(value, dict):
            return {k: one_unknown(v) for k, v in value.items()}
        if isinstance(value, list):
            return [one_unknown(v) for v in value]
        if isinstance(value, Secret):
            return Secret(one_unknown(value.value))
        return UNKNOWN if isinstance(value, str) and value in UNKNOWNS else value

    on_disk = to_disk(written, lambda path, text: f"!{text}")
    assert from_disk(on_disk, lambda path, text: text.removeprefix("!")) == one_unknown(written)
    shown = to_disk(written, None)
    assert from_disk(shown, lambda path, text: 1 / 0) == one_unknown(written)


def test_whole_numbers_arrive_as_ints():
    arrived = from_struct(to_struct({"a": 3.0, "b": 2.5, "c": True, "d": 1e300}))
    assert arrived == {"a": 3, "b": 2.5, "c": True, "d": 1e300}
    assert [type(v) for v in (arrived["a"], arrived["b"], arrived["c"])] == [int, float, bool]


def test_outputs_open_to_secret_unknown_or_value():
    wire = to_struct(
        {
            "known": OutputValue(1, dependencies=("urn:a",)),
            "hidden": OutputValue("x", secret=True, dependencies=("urn:b",)),
            "later": OutputValue(UNKNOWN),
        }
    )
    kept = from_struct(wire, keep_outputs=True)
    assert dependencies_in(kept) == {"urn:a", "urn:b"}
    opened = {"known": 1, "hidden": Secret("x"), "later": UNKNOWN}
    assert from_struct(wire) == unwrap_outputs(kept) == opened


def test_a_receiver_without_secrets_gets_plain_values():
    sent = {"a": {"b": [secret({"c": secret("x")})]}}
    assert from_struct(to_struct(sent, keep_secrets=False)) == unwrap_secrets(sent)


def test_questions_asked_of_nested_values():
    assert has_unknowns({"a": [secret({"b": UNKNOWN})]})
    assert has_unknowns([OutputValue(UNKNOWN)])
    assert not has_unknowns({"a": "b"})
    assert has_secrets([{"a": secret(1)}])
    assert not has_secrets([OutputValue(1)])


def test_a_secret_of_a_secret_is_one_secret_and_never_shown():
    assert secret(secret("x")) == Secret("x")
    assert "x1y2" not in repr({"a": secret("x1y2"), "b": OutputValue("x1y2", secret=True)})


def test_nan_and_infinity_survive_on_disk():
    on_disk = to_disk([float("inf"), float("-inf"), float("nan")], None)
    back = from_disk(on_disk, lambda path, text: text)
    assert back[:2] == [float("inf"), float("-inf")] and back[2] != back[2]
    assert on_disk[0]["value"] == "7ff0000000000000"


def test_paths_of_secrets_tell_the_place():
    seen = []
    to_disk({"a": [{"b": secret(1)}, secret(2)]}, lambda path, text: seen.append(path) or "x", "in")
    assert seen == ["in.a[0].b", "in.a[1]"]
