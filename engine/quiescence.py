"""How a program's end is awaited: each output is looked at once.

Owns one repair of the pinned SDK. Must not know what a program, an output or a resource is.

When a program's code has run, the SDK waits for the outputs that are still open, some sixteen for
each resource. It waits for all of them until one is done, then for all the others until one is
done, and so on: in a stack of 200 roles that was a third of all CPU, and twice as much for each
role as in a stack of 20. Repaired, each output tells by itself when it is done. What is awaited,
and which error ends the wait at once, stay as they are.
"""

import asyncio
from typing import Any

from pulumi.runtime import stack
from pulumi.runtime.settings import SETTINGS, _get_rpc_manager


def look_at_each_output_once() -> None:
    wait_for_calls = stack.wait_for_rpcs

    async def wait_for_rpcs(await_all_outstanding_tasks: bool = True) -> None:
        while True:
            await wait_for_calls(await_all_outstanding_tasks=False)
            if not await_all_outstanding_tasks:
                return
            await _outputs_done()
            if not _get_rpc_manager().rpcs:
                return

    stack.wait_for_rpcs = wait_for_rpcs


async def _outputs_done() -> None:
    """Until no output is open. Raises what one of them raises, as soon as it does."""
    watched: set[asyncio.Task[Any]] = set()
    done: asyncio.Queue[asyncio.Task[Any]] = asyncio.Queue()
    while True:
        for output in _new_outputs():
            if output not in watched:
                watched.add(output)
                output.add_done_callback(done.put_nowait)
        if not watched:
            return
        output = await done.get()
        watched.discard(output)
        await output


def _new_outputs() -> list[asyncio.Task[Any]]:
    with SETTINGS.lock:
        outputs = SETTINGS.outputs
        new = list(outputs)
        outputs.clear()
    return new
