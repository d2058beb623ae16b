import pytest

from engine.errors import UsageError
from engine.stack_reference import StackReference, parse_stack_reference


@pytest.mark.parametrize(
    ("text", "project", "expected"),
    [
        ("dev", "p", StackReference("p", "dev")),
        ("organization/dev", "p", StackReference("p", "dev")),
        ("organization/q/dev", "p", StackReference("q", "dev")),
        ("organization/q/dev", None, StackReference("q", "dev")),
    ],
)
def test_stack_names(text, project, expected):
    assert parse_stack_reference(text, project) == expected


@pytest.mark.parametrize(
    ("text", "project"),
    [
        ("dev", None),
        ("acme/dev", "p"),
        ("a/b/c/d", "p"),
        ("", "p"),
        ("..", "p"),
        ("organization/../dev", "p"),
        ("a b", "p"),
        ("x" * 101, "p"),
        ("dev\n", "p"),
    ],
)
def test_names_that_are_none(text, project):
    with pytest.raises(UsageError):
        parse_stack_reference(text, project)
