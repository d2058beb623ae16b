"""Source positions as the CLI records them."""

from pathlib import Path

import pytest
from pulumi.runtime.proto import source_pb2

from engine.source_positions import position, stack_trace

ROOT = Path("/srv/app")


@pytest.mark.parametrize(
    ("uri", "line", "column", "text"),
    [
        ("file:///srv/app/main.py", 12, 0, "project:///main.py#12"),
        ("file:///srv/app/a/b.py", 1, 7, "project:///a/b.py#1,7"),
        ("file:///usr/lib/python3/x.py", 3, 0, "project:///../../usr/lib/python3/x.py#3"),
        ("file:///srv/app/my%20file.py", 1, 0, "project:///my%20file.py#1"),
        ("file:///srv/app/a+b(1).py", 1, 0, "project:///a+b%281%29.py#1"),
        ("https://example.com/main.py", 1, 0, ""),
        ("file:relative.py", 1, 0, ""),
        ("file:///srv/app/main.py", -1, 0, ""),
        ("", 0, 0, ""),
    ],
)
def test_positions(uri, line, column, text):
    assert position(source_pb2.SourcePosition(uri=uri, line=line, column=column), ROOT) == text


def test_a_frame_in_no_file_is_kept_empty():
    frames = [
        source_pb2.StackFrame(pc=source_pb2.SourcePosition(uri="file:///srv/app/main.py", line=2)),
        source_pb2.StackFrame(),
    ]
    assert stack_trace(source_pb2.StackTrace(frames=frames), ROOT) == (
        {"sourcePosition": "project:///main.py#2"},
        {},
    )
