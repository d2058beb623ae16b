"""gRPC servers on loopback for the length of one update.

Owns ports, threads and message limits. Must not know what the services do.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc

# What the SDK allows on its side (pulumi.runtime._grpc_settings).
_MESSAGE_BYTES_MAX = 400 * 1024 * 1024
OPTIONS = (
    ("grpc.max_receive_message_length", _MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", _MESSAGE_BYTES_MAX),
    # Each update has its own server: two must never share a port.
    ("grpc.so_reuseport", 0),
)
_STOP_GRACE_S = 1


@contextmanager
def serving(threads: int, *services: Callable[[grpc.Server], None]) -> Iterator[str]:
    """Serve on a free loopback port; the address. A blocking call holds one of the threads."""
    with ThreadPoolExecutor(threads, thread_name_prefix="engine-rpc") as pool:
        server = grpc.server(pool, options=OPTIONS)
        for add in services:
            add(server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(_STOP_GRACE_S).wait()
