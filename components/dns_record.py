"""basecroft:index:DnsRecord: the name under which browsers reach a project.

Owns the decision who answers for a name. Names under `localhost` mean this machine everywhere
(RFC 6761), so nothing is made for them; a zone of one's own comes with a DNS provider later.
"""

from dataclasses import dataclass

import pulumi


@dataclass(frozen=True)
class DnsRecordArgs:
    host: str
    """Host name without scheme and port, e.g. <ref>.localhost."""


class DnsRecord(pulumi.ComponentResource):
    """Provider needed: none for localhost."""

    host: pulumi.Output[str]

    def __init__(
        self, name: str, args: DnsRecordArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("basecroft:index:DnsRecord", name, {"host": args.host}, opts)
        if not f".{args.host}".endswith(".localhost"):
            raise ValueError(f"no DNS provider for {args.host}; known so far: names in localhost")
        self.host = pulumi.Output.from_input(args.host)
        self.register_outputs({"host": self.host})
