"""The gateway's rules as a table; what Traefik makes of them is test_rest_path.py."""

from typing import Any

import pytest

from components.gateway import GatewayKey, RestRoute, rest_routes

REF = "abcdefghijklmnopqrst"
LEGACY = [
    GatewayKey("anon.jwt", "anon", "api-1"),
    GatewayKey("service.jwt", "service_role", "api-1"),
]
ISSUED = GatewayKey("sb_publishable_x", "anon", "an-id")
TOKENS = {"anon": "anon.jwt", "service_role": "service.jwt"}


def routes(*keys: GatewayKey, **more: Any):
    url = "http://127.0.0.1:1"
    route = RestRoute(REF, f"{REF}.localhost", url, TOKENS, keys, "probe", **more)
    return rest_routes(route)["http"]


def in_order(http: Any) -> list[set[str]]:
    """The rules of the project, those that are looked at first first."""
    by_priority: dict[int, set[str]] = {}
    for name, router in http["routers"].items():
        if "parentRefs" in router:
            names = by_priority.setdefault(router["priority"], set())
            names.add(name.removeprefix(f"{REF}-rest-"))
    return [names for _, names in sorted(by_priority.items(), reverse=True)]


def test_one_rule_for_all_and_below_it_a_handful_and_two_for_each_issued_key() -> None:
    http = routes(*LEGACY, ISSUED)
    (parent,) = [name for name, router in http["routers"].items() if "parentRefs" not in router]
    assert f"/p/{REF}/rest/v1" in http["routers"][parent]["rule"]
    assert all(r["parentRefs"] == [parent] for r in http["routers"].values() if "service" in r)
    assert in_order(http) == [
        {"signed-in-api-1", "signed-in-an-id"},
        {"anon-api-1", "service_role-api-1", "anon-an-id", "anon-probe"},
        {"refused"},
    ]


def test_a_refused_token_is_met_before_the_key_beside_it() -> None:
    http = routes(ISSUED, refused_tokens=["h.anon.s", "h.service.s"])
    assert in_order(http) == [
        {"shut"},
        {"signed-in-an-id"},
        {"anon-an-id", "anon-probe"},
        {"refused"},
    ]


def test_requests_are_counted_by_the_key_that_let_them_in() -> None:
    http = routes(*LEGACY, ISSUED)
    counted = {
        name.removeprefix(f"{REF}-rest-"): router["service"].removeprefix(f"{REF}-")
        for name, router in http["routers"].items()
        if "service" in router
    }
    assert counted == {
        "refused": "refused",
        "anon-probe": "probe",
        **dict.fromkeys(["signed-in-api-1", "anon-api-1", "service_role-api-1"], "api-1"),
        **dict.fromkeys(["signed-in-an-id", "anon-an-id"], "an-id"),
    }
    to = {str(service) for service in http["services"].values()}
    assert len(to) == 1  # whichever it is, PostgREST answers


def test_everything_is_named_from_the_ref_and_refers_to_what_is_there() -> None:
    http = routes(*LEGACY, ISSUED, refused_tokens=["h.anon.s"])
    for kind in ("routers", "middlewares", "services"):
        assert all(name.startswith(REF) for name in http[kind])
    for router in http["routers"].values():
        assert set(router["middlewares"]) <= set(http["middlewares"])
        assert router.get("service") in {*http["services"], None}


def test_keys_open_their_role_only() -> None:
    http = routes(*LEGACY, ISSUED)
    for name, key in (("anon-api-1", "anon.jwt"), ("anon-an-id", "sb_publishable_x")):
        router = http["routers"][f"{REF}-rest-{name}"]
        assert f"`{key}`" in router["rule"] and "service.jwt" not in router["rule"]
        assert router["middlewares"] == [f"{REF}-as-anon"]
    swap = http["middlewares"][f"{REF}-as-anon"]["headers"]["customRequestHeaders"]
    assert swap == {"Authorization": "Bearer anon.jwt"}


@pytest.mark.parametrize("key", ["", "a`b", "a\nb", "a\x00b", "\ud800"])
def test_a_key_cannot_break_out_of_its_rule(key: str) -> None:
    with pytest.raises(ValueError, match="API key"):
        routes(GatewayKey(key, "anon", "api-1"))


def test_cors_lists_hold_what_clients_send_and_read() -> None:
    headers = routes(*LEGACY)["middlewares"][f"{REF}-cors"]["headers"]
    for name in (
        "authorization, apikey, content-type, x-client-info, x-supabase-api-version, prefer,"
        " accept-profile, content-profile, range, x-upsert, x-metadata, cache-control,"
        " tus-resumable, upload-offset, traceparent, tracestate, baggage"
    ).split(", "):
        assert name.strip() in headers["accessControlAllowHeaders"]
    for name in "content-range, x-total-count, link, location, upload-offset".split(", "):
        assert name in headers["accessControlExposeHeaders"]
