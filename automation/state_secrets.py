"""Passphrase and salt of a new stack's state, some of them made before they are needed.

Owns the spare ones. The engine derives a key from the two, which by design takes a third of a
second of CPU, and keeps it: done while the worker is idle, it costs a create nothing. Must not know
projects; a spare that nobody takes is forgotten with the process.
"""

import os
import queue
import secrets
import threading
import time
from collections.abc import Callable, Mapping

PASSPHRASE_BYTES = 20
SPARES_MAX = 4
# After one was taken, so that the next is not made on the core that the create needs now.
PAUSE_S = 5.0
NICE = 10

NewSalt = Callable[[str], str]


def new_state_secrets(new_salt: NewSalt) -> dict[str, str]:
    """The project secrets `passphrase` and `encryptionsalt`. They are kept together: another salt
    would mean encrypting the whole state again."""
    passphrase = secrets.token_hex(PASSPHRASE_BYTES)
    return {"passphrase": passphrase, "encryptionsalt": new_salt(passphrase)}


class SpareStateSecrets:
    """A few pairs at hand, made one after another by a thread of its own."""

    def __init__(self, new_salt: NewSalt, pause_s: float = PAUSE_S) -> None:
        self._new_salt = new_salt
        self._pause_s = pause_s
        self._spares: queue.Queue[Mapping[str, str]] = queue.Queue(SPARES_MAX)
        threading.Thread(target=self._fill, name="state-secrets", daemon=True).start()

    def take(self) -> Mapping[str, str]:
        try:
            return self._spares.get_nowait()
        except queue.Empty:
            return new_state_secrets(self._new_salt)

    def _fill(self) -> None:
        # For this thread alone: it gets the CPU time that nobody else wants.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        while True:  # as long as the process; waits when there are enough
            was_full = self._spares.full()
            self._spares.put(new_state_secrets(self._new_salt))
            if was_full:
                time.sleep(self._pause_s)
