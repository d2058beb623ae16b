"""The package `pulumi`: what one stack may know of another.

Owns StackReference and the two functions that read stacks. Must not know backends or passphrases:
it is given a function that reads a stack by name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.errors import EngineError
from engine.provider import Function, Handler, Props
from engine.providers.schema import Changes
from engine.resource_state import Snapshot
from engine.values import has_secrets

# The state of a stack, None for one without; EngineError for one that does not exist.
ReadStack = Callable[[str], Snapshot | None]

STACK_REFERENCE = "pulumi:pulumi:StackReference"


@dataclass(frozen=True)
class StackReferenceHandler:
    """Read only: the SDK asks for it by ReadResource, with the stack's name as its id."""

    read_stack: ReadStack
    secret_outputs: tuple[str, ...] = ()  # each output keeps its own mark

    def check(self, cfg: Props, urn: str, olds: Props | None, news: Props) -> Props:
        raise EngineError("a stack reference can only be read: update the Pulumi SDK")

    def diff(
        self, cfg: Props, id: str, old_inputs: Props, old_outputs: Props, news: Props
    ) -> Changes:
        return Changes([])

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        raise EngineError("a stack reference cannot be made")

    def find(self, cfg: Props, inputs: Props) -> str | None:
        return None

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        return stack_outputs(self.read_stack, {"name": inputs.get("name") or id})

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        raise EngineError("a stack reference cannot be changed")

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        """There is nothing to delete."""


def stack_outputs(read_stack: ReadStack, args: Props) -> Props:
    """Outputs of the stack `name`, secrets marked, and which of them are."""
    snapshot = read_stack(str(args["name"]))
    outputs = snapshot.stack_outputs if snapshot else {}
    secret_names = sorted(key for key, value in outputs.items() if has_secrets(value))
    return {"name": args["name"], "outputs": outputs, "secretOutputNames": secret_names}


def stack_resource_outputs(read_stack: ReadStack, args: Props) -> Props:
    """Type and outputs of every resource of the stack `stackName`, by URN."""
    snapshot = read_stack(str(args["stackName"]))
    states = snapshot.resources if snapshot else ()
    outputs = {s.urn: {"type": s.type, "outputs": s.outputs} for s in states if not s.delete}
    return {"name": args["stackName"], "outputs": outputs}


class PulumiPackage:
    name = "pulumi"

    def __init__(self, read_stack: ReadStack) -> None:
        self.handlers: Mapping[str, Handler] = {STACK_REFERENCE: StackReferenceHandler(read_stack)}
        self.functions: Mapping[str, Function] = {
            "pulumi:pulumi:readStackOutputs": lambda cfg, args: stack_outputs(read_stack, args),
            "pulumi:pulumi:readStackResourceOutputs": (
                lambda cfg, args: stack_resource_outputs(read_stack, args)
            ),
        }
