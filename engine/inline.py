"""Inline programs: those that run in the engine's own process need no network to talk to it.

Owns how the engine finds out that a language runtime is here, and the calls in place of gRPC
between the program and the engine's services. Must not know what the services do.

The two meet by gRPC's own means. A runtime that is asked about itself (`About`) names its process;
to one that is here the engine gives an address that stands for objects, of which the SDK takes the
methods of its stubs. All that a program sees of a network stays: each side has messages of its
own, a call that is refused raises RpcError, and once the update is over the monitor is UNAVAILABLE,
which ends a program quietly.
"""

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import Any, NoReturn

import grpc
from google.protobuf.message import Message
from pulumi.automation import _server
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

from engine.engine_rpc import Engine
from engine.monitor import ResourceMonitor

_PROCESS = "engine.process"
_ASK_TIMEOUT_S = 10
# Of this process: a fork has the same, and a pid of its own.
_ORIGIN = uuid.uuid4().hex

_offered: dict[str, "_Offer"] = {}


def offer_services_without_a_network() -> None:
    """Teach the SDK's language runtime both halves."""
    about: Any = _server.LanguageServer.About
    reset_options: Any = vars(_server)["reset_options"]

    def About(self: Any, request: Any, context: Any) -> language_pb2.AboutResponse:
        answer: language_pb2.AboutResponse = about(self, request, context)
        answer.metadata[_PROCESS] = _process()
        return answer

    def reset_options_inline(monitor_address: str, engine_address: str, **rest: Any) -> None:
        offer = _offered.get(monitor_address)
        monitor = offer.monitor if offer else monitor_address
        engine = offer.engine if offer else engine_address
        reset_options(monitor_address=monitor, engine_address=engine, **rest)

    setattr(_server.LanguageServer, "About", About)  # noqa: B010  an assignment would be a type error
    setattr(_server, "reset_options", reset_options_inline)  # noqa: B010


def is_here(runtime: language_pb2_grpc.LanguageRuntimeStub) -> bool:
    """Whether the runtime is one of this process."""
    try:
        about = runtime.About(language_pb2.AboutRequest(), timeout=_ASK_TIMEOUT_S)
    except grpc.RpcError:
        return False  # it need not know the question
    return bool(about.metadata.get(_PROCESS) == _process())


@contextmanager
def offering(monitor: ResourceMonitor, engine: Engine) -> Iterator[str]:
    """The address under which a program of this process has the services. On the way out calls that
    are under way come to their end, however long a provider takes, and no other is taken."""
    offer, address = _Offer(monitor, engine), f"inline:{uuid.uuid4().hex}"
    _offered[address] = offer
    try:
        yield address
    finally:
        del _offered[address]
        offer.close()


def _process() -> str:
    return f"{_ORIGIN}:{os.getpid()}"


def _copy(message: Message) -> Message:
    own = type(message)()
    own.CopyFrom(message)
    return own


class _Offer:
    def __init__(self, monitor: ResourceMonitor, engine: Engine) -> None:
        self.monitor, self.engine = _Stub(monitor, self.answer), _Stub(engine, self.answer)
        self._calls, self._open = 0, True
        self._changed = threading.Condition()

    def answer(self, method: Callable[[Any, Any], Any], request: Message) -> Any:
        with self._changed:
            if not self._open:
                raise Refusal(grpc.StatusCode.UNAVAILABLE, "the update is over")
            self._calls += 1
        call = _CallContext()
        try:
            # Nothing of the program's own context: handlers are no part of it.
            return _copy(Context().run(method, _copy(request), call))
        except Refusal:
            raise
        except BaseException as error:  # whatever it is, the program gets an answer
            details = call.details or f"Exception calling application: {error}"
            raise Refusal(call.code, details) from error
        finally:
            with self._changed:
                self._calls -= 1
                self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._open = False
            self._changed.wait_for(lambda: not self._calls)


class _Stub:
    """The methods of a servicer, as a gRPC stub has them."""

    def __init__(self, servicer: Any, answer: Callable[..., Any]) -> None:
        self._servicer, self._answer = servicer, answer

    def __getattr__(self, name: str) -> Callable[[Message], Any]:
        method = getattr(self._servicer, name)
        return lambda request: self._answer(method, request)


class Refusal(grpc.RpcError):  # type: ignore[misc]  # gRPC has no types
    """What a stub raises."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(details)
        self._code, self._details = code, details

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details


class _CallContext:
    """Of grpc.ServicerContext what our services use, and those methods that they leave out."""

    code, details = grpc.StatusCode.UNKNOWN, ""

    def set_code(self, code: grpc.StatusCode) -> None:
        self.code = code

    def set_details(self, details: str) -> None:
        self.details = details

    def abort(self, code: grpc.StatusCode, details: str) -> NoReturn:
        raise Refusal(code, details)
