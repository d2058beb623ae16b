"""What the pinned SDK needs done to it before the engine runs programs, all in one list.

Owns which repairs a process gets, and that each is made once. Must not know what one of them does.
"""

import threading
from collections.abc import Callable

from engine import inline, isolation, quiescence

_installing = threading.Lock()
_installed: set[Callable[[], None]] = set()


def install() -> None:
    """For a process that may run the programs of several stacks at once."""
    _install(
        isolation.keep_settings_in_their_context,
        isolation.serialize_one_at_a_time,
        isolation.let_errors_end_the_program,
        inline.offer_services_without_a_network,
        quiescence.look_at_each_output_once,
    )


def install_for_one_program() -> None:
    """For a process that one program has to itself. There are nobody else's settings to be kept
    apart from, and it may use threads of its own, as under the CLI."""
    _install(isolation.let_errors_end_the_program, quiescence.look_at_each_output_once)


def _install(*repairs: Callable[[], None]) -> None:
    with _installing:
        for repair in repairs:
            if repair not in _installed:
                repair()
                _installed.add(repair)
