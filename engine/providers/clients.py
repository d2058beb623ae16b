"""One client per login for the whole process: it holds the connections.

Owns making a client at the first use of its login, and closing all of them at the end. Must not
know any server.
"""

import atexit
import threading
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar


class Client(Protocol):
    """Safe to share between threads."""

    def close(self) -> None: ...


L = TypeVar("L", bound=Hashable)
C = TypeVar("C", bound=Client)


class Clients(Generic[L, C]):
    def __init__(self, make: Callable[[L], C]) -> None:
        self._make = make
        self._clients: dict[L, C] = {}
        self._lock = threading.Lock()
        atexit.register(self.close_all)

    def of(self, login: L) -> C:
        with self._lock:
            if login not in self._clients:
                self._clients[login] = self._make(login)
            return self._clients[login]

    def close_all(self) -> None:
        """Whoever asks again gets a new one."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()
