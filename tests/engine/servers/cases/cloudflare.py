"""Cases of Cloudflare, as of our own in tests/engine/servers."""

from typing import Any

from engine.provider import Props
from tests.engine.servers.cases.case import Case, Drift
from tests.engine.servers.places import Place, unique


def rewritten(kind: str, **changes: Any) -> Drift:
    return lambda place, outputs: getattr(place["cloudflare"], kind)[outputs["id"]].update(changes)


def in_zone(place: Place, outputs: Props) -> str:
    return f"{place['zone']}/{outputs['id']}"


CLOUDFLARE = [
    Case(
        "cloudflare:index/dnsRecord:DnsRecord",
        lambda place: {
            **{"zone_id": place["zone"], "name": unique(), "type": "CNAME", "ttl": 1},
            **{"content": "origin.example.net", "proxied": True, "comment": "project=ref"},
        },
        rewritten("records", proxied=False, comment=None),
        ("proxied", "comment"),
        in_zone,
    ),
    Case(
        "cloudflare:index/customHostname:CustomHostname",
        lambda place: {
            **{"zone_id": place["zone"], "hostname": f"{unique()}.test"},
            **{"custom_origin_server": "origin.example.com", "ssl": {"method": "http"}},
        },
        rewritten("hostnames", custom_origin_server="them.example.com"),
        ("customOriginServer",),
        in_zone,
    ),
]
