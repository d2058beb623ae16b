"""A change of configuration waits for its turn: Supabase's tools consider one done once it is
answered, and send the next one at once.

Owns how long it waits while another operation holds the project. Must not know what is changed.
"""

import asyncio
from typing import Annotated

from fastapi import Depends

from automation import operations
from automation.api.access import ContextOf

# Less than the client's own timeout (automation/transport.py); after that it is a 423.
WAIT_S_MAX = 20.0
POLL_INTERVAL_S = 0.25


async def wait_for_turn(ctx: ContextOf, ref: str) -> None:
    """Holds no thread while waiting: the few there are serve other requests."""
    for _ in range(round(WAIT_S_MAX / POLL_INTERVAL_S)):
        if not await asyncio.to_thread(operations.is_held, ctx, ref):
            return
        await asyncio.sleep(POLL_INTERVAL_S)


InTurn = Annotated[None, Depends(wait_for_turn)]
