"""One package as a plugin process: `pulumi-resource-NAME`, or `python -m engine.plugin NAME`.

Owns the process as the CLI expects it: nothing but the port on standard output, and an end when
the CLI ends, however it ends. Must not know what the service does.

The package is found by the entry point group `engine.providers`, and the built-in ones by their
names. Credentials that shall stand in no state are taken from the environment.
"""

import os
import signal
import stat
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from engine.errors import EngineError
from engine.packages import credentials_from, found_package
from engine.plugin.servicer import ResourceProvider
from engine.transport import OPTIONS

PREFIX = "pulumi-resource-"
# More than the CLI has calls under way at its default of 16.
THREADS = 32


def serve(name: str, environ: Mapping[str, str]) -> int:
    # How the CLI ends a plugin that it is done with: no reason for a traceback.
    signal.signal(signal.SIGINT, lambda signum, frame: sys.exit(0))
    # What a handler prints must not stand where the CLI reads the port.
    port_out = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        package, version = found_package(name)
    except EngineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    provider = ResourceProvider(package, credentials_from(environ, [package]), version)
    server = grpc.server(ThreadPoolExecutor(THREADS), options=OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, file=port_out, flush=True)
    if stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
        sys.stdin.buffer.read()  # the CLI holds the other end for as long as it lives
    else:
        server.wait_for_termination()  # started by hand: until it is interrupted
    server.stop(0).wait()
    return 0


def main() -> int:
    """The console script of a package, which its own name tells apart."""
    called = Path(sys.argv[0]).name
    if called.startswith(PREFIX):
        return serve(called.removeprefix(PREFIX), os.environ)
    if len(sys.argv) < 2:
        print("Usage: python -m engine.plugin NAME", file=sys.stderr)
        return 2
    return serve(sys.argv[1], os.environ)


if __name__ == "__main__":
    sys.exit(main())
