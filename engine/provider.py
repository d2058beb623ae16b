"""The seam between the engine and whoever makes real things: one handler per resource type.

Owns the protocol, and what a preview foresees by it. Values are plain Python (None, bool, int,
float, str, list, dict): secrets are unwrapped before a handler sees them and marked again by the
engine; integral numbers are ints. In a preview, and only in `check` and `diff`, a value that is not
known yet is the string UNKNOWN.

The six verbs and their rules follow Pulumi's provider.proto; a package outside the engine offers a
`Package` through the entry point group `engine.providers` without importing this module: the
protocols are structural.

Whose an object is. A stack's are those in its state, and what a pending create in its state names:
the engine asks `find` before it writes the intent of a create, and writes none where the name is
taken. So what a later run finds by a pending create's inputs was not there when the create began,
and is adopted; whatever else is there already belongs to somebody else. No mark is left on the
servers: few have a place for one, fewer one that is written in one step with the object.
`create` refuses what is there, except for types that take it over on purpose and say so (a setting
of something that always exists, a PostgreSQL extension or schema that a template brought).

A failed create leaves its intent in state if the object may be there all the same: `find` sees it,
or cannot tell, or the error says so. Two attributes of an error, each optional, count:
`outcome_unknown`: the request was sent and no answer came; `already_exists`: the server refused
since the name is taken, so that what `find` sees is not ours.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

# What the Python SDK sends for a value that a preview cannot know (pulumi.runtime.rpc.UNKNOWN).
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

Props = dict[str, Any]

# Given a package name and a provider resource's inputs, the secrets that stand in no state:
# merged over the inputs before a handler sees them as `cfg`.
Credentials = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


class Diff(Protocol):
    """What differs, by top-level input key. Nothing in `changes` = same; anything in `replaces` =
    the object cannot be changed in place; `delete_before_replace` = were it replaced, for whatever
    reason, the new object would meet the old one."""

    @property
    def changes(self) -> Collection[str]: ...
    @property
    def replaces(self) -> Collection[str]: ...
    @property
    def delete_before_replace(self) -> bool: ...


class Handler(Protocol):
    """One resource type. Every verb may be called again after a crash: create is an ensure of the
    same inputs, delete treats "not found" as done. Errors are plain exceptions with a message for
    people; never put a property value that may be secret into one."""

    @property
    def secret_outputs(self) -> Collection[str]:
        """Outputs that are secret whatever the inputs were."""
        ...

    def check(self, cfg: Props, urn: str, olds: Props | None, news: Props) -> Props:
        """Final inputs: defaults filled in (and listed in `__defaults`), names chosen. `olds` are
        the inputs in state, None when creating. Raises ValueError for inputs that can never work.
        """
        ...

    def diff(
        self, cfg: Props, id: str, old_inputs: Props, old_outputs: Props, news: Props
    ) -> Diff: ...

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        """Make it; return its id (never empty) and all outputs, every final input among them."""
        ...

    def find(self, cfg: Props, inputs: Props) -> str | None:
        """The id of the object these inputs would name, if it exists: how a create that a crash cut
        off is adopted. None where the type has no natural key."""
        ...

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        """Outputs as they are now, or None when the object is gone."""
        ...

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props: ...

    def delete(self, cfg: Props, id: str, outputs: Props) -> None: ...


# A function of a package: its provider's configuration and the arguments in, the result out. It
# changes nothing: previews call it too. All of a result is secret if an argument was; what is
# secret in itself stands in an attribute `secret_outputs` of the function, if it has one.
Function = Callable[[Props, Props], Props]

# A method: as a function, with the outputs of the resource whose it is in the middle.
Method = Callable[[Props, Props, Props], Props]


class Package(Protocol):
    """One provider: its package name (`postgresql`) and a handler for each type token it offers.

    It may also have `functions` and `methods`, by token; one without offers none."""

    @property
    def name(self) -> str: ...
    @property
    def handlers(self) -> Mapping[str, Handler]: ...


def foreseen(inputs: Props) -> Props:
    """What a preview says of outputs: every input comes back, the rest is unknown."""
    return {key: value for key, value in inputs.items() if not key.startswith("__")}
