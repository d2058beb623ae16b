"""cloudflare: DNS records and custom hostnames of a zone.

Owns which types there are. Follows cloudflare/terraform-provider-cloudflare 5, which the package
pulumi-cloudflare bridges. Must not import that package: it costs more than all others together.
"""

from collections.abc import Mapping

from engine.provider import Handler
from engine.providers.cloudflare.custom_hostname import CustomHostname
from engine.providers.cloudflare.dns_record import DnsRecord
from engine.providers.provider_resource import ProviderResource


def handlers() -> Mapping[str, Handler]:
    return {
        "pulumi:providers:cloudflare": ProviderResource(
            package="cloudflare",
            required=(),
            secret_outputs=("apiKey", "apiToken", "apiUserServiceKey"),
        ),
        "cloudflare:index/dnsRecord:DnsRecord": DnsRecord(),
        "cloudflare:index/customHostname:CustomHostname": CustomHostname(),
    }
