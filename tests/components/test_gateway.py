"""The gateway's rules as a table; what Traefik makes of them is test_rest_path.py."""

import pytest

from components.gateway import RestRoute, RoleKey, rest_routes

REF = "abcdefghijklmnopqrst"
ANON = RoleKey("anon", "anon.jwt", ["anon.jwt", "sb_publishable_x"])
SERVICE = RoleKey("service_role", "service.jwt", ["service.jwt"])


def routes(*role_keys: RoleKey):
    return rest_routes(RestRoute(REF, f"{REF}.localhost", "http://127.0.0.1:1", role_keys))["http"]


def test_a_fixed_handful_of_routers() -> None:
    http = routes(ANON, SERVICE)
    priorities = {name.removeprefix(f"{REF}-rest-"): r["priority"] for name, r in
                  http["routers"].items()}  # fmt: skip
    order = sorted(priorities, key=priorities.get, reverse=True)
    assert order[:2] == ["preflight", "signed-in"]
    assert set(order[2:4]) == {"anon", "service_role"}
    assert order[4:] == ["refused"]


def test_a_refused_token_is_met_before_the_key_beside_it() -> None:
    shut = rest_routes(
        RestRoute(
            REF, f"{REF}.localhost", "http://127.0.0.1:1",
            [RoleKey("anon", "h.anon.s", ["sb_x"]), RoleKey("service_role", "h.service.s", [])],
            refused_tokens=["h.anon.s", "h.service.s"],
        )
    )["http"]["routers"]  # fmt: skip
    assert f"{REF}-rest-service_role" not in shut
    priorities = [shut[f"{REF}-rest-{name}"]["priority"] for name in ("preflight", "shut", "anon")]
    assert priorities == sorted(priorities, reverse=True)
    assert shut[f"{REF}-rest-signed-in"]["priority"] < shut[f"{REF}-rest-shut"]["priority"]


def test_everything_is_named_from_the_ref_and_refers_to_what_is_there() -> None:
    http = routes(ANON, SERVICE)
    for kind in ("routers", "middlewares", "services"):
        assert all(name.startswith(REF) for name in http[kind])
    for router in http["routers"].values():
        assert set(router["middlewares"]) <= set(http["middlewares"])
        assert router["service"] in {*http["services"], "noop@internal"}
        assert router["middlewares"][0] == f"{REF}-cors"
        assert f"/p/{REF}/rest/v1" in router["rule"]


def test_keys_open_their_role_only() -> None:
    http = routes(ANON, SERVICE)
    rule = http["routers"][f"{REF}-rest-anon"]["rule"]
    assert "`anon.jwt`" in rule
    assert "`sb_publishable_x`" in rule
    assert "service.jwt" not in rule
    swap = http["middlewares"][f"{REF}-as-anon"]["headers"]["customRequestHeaders"]
    assert swap == {"Authorization": "Bearer anon.jwt"}


@pytest.mark.parametrize("key", ["", "a`b", "a\nb", "a\x00b", "\ud800"])
def test_a_key_cannot_break_out_of_its_rule(key: str) -> None:
    with pytest.raises(ValueError, match="API key"):
        routes(RoleKey("anon", "t", [key]))


def test_cors_lists_hold_what_clients_send_and_read() -> None:
    headers = routes(ANON)["middlewares"][f"{REF}-cors"]["headers"]
    for name in (
        "authorization, apikey, content-type, x-client-info, x-supabase-api-version, prefer,"
        " accept-profile, content-profile, range, x-upsert, x-metadata, cache-control,"
        " tus-resumable, upload-offset, traceparent, tracestate, baggage"
    ).split(", "):
        assert name.strip() in headers["accessControlAllowHeaders"]
    for name in "content-range, x-total-count, link, location, upload-offset".split(", "):
        assert name in headers["accessControlExposeHeaders"]
