"""Proxies: two flows, and both have to come home."""

from dataclasses import replace

import pytest
from tests.trace.pair import FLOW, died, pair, to_a, to_b
from tests.trace.small import (
    A,
    allow,
    fabric,
    firewall,
    host,
    link,
    route,
    tcp,
)

from wayhome.network import (
    Evidence,
    FilterAction,
    Listener,
    Network,
    Protocol,
    RouteTable,
    Target,
    Verdict,
)
from wayhome.trace import Lost, trace


def test_a_proxy_needs_both_flows_to_come_home() -> None:
    upstream = Listener(
        protocol=Protocol.TCP,
        port=80,
        upstreams=(Target(A("10.0.0.1"), 9000),),
        evidence=Evidence("nginx"),
    )
    network = pair(to_a(), to_b(), listeners=(upstream,))
    answer = trace(network, FLOW, "a")
    assert answer.verdict is Verdict.REACHABLE
    step = answer.forward[2].steps[-1]
    assert (step.kind, step.evidence) == ("PROXY_CONNECTION", Evidence("nginx"))
    refused = pair(
        to_a(filter_out=firewall(allow(action=FilterAction.DENY))), to_b(), listeners=(upstream,)
    )
    assert died(trace(refused, FLOW, "a")) == ("FIREWALL_RULE", "fabric", Lost.FORWARD)
    assert (
        trace(network, tcp("10.0.0.1", "10.0.0.2", 81), "a").shown.result.packet.destination_port
        == 81
    )


def test_a_proxy_that_connects_to_itself_is_a_loop() -> None:
    itself = Listener(protocol=Protocol.TCP, port=80, upstreams=(Target(A("10.0.0.2")),))
    answer = trace(pair(to_a(), to_b(), listeners=(itself,)), FLOW, "a")
    assert died(answer) == ("ROUTING_LOOP", "b", Lost.FORWARD)


@pytest.mark.parametrize(
    ("protocol", "end"),
    [
        (Protocol.TCP, ("NO_ROUTE", "fabric", Lost.REPLY)),
        (Protocol.UDP, ("NO_ROUTE", "b", Lost.FORWARD)),
    ],
)
def test_a_proxy_answers_tcp_before_it_asks_and_udp_after(
    protocol: Protocol, end: tuple[str, str, Lost]
) -> None:
    """Neither the proxy's second flow nor any reply has a way. Seen in a kernel: the SYN-ACK is the first to be lost."""
    nowhere = Listener(protocol=protocol, port=80, upstreams=(Target(A("10.0.0.77")),))
    proxy = host("b", "10.0.0.2", listeners=(nowhere,))
    home = route("10.0.0.1/32", "eth0")
    proxy = replace(proxy, tables={"main": RouteTable((home,))})
    one_way = fabric("fabric", [to_a(), to_b()], route("10.0.0.2/32", "b"))
    network = Network.of(
        [host("a", "10.0.0.1"), proxy, one_way],
        [link("a/eth0", "fabric/a"), link("b/eth0", "fabric/b")],
    )
    assert died(trace(network, replace(FLOW, protocol=protocol), "a")) == end
