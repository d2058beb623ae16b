"""Requests per second of the Management API: the list of projects, and a project's keys in clear,
which a worker opens and writes down.

Owns the turns. Needs a platform that runs, and leaves the project and the tokens that it made gone.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from automation.client import Client
from bench import create_time
from bench.http_load import Load, Measured, measure
from contracts.home import Home

CONNECTIONS = (1, 8)


@dataclass(frozen=True)
class ApiRate:
    what: str
    connections: int
    measured: Measured


def measure_api(
    home: Home, client: Client, seconds: float, say: Callable[[str], None]
) -> list[ApiRate]:
    ref = create_time.create(client)
    try:
        asked = {
            "GET /v1/projects": "projects",
            "GET /v1/projects/{ref}/api-keys?reveal=true": f"projects/{ref}/api-keys?reveal=true",
        }
        rates = []
        for what, path in asked.items():
            for connections in CONNECTIONS:
                with _token(client) as token:  # limits count by token
                    headers = {"authorization": f"Bearer {token}", "accept": "application/json"}
                    load = Load(f"{home.api_url}/v1/{path}", headers, connections, seconds)
                    rates.append(ApiRate(what, connections, measure(load)))
                say(f"{what}, {connections} at once: {rates[-1].measured.per_second:,.0f} req/s")
        return rates
    finally:
        create_time.destroy(client, ref)


@contextmanager
def _token(client: Client) -> Iterator[str]:
    made = client.create_token("bench")
    try:
        yield made.token
    finally:
        client.revoke_token(made.id)
