"""Something done again and again in a thread, while a block runs.

Must not know what.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def meanwhile(step: Callable[[], None], *, every_s: float) -> Iterator[None]:
    stop = threading.Event()

    def repeat() -> None:
        while not stop.wait(every_s):
            step()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
