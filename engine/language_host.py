"""A language runtime for one local Python program, as a process: `python -m engine.language_host`.

Owns serving the SDK's own LanguageServer for the program in a folder or file, printing its address,
and ending when its standard input ends. Must not know the engine that calls it.
"""

import os
import runpy
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2_grpc

from engine import sdk_repairs
from engine.transport import OPTIONS


def main(program: str) -> None:
    path = Path(program)
    folder = path if path.is_dir() else path.parent
    sys.path.insert(0, str(folder))
    # The program prints to the terminal of whoever started the update; the address line is the
    # only thing this process says on standard output.
    address_out = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def run() -> None:
        runpy.run_path(str(path), run_name="__main__")

    sdk_repairs.install_for_one_program()
    server = grpc.server(ThreadPoolExecutor(max_workers=4), options=OPTIONS)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageServer(run), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"127.0.0.1:{port}", file=address_out, flush=True)
    sys.stdin.read()
    server.stop(0).wait()


if __name__ == "__main__":
    main(sys.argv[1])
