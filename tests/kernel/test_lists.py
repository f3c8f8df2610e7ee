"""Lists written anew, through real packets: upstream's chain with them does what the original policy decides."""

from contextlib import closing

import pytest
from tests.kernel.wire import Wire

from wayhome.kernel import BackendName, Masquerade, open_backend
from wayhome.policy import Action, Configuration, Packet, Settings, parse
from wayhome.policy.lists import lists_for_upstream, shortest_lists
from wayhome.policy.wire import Endpoint, Header, on_the_wire
from wayhome.policy.written import written
from wayhome.prefixes import Family, format_address

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("xtables_lock")]

ORIGINAL = """
nonMasqueradeCIDRs: [10.0.0.0/8, 168.0.0.0/7, 172.16.0.0/12, 172.20.3.0/24]
masqueradeCIDRs: [10.2.0.0/16, 168.63.129.16/32, 169.254.169.254/32, 172.20.0.0/16]
"""


def configured(text: str) -> Configuration:
    parsed = parse(text.encode(), Settings())
    assert parsed.configuration is not None, parsed.findings
    return parsed.configuration


@pytest.mark.parametrize(
    ("rewrite", "backend"),
    [(lists_for_upstream, BackendName.IPTABLES_LEGACY), (shortest_lists, BackendName.NFTABLES)],
)
def test_at_every_border_packets_are_treated_as_before(
    wire: Wire, rewrite: object, backend: BackendName
) -> None:
    assert callable(rewrite)
    original = configured("cidrLimit: 200\n" + ORIGINAL)
    again = configured(written(original, rewrite(original)))
    with closing(open_backend(backend, Masquerade())) as opened:
        opened.apply(again.policy)
    seen = set()
    for entry in original.policy.entries:
        for border in (entry.prefix.first, entry.prefix.last):
            for address in (border - 1, border, border + 1):
                keeps = original.policy.decide(Packet(Family.IPV4, address)).action is Action.KEEP
                destination = format_address(Family.IPV4, address)
                source = wire.send(destination).source
                assert source == (wire.POD4 if keeps else wire.NODE4), destination
                seen.add(keeps)
    assert seen == {True, False}


def test_a_packet_is_on_the_wire_what_explain_says(wire: Wire) -> None:
    policy = configured(ORIGINAL).policy
    with closing(open_backend(BackendName.NFTABLES, Masquerade())) as opened:
        opened.apply(policy)
    for address, text in ((0x0A020001, "10.2.0.1"), (0x0A030001, "10.3.0.1")):
        decision = policy.decide(Packet(Family.IPV4, address))
        sent = Header(Endpoint("POD", wire.POD4, 40000), Endpoint("", text, wire.PORT))
        expected = on_the_wire(sent, decision, wire.NODE4)
        arrived = wire.send(text)
        assert arrived.source == expected.source.address
        assert arrived.destination == expected.destination.address
