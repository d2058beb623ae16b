"""Spare state secrets: made beforehand, each given out once."""

import threading
import time

from automation.state_secrets import SPARES_MAX, SpareStateSecrets


def test_spares_are_made_beforehand_and_a_run_on_them_makes_new_ones() -> None:
    made: list[str] = []
    gate = threading.Event()

    def new_salt(passphrase: str) -> str:
        if threading.current_thread().name == "state-secrets" and len(made) > SPARES_MAX:
            gate.wait(10)  # the thread is late: who asks makes his own
        made.append(passphrase)
        return f"salt of {passphrase}"

    spares = SpareStateSecrets(new_salt)
    deadline = time.monotonic() + 10
    while len(made) <= SPARES_MAX and time.monotonic() < deadline:
        time.sleep(0.01)
    taken = [spares.take() for _ in range(SPARES_MAX + 3)]
    gate.set()

    assert len({pair["passphrase"] for pair in taken}) == len(taken)
    assert all(pair["encryptionsalt"] == f"salt of {pair['passphrase']}" for pair in taken)
    assert taken[0]["passphrase"] == made[0]
