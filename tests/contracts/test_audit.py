"""The chain's check without a database: what a change to a row looks like."""

import json

import pytest

from contracts.audit import GENESIS, Head, Link, canonical, check_chain, link_hash
from contracts.errors import InvalidInput


def chain(count: int) -> list[Link]:
    links: list[Link] = []
    last = GENESIS
    for seq in range(1, count + 1):
        text = canonical({"action": "projects.create", "n": seq})
        last, previous = link_hash(last, seq, text), last
        links.append(Link(seq, previous, last, text))
    return links


def head(links: list[Link]) -> Head:
    return Head(links[-1].seq, links[-1].hash)


def test_a_whole_chain() -> None:
    links = chain(5)
    verdict = check_chain(links, head(links), anchor=head(links[:3]))
    assert (verdict.rows, verdict.problems) == (5, [])
    assert Head.parse(verdict.head) == head(links)


def test_nothing_is_a_whole_chain() -> None:
    assert check_chain([], Head(0, GENESIS)).problems == []


def test_an_edited_entry() -> None:
    links = chain(5)
    links[2] = Link(3, links[2].previous_hash, links[2].hash, links[2].text.replace("3", "4"))
    assert check_chain(links, head(links)).problems == ["row 3 was edited or moved"]


def test_an_edited_entry_with_a_hash_that_fits() -> None:
    links = chain(5)
    text = links[2].text.replace("3", "4")
    links[2] = Link(3, links[2].previous_hash, link_hash(links[2].previous_hash, 3, text), text)
    assert check_chain(links, head(links)).problems == ["row 4 does not follow from row 3"]


def test_missing_rows() -> None:
    links = chain(6)
    assert check_chain(links[:2] + links[4:], head(links)).problems == ["rows 3 to 4 are missing"]
    assert check_chain(links[1:], head(links)).problems == ["rows 1 to 1 are missing"]


def test_a_truncated_end_is_missed_by_the_head() -> None:
    links = chain(6)
    assert check_chain(links[:4], head(links)).problems == [
        "the log ends with row 4, but row 6 was written last"
    ]
    assert check_chain([], head(links)).problems


def test_a_truncated_end_and_head_are_missed_by_an_anchor() -> None:
    links = chain(6)
    assert check_chain(links[:4], head(links[:4])).problems == []
    assert check_chain(links[:4], head(links[:4]), anchor=head(links)).problems == [
        "row 6 is not the one of the anchor"
    ]


def test_a_rewritten_log_is_missed_by_an_anchor_only() -> None:
    other = chain(8)[:1]
    last = other[0].hash
    text = canonical({"action": "nothing"})
    other.append(Link(2, last, link_hash(last, 2, text), text))
    assert check_chain(other, head(other)).problems == []
    assert check_chain(other, head(other), anchor=head(chain(2))).problems


def test_moved_rows() -> None:
    links = chain(4)
    moved = [links[0], links[2], links[1], links[3]]
    assert "row 2 stands after row 3" in check_chain(moved, head(links)).problems
    third, second = links[2], links[1]
    links[1] = Link(2, third.previous_hash, third.hash, third.text)
    links[2] = Link(3, second.previous_hash, second.hash, second.text)
    assert check_chain(links, head(links)).problems[0] == "row 2 does not follow from row 1"


def test_the_canonical_form_survives_an_export() -> None:
    entry = {"b": [1, 2.5, None, True], "a": {"ü": "日本", "z": '\u2028\x7f\\"'}, "n": 1e300}
    assert canonical(json.loads(json.dumps(json.loads(canonical(entry))))) == canonical(entry)


@pytest.mark.parametrize("text", ["", "5", "5:", ":00", "x:" + "0" * 64, "-1:" + "0" * 64, "1:0g"])
def test_what_is_no_anchor(text: str) -> None:
    with pytest.raises(InvalidInput):
        Head.parse(text)
