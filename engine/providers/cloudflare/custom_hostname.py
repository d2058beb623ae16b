"""cloudflare:index/customHostname:CustomHostname.

Owns host names of others that a zone answers for, with a certificate that Cloudflare gets for them.
That takes minutes and a record in the other's zone: a create does not wait for it; `status` and
`ownershipVerification` say how far it is, after each refresh. Certificates of one's own are not
supported: their keys would stand in state.
"""

from typing import Any

from engine.provider import Props
from engine.providers.cloudflare.api import CloudflareError, api_of
from engine.providers.cloudflare.wire import META, located, sent, shown, wire_name
from engine.providers.schema import Field, Fields, SchemaHandler, outputs_of, refreshed

DUPLICATE_HOSTNAME = 1406
WITHOUT: Props = {"customOriginServer": "", "customOriginSni": "", "customMetadata": {}}

SSL_SETTINGS: Fields = {
    "ciphers": Field(kind="list"),
    **{name: Field(choices=("on", "off")) for name in ("earlyHints", "http2", "tls13")},
    "minTlsVersion": Field(choices=("1.0", "1.1", "1.2", "1.3")),
}
SSL: Fields = {
    "bundleMethod": Field(computed=True, choices=("ubiquitous", "optimal", "force")),
    "certificateAuthority": Field(
        computed=True, choices=("digicert", "google", "lets_encrypt", "ssl_com")
    ),
    "cloudflareBranding": Field(kind="bool"),
    "customCsrId": Field(),
    "method": Field(choices=("http", "txt", "email")),
    "settings": Field(kind="block", fields=SSL_SETTINGS),
    "type": Field(choices=("dv",)),
    "wildcard": Field(kind="bool"),
}


class CustomHostname(SchemaHandler):
    fields = {
        "zoneId": Field(required=True, replaces=True),
        "hostname": Field(required=True, replaces=True),
        "ssl": Field(kind="block", fields=SSL),
        "customOriginServer": Field(),
        "customOriginSni": Field(),
        "customMetadata": Field(kind="map"),
        "createdAt": Field(output=True),
        "status": Field(output=True),
        "verificationErrors": Field(kind="list", output=True),
        "ownershipVerification": Field(
            kind="block",
            output=True,
            fields={name: Field(output=True) for name in ("name", "type", "value")},
        ),
        "ownershipVerificationHttp": Field(
            kind="block",
            output=True,
            fields={name: Field(output=True) for name in ("httpBody", "httpUrl")},
        ),
    }
    key = ("zoneId", "hostname")

    def create(self, cfg: Props, inputs: Props) -> tuple[str, Props]:
        try:
            there = api_of(cfg).post(_place(inputs), self._body(inputs))
        except CloudflareError as error:
            if DUPLICATE_HOSTNAME in error.codes:
                message = f"custom hostname {inputs['hostname']!r} already exists"
                raise CloudflareError(
                    message, error.status, error.codes, already_exists=True
                ) from None
            raise
        return there["id"], self._outputs(there, inputs)

    def find(self, cfg: Props, inputs: Props) -> str | None:
        hostname = inputs["hostname"].lower()
        for there in api_of(cfg).each(_place(inputs), {"hostname": hostname}):
            if there["hostname"] == hostname:
                return str(there["id"])
        return None

    def read(self, cfg: Props, id: str, inputs: Props, outputs: Props) -> Props | None:
        id, known = located(self.fields, id, inputs, outputs)
        there = api_of(cfg).find(f"{_place(known)}/{id}")
        if there is None:
            return None
        actual = _shown(there, known)
        return {**refreshed(self.fields, id, known, actual), "__meta": META}

    def update(self, cfg: Props, id: str, old_outputs: Props, news: Props) -> Props:
        body = {key: value for key, value in self._body(news).items() if key != "hostname"}
        for name, nothing in WITHOUT.items():  # a patch leaves what it does not name
            if old_outputs.get(name) and not news.get(name):
                body[wire_name(name)] = nothing
        return self._outputs(api_of(cfg).patch(f"{_place(news)}/{id}", body), news)

    def delete(self, cfg: Props, id: str, outputs: Props) -> None:
        api_of(cfg).delete(f"{_place(outputs)}/{id}")

    def _body(self, inputs: Props) -> Props:
        return sent(self.fields, {**inputs, "zoneId": None})

    def _outputs(self, there: Any, inputs: Props) -> Props:
        actual = _shown(there, inputs)
        return {**outputs_of(self.fields, there["id"], inputs, actual), "__meta": META}


def _place(props: Props) -> str:
    return f"/zones/{props['zoneId']}/custom_hostnames"


def _shown(there: Any, known: Props) -> Props:
    """As with the plugin, of `ssl` only what was asked for: the rest is about the certificate of
    the day. What the answer leaves out (it does while a certificate is being made) is as known."""
    actual = shown(CustomHostname.fields, there) | {"zoneId": known["zoneId"]}
    asked: Props | None = known.get("ssl")
    actual["ssl"] = asked and _members(asked, actual.get("ssl") or {})
    return actual | {"verificationErrors": actual.get("verificationErrors") or []}


def _members(asked: Props, there: Props) -> Props:
    known = {name: value for name, value in asked.items() if name != "__defaults"}
    return {
        name: _members(value, there.get(name) or {})
        if isinstance(value, dict)
        else (value if there.get(name) is None else there[name])
        for name, value in known.items()
    }
