"""DNS records and custom hostnames, against a Cloudflare on loopback."""

import time

import pulumi
import pytest

from engine.provider import UNKNOWN
from engine.providers import builtin_packages
from engine.providers.cloudflare import handlers
from engine.providers.cloudflare.api import CloudflareError, api_of, close_all, login_of
from engine.testing import MemoryStack
from tests.engine.providers.asked import changes, check
from tests.engine.providers.fake_cloudflare import ID, TOKEN, FakeCloudflare, serving
from tests.fixtures.fault_proxy import HttpProxy, losing

HANDLERS = {token.rpartition(":")[2]: handler for token, handler in handlers().items()}
RECORD, HOSTNAME = HANDLERS["DnsRecord"], HANDLERS["CustomHostname"]


@pytest.fixture
def cloudflare():
    with serving(FakeCloudflare()) as fake:
        yield fake
    close_all()


@pytest.fixture
def cfg(cloudflare):
    return {"baseUrl": cloudflare.base_url, "apiToken": TOKEN}


@pytest.fixture
def record(cloudflare):
    def inputs(**given):
        a = {"type": "A", "content": "192.0.2.1"} if "type" not in given else {}
        return check(RECORD, **{"zoneId": cloudflare.zone, "name": "www", "ttl": 300, **a, **given})

    return inputs


@pytest.mark.parametrize(
    ("handler", "news"),
    [
        (RECORD, {"zoneId": "z", "name": "n", "type": "A", "content": "192.0.2.1"}),
        (RECORD, {"zoneId": "z", "name": "n", "type": "A", "ttl": 60}),
        (RECORD, {"zoneId": "z", "name": "n", "type": "A", "ttl": "soon", "content": "192.0.2.1"}),
        (RECORD, {"zoneId": "z", "name": "n", "type": "SPF", "ttl": 60, "content": "c"}),
        (RECORD, {"zoneId": "z", "name": "n", "type": "CAA", "ttl": 60, "content": "c", "data": {}}
         | {"data": {"tag": "issue"}}),
        (RECORD, {"zoneId": "z", "name": "n", "type": "A", "ttl": 60, "content": "192.0.2.1"}
         | {"proxied": True}),
        (HOSTNAME, {"zoneId": "z"}),
        (HOSTNAME, {"zoneId": "z", "hostname": "h", "ssl": {"method": "smoke"}}),
        (HOSTNAME, {"zoneId": "z", "hostname": "h", "ssl": {"customKey": "hush"}}),
    ],
)  # fmt: skip
def test_nonsense_is_refused(handler, news):
    with pytest.raises(ValueError) as refusal:
        check(handler, **news)
    assert "hush" not in str(refusal.value)


def test_unknown_values_pass_in_a_preview():
    check(
        RECORD, zoneId=UNKNOWN, name=UNKNOWN, type="A", ttl=UNKNOWN, content=UNKNOWN, proxied=True
    )
    check(RECORD, zoneId="z", name="n", type="CAA", ttl=60, data=UNKNOWN)
    check(HOSTNAME, zoneId=UNKNOWN, hostname=UNKNOWN, ssl={"method": UNKNOWN})


@pytest.mark.parametrize(
    ("new", "replaces"),
    [
        ({"zoneId": "y"}, ["zoneId"]),
        ({"type": "TXT"}, ["type"]),
        ({"name": "m"}, []),
        ({"content": "192.0.2.2"}, []),
        ({"ttl": 1, "proxied": True}, []),
        ({"tags": ["a:b"]}, []),
    ],
)
def test_what_replaces(new, replaces):
    old = {"zoneId": "z", "name": "n", "type": "A", "ttl": 60, "content": "192.0.2.1"}
    diff = RECORD.diff({}, "id", {}, check(RECORD, **old), check(RECORD, **{**old, **new}))
    assert diff.changes and diff.replaces == replaces
    diff = HOSTNAME.diff({}, "id", {}, {"zoneId": "z", "hostname": "h"}, {"hostname": "i"})
    assert "hostname" in diff.replaces


def test_no_secret_stands_in_a_repr():
    assert "hush" not in repr(login_of({"apiToken": "hush", "apiKey": "hush"}))
    with pytest.raises(CloudflareError, match="apiToken"):
        api_of({})


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"name": "WWW.example.com."},
        {"name": "@", "comment": "project=ref", "ttl": 1, "proxied": True},
        {"type": "AAAA", "content": "2001:DB8:0::1"},
        {"type": "CNAME", "content": "origin.example.net."},
        {"type": "TXT", "content": "v=spf1 -all"},
        {"type": "MX", "content": "mail.example.com", "priority": 10},
        {"type": "CAA", "data": {"flags": 0, "tag": "issue", "value": "letsencrypt.org"}},
        {"type": "LOC", "data": {"latSeconds": 12.5, "latDegrees": 7}},
    ],
)
def test_a_record_lives_from_create_to_delete(cfg, cloudflare, record, given):
    inputs = record(**given)
    assert RECORD.find(cfg, inputs) is None
    id, outputs = RECORD.create(cfg, inputs)
    assert ID.fullmatch(id)
    assert changes(RECORD, outputs, inputs) == []
    assert RECORD.read(cfg, id, inputs, outputs) == outputs
    assert RECORD.find(cfg, inputs) == id
    adopted = RECORD.read(cfg, id, inputs, {})
    assert changes(RECORD, adopted, inputs) == []
    imported = RECORD.read(cfg, f"{cloudflare.zone}/{id}", {}, {})
    assert (imported["id"], imported["name"]) == (id, cloudflare.records[id]["name"])
    with pytest.raises(CloudflareError, match="already exists") as refusal:
        RECORD.create(cfg, inputs)
    assert refusal.value.already_exists

    news = {**inputs, "comment": "new", "ttl": 1}
    updated = RECORD.update(cfg, id, outputs, news)
    assert changes(RECORD, RECORD.read(cfg, id, news, updated), news) == []
    assert cloudflare.records[id]["comment"] == "new"
    updated = RECORD.update(cfg, id, updated, {**news, "comment": None})
    assert cloudflare.records[id]["comment"] is None

    cloudflare.records[id]["ttl"] = 7200.0
    assert changes(RECORD, RECORD.read(cfg, id, news, updated), updated) == ["ttl"]
    RECORD.delete(cfg, id, updated)
    RECORD.delete(cfg, id, updated)
    assert RECORD.read(cfg, id, inputs, outputs) is None


def test_a_name_may_have_many_records(cfg, cloudflare, record):
    """Found by its content, on whichever page it stands; the name of a sibling is not its own."""
    for n in range(120):
        RECORD.create(cfg, record(content=f"198.51.100.{n}"))
    inputs = record()
    assert RECORD.find(cfg, inputs) is None
    id, _ = RECORD.create(cfg, inputs)
    cloudflare.calls.clear()
    assert RECORD.find(cfg, inputs) == id
    assert len(cloudflare.calls) == 2
    assert RECORD.find(cfg, record(name="w")) is None
    # A CNAME stands alone.
    cname = record(name="c", type="CNAME", content="a.example.net")
    id, _ = RECORD.create(cfg, cname)
    assert RECORD.find(cfg, {**cname, "content": "b.example.net"}) == id
    with pytest.raises(CloudflareError, match="81053"):
        RECORD.create(cfg, record(name="c"))


def test_a_renamed_record_is_drift(cfg, cloudflare, record):
    inputs = record(name="a")
    id, outputs = RECORD.create(cfg, inputs)
    cloudflare.records[id]["name"] = "a.b.example.com"
    assert changes(RECORD, RECORD.read(cfg, id, inputs, outputs), inputs) == ["name"]


def test_a_token_that_cannot_read_zones_takes_names_as_complete(cfg, cloudflare, record):
    cloudflare.may_read_zones = False
    inputs = record(name="www.example.com")
    id, outputs = RECORD.create(cfg, inputs)
    assert RECORD.find(cfg, inputs) == id
    assert RECORD.read(cfg, id, inputs, outputs) == outputs


def test_a_custom_hostname_lives_from_create_to_delete(cfg, cloudflare):
    ssl = {"method": "http", "type": "dv", "settings": {"minTlsVersion": "1.2", "tls13": "on"}}
    given = {"zoneId": cloudflare.zone, "hostname": "app.customer.test", "ssl": ssl}
    inputs = check(HOSTNAME, **given)
    id, outputs = HOSTNAME.create(cfg, inputs)
    assert ID.fullmatch(id) and outputs["status"] == "pending"
    assert outputs["ownershipVerification"]["type"] == "txt"
    assert HOSTNAME.read(cfg, id, inputs, outputs) == outputs
    wanted = cloudflare.hostnames[id]["ssl"]["_wanted"]
    assert wanted["settings"] == {"min_tls_version": "1.2", "tls_1_3": "on"}
    cloudflare.activate()
    active = HOSTNAME.read(cfg, id, inputs, outputs)
    assert active["status"] == "active"
    assert changes(HOSTNAME, active, inputs) == []
    assert HOSTNAME.find(cfg, inputs) == id
    assert HOSTNAME.find(cfg, {**inputs, "hostname": "customer.test"}) is None
    assert (
        changes(HOSTNAME, HOSTNAME.read(cfg, f"{cloudflare.zone}/{id}", inputs, {}), inputs) == []
    )
    with pytest.raises(CloudflareError, match="already exists") as refusal:
        HOSTNAME.create(cfg, inputs)
    assert refusal.value.already_exists

    news = check(HOSTNAME, **given, customOriginServer="origin.example.com")
    updated = HOSTNAME.update(cfg, id, active, news)
    assert cloudflare.hostnames[id]["custom_origin_server"] == "origin.example.com"
    updated = HOSTNAME.update(cfg, id, updated, inputs)
    assert cloudflare.hostnames[id]["custom_origin_server"] == ""
    cloudflare.activate()
    cloudflare.hostnames[id]["ssl"]["settings"]["min_tls_version"] = "1.0"
    assert changes(HOSTNAME, HOSTNAME.read(cfg, id, inputs, updated), inputs) == ["ssl"]
    HOSTNAME.delete(cfg, id, updated)
    HOSTNAME.delete(cfg, id, updated)
    assert HOSTNAME.read(cfg, id, inputs, updated) is None


ERROR = b'{"success": false, "errors": [{"code": 10001, "message": "Internal error"}]}'
LIMITED = b'{"success": false, "errors": [{"code": 10013, "message": "rate limit"}]}'


def test_who_is_limited_waits_as_told(cfg, cloudflare, record):
    cloudflare.failures = [(429, {"Retry-After": "1"}, LIMITED)]
    started = time.monotonic()
    RECORD.create(cfg, record(name="www.example.com"))
    assert time.monotonic() - started >= 1
    assert cloudflare.calls.count(f"POST /zones/{cloudflare.zone}/dns_records") == 2


@pytest.mark.parametrize("wait", ["300", "never", "-5"])
def test_nobody_waits_longer_than_bearable(cfg, cloudflare, record, wait, monkeypatch):
    monkeypatch.setattr("engine.providers.cloudflare.api.BACKOFF_S", 0.01)
    cloudflare.failures = [(429, {"Retry-After": wait}, LIMITED)] * 9
    started = time.monotonic()
    with pytest.raises(CloudflareError, match="429") as error:
        RECORD.create(cfg, record())
    assert time.monotonic() - started < 5
    assert not error.value.outcome_unknown
    assert ("300 s" in str(error.value)) == (wait == "300")


@pytest.mark.parametrize(
    "failure",
    [(500, {}, ERROR), (502, {}, b"<html>bad gateway"), (200, {}, b"<html>"), (200, {}, None)],
)
def test_what_may_have_been_made_is_not_made_twice(cfg, cloudflare, record, failure):
    cloudflare.failures = [failure]
    with pytest.raises(CloudflareError) as error:
        RECORD.create(cfg, record())
    assert error.value.outcome_unknown
    assert len(cloudflare.calls) == 1
    # Reading again is harmless.
    cloudflare.failures = [failure]
    assert RECORD.find(cfg, record()) is None


def test_a_wrong_token_is_said_to_be_wrong_and_not_repeated(cfg, record):
    with pytest.raises(CloudflareError, match="Authentication error") as error:
        RECORD.create({**cfg, "apiToken": "secret-but-wrong"}, record())
    assert "secret-but-wrong" not in str(error.value)


def test_an_absent_api_is_an_error_soon(record):
    cfg = {"baseUrl": "http://127.0.0.1:1", "apiToken": "t"}
    with pytest.raises(CloudflareError, match="refused") as error:
        RECORD.read(cfg, "id", record(), record())
    assert not error.value.outcome_unknown
    close_all()


def test_a_zone_that_is_not_there(cfg, record):
    inputs = {**record(), "zoneId": "0" * 32}
    with pytest.raises(CloudflareError, match="7003"):
        RECORD.create(cfg, inputs)
    assert RECORD.read(cfg, "f" * 32, inputs, inputs) is None


# With the SDK's classes


@pytest.fixture
def stack(cloudflare):
    return MemoryStack(
        builtin_packages(),
        config={"cloudflare:baseUrl": cloudflare.base_url},
        credentials=lambda package, inputs: {"apiToken": TOKEN},
    )


def program(zone, content="origin.example.net", name="www.example.com", kind="CNAME"):
    def run():
        import pulumi_cloudflare as sdk  # 2 s, so only here

        record = sdk.DnsRecord(
            "record", zone_id=zone, name=name, type=kind, content=content, ttl=1, proxied=True,
        )  # fmt: skip
        hostname = sdk.CustomHostname(
            "hostname", zone_id=zone, hostname="app.customer.test", ssl={"method": "http"}
        )
        pulumi.export("status", hostname.status)
        pulumi.export("id", record.id)

    return run


def test_a_stack_of_them(stack, cloudflare):
    zone = cloudflare.zone
    assert stack.preview(program(zone)).succeeded, stack.errors()
    assert cloudflare.records == {}
    assert stack.up(program(zone)).succeeded, stack.errors()
    cloudflare.activate()
    assert stack.up(program(zone)).changes == {"same": 3}
    # Drift is seen by a refresh and healed by an up.
    [record] = cloudflare.records.values()
    record["content"] = "elsewhere.example.net"
    assert stack.refresh().changes["update"] == 2  # the hostname is active now
    assert stack.up(program(zone)).changes == {"same": 2, "update": 1}
    [record] = cloudflare.records.values()
    assert record["content"] == "origin.example.net"
    # Another type is another record; a CNAME must be gone before an A may come.
    changed = program(zone, "192.0.2.1", kind="A")
    assert stack.up(changed).succeeded, stack.errors()
    assert [r["type"] for r in cloudflare.records.values()] == ["A"]
    assert TOKEN not in repr(stack.snapshot)
    assert stack.destroy().succeeded
    assert cloudflare.records == cloudflare.hostnames == {}


def test_a_lost_answer_makes_no_second_record(stack, cloudflare):
    zone, port = cloudflare.zone, int(cloudflare.base_url.split(":")[2].partition("/")[0])
    creates = f"POST /client/v4/zones/{zone}/dns_records$"
    with losing(HttpProxy, port, creates) as (port, loss):
        stack.config = {"cloudflare:baseUrl": f"http://127.0.0.1:{port}/client/v4"}
        assert not stack.up(program(zone)).succeeded
        assert loss.happened and len(cloudflare.records) == 1
        assert stack.up(program(zone)).succeeded, stack.errors()
        assert len(cloudflare.records) == 1
        assert stack.up(program(zone)).changes == {"same": 3}
        assert stack.destroy().succeeded


def test_a_record_of_somebody_else_is_refused(stack, cloudflare, cfg, record):
    theirs, _ = RECORD.create(cfg, record(name="www", type="CNAME", content="theirs.example.net"))
    assert not stack.up(program(cloudflare.zone)).succeeded
    assert f"import it (id '{theirs}')" in " ".join(stack.errors())
    assert stack.destroy().succeeded
    assert [*cloudflare.records] == [theirs]


def test_a_record_is_imported_as_the_plugin_wants_it(stack, cloudflare, cfg, record):
    id, _ = RECORD.create(cfg, record(name="www", comment="by hand"))

    def adopting():
        import pulumi_cloudflare as sdk

        sdk.DnsRecord(
            "record",
            zone_id=cloudflare.zone,
            name="www",
            type="A",
            content="192.0.2.1",
            ttl=300,
            comment="by hand",
            opts=pulumi.ResourceOptions(import_=f"{cloudflare.zone}/{id}"),
        )

    assert stack.up(adopting).succeeded, stack.errors()
    assert stack.resource("record").id == id
    assert stack.up(adopting).changes == {"same": 2}
