"""cloudflare:index/dnsRecord:DnsRecord.

Owns DNS records: what makes two of them one, and how the API rewrites what it is given (names are
completed by the zone's, addresses and host names normalized). One name may have many records: what
tells a record from its siblings is its content.
"""

import ipaddress
import json
from dataclasses import replace
from typing import Any

from engine.provider import Props
from engine.providers.cloudflare.api import CloudflareApi, CloudflareError, api_of
from engine.providers.cloudflare.wire import META, located, sent, shown
from engine.providers.schema import (
    Changes,
    Field,
    Fields,
    SchemaHandler,
    is_unknown,
    is_zero,
    means_same,
    outputs_of,
    refreshed,
)

TYPES = (
    *("A", "AAAA", "CNAME", "MX", "NS", "OPENPGPKEY", "PTR", "TXT", "CAA", "CERT", "DNSKEY", "DS"),
    *("HTTPS", "LOC", "NAPTR", "SMIMEA", "SRV", "SSHFP", "SVCB", "TLSA", "URI"),
)
# "The record already exists", "an identical record already exists", and one of another type that
# shuts this one out.
ALREADY_EXISTS = {81053, 81054, 81057, 81058}
TTL_AUTOMATIC = 1

TEXTS = (
    *("tag", "value", "certificate", "publicKey", "digest", "target", "latDirection"),
    *("longDirection", "regex", "replacement", "service", "fingerprint"),
    "flags",  # a number or a text: the same to the API
)
NUMBERS = (
    *("algorithm", "keyTag", "type", "protocol", "digestType", "priority", "altitude"),
    *("latDegrees", "latMinutes", "latSeconds", "longDegrees", "longMinutes", "longSeconds"),
    *("precisionHorz", "precisionVert", "size", "order", "preference", "matchingType"),
    *("selector", "usage", "port", "weight"),
)
DATA: Fields = {
    **{name: Field() for name in TEXTS},
    **{name: Field(kind="float") for name in NUMBERS},
}
SETTINGS: Fields = {
    name: Field(kind="bool", computed=True) for name in ("ipv4Only", "ipv6Only", "flattenCname")
}


def _same_content(new: str, old: str) -> bool:
    """Whichever type it is of: no host name reads like an address, none has quotes."""
    return _meant(new) == _meant(old)


def _meant(content: str) -> str:
    try:
        return str(ipaddress.ip_address(content))
    except ValueError:
        pass
    if len(content) > 1 and content[0] == content[-1] == '"':
        return content[1:-1]
    is_host = " " not in content and content.endswith(".")
    return content[:-1] if is_host else content


class DnsRecord(SchemaHandler):
    fields = {
        "zoneId": Field(required=True, replaces=True),
        "name": Field(required=True),
        "type": Field(required=True, replaces=True, choices=TYPES),
        "ttl": Field(kind="float", required=True),
        "content": Field(computed=True, same=_same_content),
        "data": Field(kind="block", fields=DATA),
        "priority": Field(kind="float"),
        "proxied": Field(kind="bool", default=False),
        "comment": Field(),
        "tags": Field(kind="set", computed=True),
        "settings": Field(kind="block", computed=True, fields=SETTINGS),
        "privateRouting": Field(kind="bool"),
        "includeShadowMetadata": Field(kind="bool", local=True),
        **{name: Field(output=True) for name in ("createdOn", "modifiedOn", "commentModifiedOn")},
        **{name: Field(output=True) for name in ("tagsModifiedOn", "meta")},
        "proxiable": Field(kind="bool", output=True),
    }
    key = ("zoneId", "type", "name", "content", "data")

    def validate(self, inputs: Props) -> None:
        if bool(inputs.get("content")) == bool(inputs.get("data")):
            raise ValueError("exactly one of content and data must be given")
        ttl = inputs["ttl"]
        if inputs.get("proxied") is True and ttl != TTL_AUTOMATIC and not is_unknown(ttl):
            raise ValueError("ttl must be 1 where proxied is true")

    def diff(
        self, cfg: Props, id: str, old_inputs: Props, old_outputs: Props, news: Props
    ) -> Changes:
        diff = super().diff(cfg, id, old_inputs, old_outputs, news)
        # A CNAME bears no other record of its name beside it.
        alone = "CNAME" in (old_outputs.get("type"), news["type"]) and "zoneId" not in diff.replaces
        first = alone and bool(diff.replaces)
        return replace(diff, delete_before_replace=first or diff.delete_before_replace)

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        api = api_of(cfg)
        try:
            there = api.post(_place(inputs), sent(self.fields, _body(inputs)))
        except CloudflareError as error:
            if error.codes & ALREADY_EXISTS:
                what = f"a record of that kind for {inputs['name']!r} already exists"
                raise CloudflareError(
                    f"{what}: {error}", error.status, error.codes, already_exists=True
                ) from None
            raise
        return there["id"], self._outputs(there, inputs)

    def find(self, cfg: Props, inputs: Props) -> str | None:
        api, kind = api_of(cfg), inputs["type"]
        name = _complete(inputs["name"], api.zone_name(inputs["zoneId"]))
        for there in api.each(_place(inputs), {"type": kind, "name.exact": name}):
            actual = _shown(there)
            # A name has at most one CNAME, and any number of the others.
            told_apart = ["data"] if inputs.get("data") else ["content"]
            if kind == "CNAME" or all(
                means_same(self.fields[n], inputs.get(n), actual.get(n)) for n in told_apart
            ):
                return str(there["id"])
        return None

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        api = api_of(cfg)
        id, known = located(self.fields, id, inputs, outputs)
        there = api.find(f"{_place(known)}/{id}")
        if there is None:
            return None
        actual = {**_shown(there), "zoneId": known["zoneId"]}
        written = known.get("name")
        if written and _is_name(api, known["zoneId"], written, actual["name"]):
            actual["name"] = written
        return {**refreshed(self.fields, id, known, actual), "__meta": META}

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        chosen = {n: old_outputs.get(n) for n in ("tags", "settings") if news.get(n) is None}
        silent = {name: value for name, value in chosen.items() if not is_zero(value)}
        body = sent(self.fields, _body({**news, **silent}))
        return self._outputs(api_of(cfg).put(f"{_place(news)}/{id}", body), news)

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        api_of(cfg).delete(f"{_place(outputs)}/{id}")

    def _outputs(self, there: Any, inputs: Props) -> Props:
        actual = {**_shown(there), "zoneId": inputs["zoneId"]}
        return {**outputs_of(self.fields, there["id"], inputs, actual), "__meta": META}


def _place(props: Props) -> str:
    return f"/zones/{props['zoneId']}/dns_records"


def _body(values: Props) -> Props:
    """What is sent: the zone stands in the path; a comment that is gone is emptied."""
    return {**values, "zoneId": None, "comment": values.get("comment") or ""}


def _shown(there: Any) -> Props:
    actual = shown(DnsRecord.fields, there)
    meta = there.get("meta")
    settings = {name: bool((actual.get("settings") or {}).get(name)) for name in SETTINGS}
    # The API computes a content beside the data of a record that has any, and leaves settings out.
    return {
        **actual,
        "meta": None if meta is None else json.dumps(meta, separators=(",", ":")),
        "settings": settings,
        "comment": actual.get("comment") or None,
    }


def _complete(name: str, zone: str) -> str:
    """A name as the API keeps it: with its zone's, in lower case, no dot at the end."""
    name = name.lower().rstrip(".")
    if not zone or name == zone or name.endswith(f".{zone}"):
        return name
    return zone if name in ("", "@") else f"{name}.{zone}"


def _is_name(api: CloudflareApi, zone_id: str, written: str, there: str) -> bool:
    return written == there or _complete(written, api.zone_name(zone_id)) == there.lower()
