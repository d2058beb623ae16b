"""The engine service: what programs log, and small questions old SDKs ask.

Owns the translation of those RPCs to events. Must not know the transport, steps or state.
"""

import re
import threading

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from engine.events import Events
from engine.version import VERSION

_SEVERITIES = {
    engine_pb2.DEBUG: "debug",
    engine_pb2.INFO: "info",
    engine_pb2.WARNING: "warning",
    engine_pb2.ERROR: "error",
}


class Engine(engine_pb2_grpc.EngineServicer):
    def __init__(self, events: Events) -> None:
        self._events = events
        self._root = ""
        self._errors = 0
        self._lock = threading.Lock()

    @property
    def errors(self) -> int:
        """How many errors the program logged: any one fails the update."""
        with self._lock:
            return self._errors

    def Log(self, request: engine_pb2.LogRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        severity = _SEVERITIES.get(request.severity, "info")
        with self._lock:
            self._errors += severity == "error"
        self._events.diagnostic(severity, request.message, request.urn)
        return empty_pb2.Empty()

    def GetRootResource(
        self, request: engine_pb2.GetRootResourceRequest, context: grpc.ServicerContext
    ) -> engine_pb2.GetRootResourceResponse:
        with self._lock:
            return engine_pb2.GetRootResourceResponse(urn=self._root)

    def SetRootResource(
        self, request: engine_pb2.SetRootResourceRequest, context: grpc.ServicerContext
    ) -> engine_pb2.SetRootResourceResponse:
        with self._lock:
            self._root = request.urn
        return engine_pb2.SetRootResourceResponse()

    def StartDebugging(
        self, request: engine_pb2.StartDebuggingRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        context.abort(
            grpc.StatusCode.UNIMPLEMENTED, "the embedded engine does not attach debuggers"
        )
        raise AssertionError("abort raises")

    def RequirePulumiVersion(
        self, request: engine_pb2.RequirePulumiVersionRequest, context: grpc.ServicerContext
    ) -> engine_pb2.RequirePulumiVersionResponse:
        if not _satisfies(request.pulumi_version_range):
            context.abort(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"Pulumi version {VERSION} does not satisfy the version range "
                f'"{request.pulumi_version_range}"',
            )
        return engine_pb2.RequirePulumiVersionResponse()


def _satisfies(version_range: str) -> bool:
    """`>=3.1.0 !3.2.0 || <3.0.0`: alternatives of comparators that must all hold."""
    return any(
        all(_matches(comparator) for comparator in alternative.split())
        for alternative in version_range.split("||")
    )


def _matches(comparator: str) -> bool:
    release = VERSION.finalize_version()
    if comparator.startswith("!") and not comparator.startswith("!="):
        comparator = f"!={comparator[1:]}"
    if re.match(r"=?\d", comparator):
        comparator = "==" + comparator.lstrip("=")
    return bool(release.match(comparator))
