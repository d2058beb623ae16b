"""DnsRecord: nothing to make for localhost, an honest refusal elsewhere."""

import pytest

from components.dns_record import DnsRecord, DnsRecordArgs
from components.targets import target_for
from tests.stacks.programs import declare


def test_localhost_needs_no_record() -> None:
    made = declare(lambda: DnsRecord("dns", DnsRecordArgs("abc.localhost")))
    below_the_stack = [r.token for r in made.declared if r.token != "pulumi:pulumi:Stack"]
    assert below_the_stack == ["basecroft:index:DnsRecord"]


@pytest.mark.parametrize("host", ["abc.example.com", "localhost.evil.com", "notlocalhost", ""])
def test_other_names_are_refused_by_name(host: str) -> None:
    with pytest.raises(ValueError, match="no DNS provider"):
        declare(lambda: DnsRecord("dns", DnsRecordArgs(host)))


def test_an_unknown_target_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="mars"):
        target_for("mars")
