"""Keep concurrent Pulumi programs in one process apart.

Owns the four repairs that the pinned SDK needs before two stacks may run at once. Must not know
what a program, a stack or a tenant is.

1. `pulumi._utils.ContextProperty` stores settings in context variables, but a first assignment also
   becomes the default of the whole process. A thread started without a copy of its parent's context
   (a raw `threading.Thread`, a raw `run_in_executor`) then reads the monitor of whichever run was
   configured last: another tenant's. Repaired, such a thread reads None and fails closed.
2. `pulumi.dynamic` swaps parts of the module `pickle` while it serializes a provider, without a
   lock, and wraps one of them once more at each call, until some 300 calls exhaust the stack.
   Repaired, one serializes at a time, and what it changed is put back.
3. An exit (SystemExit, KeyboardInterrupt) in a program or its callbacks runs through the language
   runtime's event loop and out of its gRPC handler, which then never answers: the update waits for
   ever. Repaired, the program has failed, as with any other error.
4. When a program fails, the language runtime cancels what of it still runs, one task after the
   other, and dies of the first that minds: the program's own error is lost, and its event loop
   stays open. Repaired, they are cancelled together before that.

What programs share all the same is the process: os.environ, the working directory, logging, memory
and its end. Who runs programs that use those runs them by engine.processes.
"""

import asyncio
import inspect
import pickle
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from pulumi import Output
from pulumi._utils import ContextProperty
from pulumi.automation import _server
from pulumi.automation._server import LanguageServer
from pulumi.dynamic import dynamic
from pulumi.runtime.proto import language_pb2

# Of a failed program's tasks: one that does not end by then is left to the language runtime.
CANCEL_TIMEOUT_S = 10.0

_serializing = threading.Lock()


def keep_settings_in_their_context() -> None:
    """The first repair."""

    def fset(self: Any, value: Any, *_: Any) -> Any:
        return self._data.set(value)

    setattr(ContextProperty, "fset", fset)  # noqa: B010  an assignment would be a type error


def serialize_one_at_a_time() -> None:
    """The second repair."""
    serialize = dynamic.serialize_provider
    pickler: Any = vars(pickle)["_Pickler"]  # the one in Python, which the SDK changes

    def serialize_provider(provider: dynamic.ResourceProvider) -> Any:
        with _serializing:
            kept = {name: getattr(pickler, name) for name in ("_batch_setitems", "save_dict")}
            try:
                return serialize(provider)
            finally:
                for name, function in kept.items():
                    setattr(pickler, name, function)

    dynamic.serialize_provider = serialize_provider


class ProgramExit(Exception):
    """A program raised what is meant to end a process or a thread."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(f"the program raised {type(error).__name__}: {error}")


def let_errors_end_the_program() -> None:
    """The third and the fourth repair."""
    served: Any = _server
    served.run_in_stack = _cancelling(served.run_in_stack)
    begin: Any = LanguageServer.__init__
    run: Any = LanguageServer.Run
    apply = Output.apply

    def __init__(self: LanguageServer, program: Callable[[], Any]) -> None:
        begin(self, _contained(program))

    def contained_apply(
        self: Output[Any], func: Callable[[Any], Any], *given: Any, **named: Any
    ) -> Any:
        return apply(self, _contained(func), *given, **named)

    def Run(self: LanguageServer, request: Any, context: Any) -> Any:
        try:
            return run(self, request, context)
        except Exception:
            raise  # gRPC answers for it
        except BaseException as error:  # noqa: BLE001  gRPC's thread would end without a word
            return language_pb2.RunResponse(error=str(ProgramExit(error)))

    for name, function in {"__init__": __init__, "Run": Run}.items():
        setattr(LanguageServer, name, function)
    setattr(Output, "apply", contained_apply)  # noqa: B010  an assignment would be a type error


def _cancelling(run: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def run_in_stack(program: Callable[[], Any]) -> None:
        try:
            await run(program)
        except Exception:
            left = asyncio.all_tasks() - {asyncio.current_task()}
            for task in left:
                task.cancel()
            if left:
                ended, _ = await asyncio.wait(left, timeout=CANCEL_TIMEOUT_S)
                for task in ended:
                    _ = task.cancelled() or task.exception()  # seen, so that asyncio is silent
            raise

    return run_in_stack


def _contained(function: Callable[..., Any]) -> Callable[..., Any]:
    async def waited(result: Any) -> Any:
        try:
            return await result
        except (SystemExit, KeyboardInterrupt) as error:
            raise ProgramExit(error) from error

    def contained(*given: Any) -> Any:
        try:
            result = function(*given)
        except (SystemExit, KeyboardInterrupt, GeneratorExit) as error:
            raise ProgramExit(error) from error
        return waited(result) if inspect.isawaitable(result) else result

    return contained
