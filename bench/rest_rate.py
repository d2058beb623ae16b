"""Requests per second of `/rest/v1` through the gateway against PostgREST directly.

Owns the turns and the request: one small row by primary key, with the headers that supabase-js
sends. Both ways lead to the same PostgREST and the same table.
"""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from automation.client import Client
from bench.http_load import Load, Measured, measure
from contracts.home import Home
from contracts.refs import ProjectNames
from contracts.units import call

CONNECTIONS = (1, 32)
ROWS = """
create table if not exists bench_rows (id int primary key, word text not null);
insert into bench_rows select n, md5(n::text) from generate_series(1, 1000) n
  on conflict do nothing;
"""


@dataclass(frozen=True)
class RestRate:
    connections: int
    direct: list[Measured]
    gateway: list[Measured]

    @property
    def ratio(self) -> float:
        """Median over the pairs, since the machine changes between them."""
        pairs = zip(self.gateway, self.direct, strict=True)
        return statistics.median(ours.per_second / rival.per_second for ours, rival in pairs)


def measure_rest(
    home: Home, client: Client, ref: str, rounds: int, seconds: float, say: Callable[[str], None]
) -> list[RestRate]:
    connection = client.connection(ref)
    with psycopg.connect(connection.db_url, autocommit=True) as conn:
        conn.execute(ROWS)
    query = "bench_rows?select=*&id=eq.500"
    key = connection.anon_key
    headers = {"authorization": f"Bearer {key}", "apikey": key, "accept": "application/json"}
    urls = {
        "direct": f"http://127.0.0.1:{_rest_port(home, ref)}/{query}",
        "gateway": f"{connection.api_url}/rest/v1/{query}",
    }
    rates = []
    for connections in CONNECTIONS:
        found: dict[str, list[Measured]] = {"direct": [], "gateway": []}
        for turn in range(rounds + 1):
            for way, url in urls.items():
                measured = measure(Load(url, headers, connections, seconds))
                if turn > 0:  # the first turn warms both up
                    found[way].append(measured)
                    say(f"rest, {connections} connections, {way}: {measured.per_second:,.0f} req/s")
        rates.append(RestRate(connections, found["direct"], found["gateway"]))
    return rates


def _rest_port(home: Home, ref: str) -> int:
    answer = call(home.supervisor_socket, {"op": "get", "name": ProjectNames(ref).rest_unit})
    return int(answer["unit"]["health"]["port"])
