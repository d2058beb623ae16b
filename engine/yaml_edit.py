"""Changing a YAML file the way a person would: only the lines that have to.

Owns the edit: comments, order and style of everything that keeps its value stay as they are. Must
not know what a document is about.

Only block mappings are edited line by line. Whatever else a file holds (flow style, anchors, more
than one document) is given back unedited to its caller, as is an edit that would not read back as
what was wanted.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from engine import goyaml


@dataclass(frozen=True)
class _Edit:
    """Text to put in place of `[start, end)`."""

    start: int
    end: int
    text: str


def edited(text: str, wanted: Mapping[str, Any]) -> str | None:
    """The text, changed so that it reads as `wanted`; None if it cannot be done line by line."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        old = goyaml.load(text)
    except (yaml.YAMLError, ValueError):
        return None
    if not isinstance(root, yaml.MappingNode) or not _is_block(root) or _has_anchors(text):
        return None
    lines = text if text.endswith("\n") else text + "\n"
    try:
        edits = _mapping_edits(lines, root, old, wanted)
    except KeyError:  # a key that is no text
        return None
    # From the end on, so that positions stay good; of two at one place the last comes last.
    for edit in reversed(sorted(edits, key=lambda edit: (edit.start, edit.end))):
        lines = lines[: edit.start] + edit.text + lines[edit.end :]
    try:
        faithful = _text(goyaml.load(lines)) == _text(wanted)
    except ValueError:
        faithful = False
    return lines if faithful else None


def _mapping_edits(
    text: str, node: yaml.MappingNode, old: Mapping[str, Any], wanted: Mapping[str, Any]
) -> list[_Edit]:
    edits = []
    column = node.start_mark.column
    present = set()
    end = node.start_mark.index
    for key_node, value_node in node.value:
        key = key_node.value
        present.add(key)
        start, end = _line_start(text, key_node.start_mark.index), _content_end(value_node)
        if key not in wanted:
            edits.append(_Edit(start, _line_end(text, end), ""))
        elif _text(old[key]) == _text(wanted[key]):
            continue
        elif _is_block(value_node) and isinstance(wanted[key], Mapping) and wanted[key]:
            edits += _mapping_edits(text, value_node, old[key], wanted[key])
        else:
            edits.append(_Edit(start, end, _entry(key, wanted[key], column).rstrip("\n")))
    added = "".join(_entry(key, wanted[key], column) for key in wanted if key not in present)
    if added:
        last = _line_end(text, end) if column else len(text)
        edits.append(_Edit(last, last, added))
    return edits


def _entry(key: str, value: Any, column: int) -> str:
    lines = goyaml.dump({key: value}).splitlines()
    return "".join(f"{' ' * column}{line}\n" for line in lines)


def _is_block(node: yaml.Node | None) -> bool:
    return isinstance(node, yaml.MappingNode) and not node.flow_style and bool(node.value)


def _has_anchors(text: str) -> bool:
    return any(isinstance(token, yaml.AnchorToken) for token in yaml.scan(text))


def _content_end(node: yaml.Node) -> int:
    """Where a value's own text ends: a collection's mark stands behind the comments after it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _content_end(last[1] if isinstance(last, tuple) else last)
    index = int(node.end_mark.index)
    # A block scalar's mark stands on the next line.
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        index -= 1
    return index


def _line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _line_end(text: str, index: int) -> int:
    """The start of the next line."""
    newline = text.find("\n", index)
    return len(text) if newline < 0 else newline + 1


def _text(value: Any) -> str:
    """Values that are written alike: unlike `==`, this tells 1 from true."""
    return json.dumps(value, sort_keys=True)
