"""What a control plane that is down costs tenants: requests through the gateway go on meanwhile.

Owns the outage: API and workers stopped by the supervisor, with a create in flight, and started
again after a while. Must not know how they are recovered.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx2 as httpx

from automation.client import Client
from bench.meanwhile import meanwhile
from contracts.errors import PlatformError
from contracts.home import Home
from contracts.projects import Operation
from contracts.refs import new_ref
from contracts.units import call

REQUEST_TIMEOUT_S = 10.0
PAUSE_S = 0.02  # a tenant, not a load
BACK_TIMEOUT_S = 120.0
END_TIMEOUT_S = 240.0


@dataclass
class Requests:
    sent: int = 0
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Outage:
    away_s: float
    requests: int
    """While nobody was there."""
    errors: list[str]
    """Of all requests, before and after included."""
    in_flight: Operation
    """A create that was asked for just before."""
    ended_after_s: float
    """From the start of API and workers to the end of that create."""


def measure(home: Home, client: Client, url: str, headers: dict[str, str], away_s: float) -> Outage:
    with asking(url, headers) as requests:
        started = client.create_project(f"outage {new_ref()}")
        units = _control_plane(home)
        try:
            for name in units:
                call(home.supervisor_socket, {"op": "stop", "name": name})
            before = requests.sent
            time.sleep(away_s)
            meanwhile = requests.sent - before
        finally:
            for name in units:
                call(home.supervisor_socket, {"op": "start", "name": name})
        since = time.monotonic()
        operation = _end(client, started.operation_id)
        ended_after_s = time.monotonic() - since
    return Outage(away_s, meanwhile, requests.errors, operation, ended_after_s)


@contextmanager
def asking(url: str, headers: dict[str, str]) -> Iterator[Requests]:
    """While the block runs, a thread asks for `url`, one request after the other."""
    requests = Requests()

    def ask() -> None:
        try:
            answer = http.get(url)
        except httpx.HTTPError as error:
            requests.errors.append(repr(error))
        else:
            if not answer.is_success:
                requests.errors.append(f"status {answer.status_code}")
        requests.sent += 1

    with (
        httpx.Client(headers=headers, timeout=REQUEST_TIMEOUT_S, trust_env=False) as http,
        meanwhile(ask, every_s=PAUSE_S),
    ):
        yield requests


def _control_plane(home: Home) -> list[str]:
    """The units of the API and of every worker."""
    units = call(home.supervisor_socket, {"op": "list"})["units"]
    names = [str(unit["name"]) for unit in units]
    return [name for name in names if name == "api" or name.startswith("worker")]


def _end(client: Client, operation_id: str) -> Operation:
    """The operation once it is over; while nobody answers, ask again."""
    deadline = time.monotonic() + BACK_TIMEOUT_S
    while True:
        try:
            for _ in client.operation_events(operation_id, timeout_s=END_TIMEOUT_S):
                pass
            return client.operation(operation_id)
        except PlatformError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
