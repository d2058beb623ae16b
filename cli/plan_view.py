"""A plan on stdout: what would change, as a tree of resources with counts, or as data.

Owns its form. It holds nothing that differs between two runs of the same plan (no id, no time), so
that CI may compare it. Must not know how a plan came about.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import typer

from cli.errors import one_line
from cli.render import Output, print_view
from contracts.plans import UNCHANGED, Plan, ResourceChange
from contracts.project_settings import ProjectSettings

MARKS = {"create": "+", "delete": "-", "update": "~", "replace": "+-"}
_REPLACES = frozenset({"replace", "create-replacement", "delete-replaced"})
# Made again from nothing whenever they are wanted: a pause takes them away.
_HOLD_NO_DATA = frozenset({"croft:index:Process", "croft:index:GatewayRoute"})


def print_plan(ref: str, plan: Plan, settings: Sequence[Mapping[str, Any]], output: Output) -> None:
    """`settings` are the changed ones: {setting, old, new}."""
    changed = [_data(resource) for resource in plan.changed()]
    if output is Output.table:
        typer.echo("\n".join([*_setting_lines(settings), *_tree(plan), _counts(plan)]))
    else:
        view = {"ref": ref, "settings": settings, "changes": plan.changes, "resources": changed}
        print_view(view, output)


def losses(plan: Plan) -> list[ResourceChange]:
    """What the plan deletes or replaces and the next one would not bring back."""
    return [
        resource
        for resource in plan.changed()
        if resource.op in _REPLACES | {"delete"}
        and resource.type not in _HOLD_NO_DATA
        and not resource.type.startswith("basecroft:")
    ]


def setting_changes(old: ProjectSettings, new: ProjectSettings) -> list[dict[str, Any]]:
    """Which settings differ, by their dotted names."""
    before, after = dict(_flat(old.model_dump())), dict(_flat(new.model_dump()))
    return [
        {"setting": name, "old": before[name], "new": after[name]}
        for name in before
        if before[name] != after[name]
    ]


def _flat(settings: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def _setting_lines(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [f"~ {s['setting']}: {_value(s['old'])} -> {_value(s['new'])}" for s in settings]
    return [*lines, ""] if lines else []


def _value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else one_line(str(value))


def _tree(plan: Plan) -> list[str]:
    """The changed resources under the components that they belong to; the rest is left out."""
    components = {type_path(r.urn): r for r in plan.resources if "$" not in type_path(r.urn)}
    lines: list[str] = []
    shown: set[str] = set()
    for resource in plan.changed():
        if resource.type.startswith("pulumi:"):
            continue  # the stack itself and its providers: nothing that the project consists of
        first, nested, _ = type_path(resource.urn).partition("$")
        parent = components.get(first) if nested else None
        if parent is not None and parent.urn not in shown:
            shown.add(parent.urn)
            lines.append(_line(parent, ""))
        if resource.urn not in shown:
            shown.add(resource.urn)
            lines.append(_line(resource, "  " if parent else ""))
    return lines


def _line(resource: ResourceChange, indent: str) -> str:
    mark = " " if resource.op in UNCHANGED else MARKS.get(resource.op, MARKS["replace"])
    properties = f"  [{', '.join(resource.properties)}]" if resource.properties else ""
    return f"{indent}{mark} {resource.type} {one_line(resource.name)}{properties}"


def _counts(plan: Plan) -> str:
    words = {"create": "to create", "update": "to update", "delete": "to delete"}
    counted = [f"{plan.changes[op]} {word}" for op, word in words.items() if plan.changes.get(op)]
    if replaced := plan.changes.get("replace", 0):
        counted.append(f"{replaced} to replace")
    same = sum(count for op, count in plan.changes.items() if op in UNCHANGED)
    return ", ".join([*(counted or ["no changes"]), *([f"{same} unchanged"] if same else [])])


def type_path(urn: str) -> str:
    """`parent$child` of `urn:pulumi:stack::project::parent$child::name`."""
    parts = urn.split("::")
    return parts[2] if len(parts) > 2 else ""


def _data(resource: ResourceChange) -> dict[str, Any]:
    return resource.model_dump(mode="json")
