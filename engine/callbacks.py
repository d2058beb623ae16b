"""Calling back into the program that an update runs.

Owns the channels to the program's Callbacks services and the form of a call. Must not know what is
called: transforms and hooks say what they send and what they expect.
"""

import threading
from typing import TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from pulumi.runtime.proto import callback_pb2, callback_pb2_grpc

from engine.errors import EngineError
from engine.transport import OPTIONS

# A hook may wait for something of its own; a program that is gone breaks the channel at once.
_CALL_TIMEOUT_S = 3600

M = TypeVar("M", bound=Message)


class CallbackFailed(EngineError):
    """The program's function raised, or what it answered makes no sense."""


class Callbacks:
    """Every method may be called from several threads at once."""

    def __init__(self) -> None:
        self._channels: dict[str, grpc.Channel] = {}
        self._lock = threading.Lock()

    def invoke(self, callback: callback_pb2.Callback, request: Message, answer: type[M]) -> M:
        stub = callback_pb2_grpc.CallbacksStub(self._channel(callback.target))
        call = callback_pb2.CallbackInvokeRequest(
            token=callback.token, request=request.SerializeToString()
        )
        try:
            response = stub.Invoke(call, timeout=_CALL_TIMEOUT_S)
            return answer.FromString(response.response)
        except grpc.RpcError as error:
            raise CallbackFailed(error.details() or str(error.code())) from error
        except DecodeError as error:
            raise CallbackFailed(f"the answer is no {answer.DESCRIPTOR.name}: {error}") from error

    def close(self) -> None:
        with self._lock:
            for channel in self._channels.values():
                channel.close()
            self._channels.clear()

    def _channel(self, target: str) -> grpc.Channel:
        if not target:
            raise CallbackFailed("target must be specified")
        with self._lock:
            if target not in self._channels:
                self._channels[target] = grpc.insecure_channel(target, options=OPTIONS)
            return self._channels[target]
