"""What a program asks for: one registration of a resource.

Owns the shape of the request after it left the wire. Must not know gRPC, old state or steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.aliases import Alias
from engine.provider import Props


@dataclass(frozen=True, eq=False, kw_only=True)
class Goal:
    type: str
    name: str
    custom: bool
    parent: str = ""
    properties: Props = field(default_factory=dict)
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    provider: str = ""
    version: str = ""
    protect: bool = False
    retain_on_delete: bool = False
    delete_before_replace: bool | None = None
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    additional_secret_outputs: tuple[str, ...] = ()
    aliases: tuple[Alias, ...] = ()
    import_id: str = ""
    custom_timeouts: Mapping[str, float] = field(default_factory=dict)  # seconds
    deleted_with: str = ""
    replace_with: tuple[str, ...] = ()
    replacement_trigger: Any = None
    hide_diff: tuple[str, ...] = ()
    hooks: Mapping[str, Any] = field(default_factory=dict)  # kind of hook -> names
    source_position: str = ""
    stack_trace: tuple[Mapping[str, str], ...] = ()
    unsupported: tuple[str, ...] = ()  # what the request uses and this engine does not do


@dataclass(frozen=True, eq=False, kw_only=True)
class ReadGoal:
    """A resource that somebody else owns, named by its id."""

    type: str
    name: str
    id: str
    parent: str = ""
    properties: Props = field(default_factory=dict)
    dependencies: tuple[str, ...] = ()
    provider: str = ""
    version: str = ""
    additional_secret_outputs: tuple[str, ...] = ()
    source_position: str = ""
    stack_trace: tuple[Mapping[str, str], ...] = ()
