"""Whether the destination could open a connection to the source."""

from dataclasses import replace

from tests.trace.gateway import service
from tests.trace.pair import FLOW, died, pair, to_a, to_b
from tests.trace.small import (
    A,
    allow,
    attached,
    fabric,
    firewall,
    host,
    link,
    tcp,
)

from wayhome.network import (
    FilterAction,
    Network,
    RouteTable,
    Target,
    Verdict,
)
from wayhome.trace import trace, trace_reverse


def test_the_reverse_is_asked_of_every_endpoint() -> None:
    network = service(Target(A("10.0.0.2")), Target(A("192.168.0.1")))
    answer = trace(network, tcp("192.168.0.1", "10.0.0.100"), "a")
    assert {way.result.delivered_to for way in answer.ways} == {"a", "b"}
    reverse = trace_reverse(network, answer)
    assert reverse is not None
    assert {way.result.forward[0].node for way in reverse.ways} == {"a", "b"}


def test_the_reverse_is_asked_of_every_owner() -> None:
    """The flow dies on its way; two nodes have the destination's address, and only one of them has a way."""
    cut_off = replace(host("c", "10.0.0.2"), tables={"main": RouteTable(())})
    base = pair(to_a(), to_b(filter_out=firewall(allow(action=FilterAction.DENY))))
    third = fabric("third", [attached("c", "10.0.0.2/32")])
    network = Network.of([*base.nodes, cut_off, third], [*base.links, link("c/eth0", "third/c")])
    answer = trace(network, FLOW, "a")
    assert died(answer)[0] == "FIREWALL_RULE"
    reverse = trace_reverse(network, answer)
    assert reverse is not None
    assert reverse.verdict is Verdict.AMBIGUOUS
    assert (reverse.at, reverse.forward[0].node) == ("c", "c")
    nobody = trace(network, tcp("10.0.0.1", "10.0.0.77"), "a")
    assert trace_reverse(network, nobody) is None
