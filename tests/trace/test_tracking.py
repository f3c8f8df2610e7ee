"""What a node that translates remembers, and what becomes of replies that pass by it."""

from dataclasses import replace

import pytest
from tests.trace.pair import died, pair, to_a, to_b
from tests.trace.small import (
    A,
    S,
    attached,
    fabric,
    host,
    link,
    route,
    subnet,
    tcp,
)

from wayhome.network import (
    DestinationRule,
    Flow,
    Network,
    Port,
    Protocol,
    RouteTable,
    RoutingRule,
    Target,
    To,
    TranslationChain,
    TranslationRule,
    Verdict,
)
from wayhome.trace import Lost, trace

VIRTUAL = DestinationRule(action=(Target(A("10.0.0.2")),), destinations=S("10.0.0.100/32"))


def test_what_a_node_translates_for_itself_is_undone_before_its_socket_sees_it() -> None:
    network = pair(to_a(), to_b())
    translating = replace(network.places["a"].node, translation_in=(VIRTUAL,))
    nodes = [translating, *network.nodes[1:]]
    answer = trace(Network.of(nodes, network.links), tcp("10.0.0.1", "10.0.0.100"), "a")
    assert answer.verdict is Verdict.REACHABLE
    assert answer.shown.result.delivered_to == "b"


def test_a_reply_that_passes_by_the_node_that_translated_is_not_expected() -> None:
    """`a` turns to a virtual address, `middle` sends it on to `b`, and `b` answers `a` directly."""
    nodes = [
        host("a", "10.0.0.1"),
        host("b", "10.0.0.2"),
        host("middle", "10.0.0.7", forwards=True, translation_in=(VIRTUAL,)),
        fabric(
            "fabric",
            [to_a(), to_b(), attached("middle", "10.0.0.7/32", permitted=None)],
            subnet("10.0.0.0/24"),
            route("10.0.0.100/32", "middle"),
        ),
    ]
    network = Network.of(nodes, [link(f"{n.name}/eth0", f"fabric/{n.name}") for n in nodes[:3]])
    answer = trace(network, tcp("10.0.0.1", "10.0.0.100"), "a")
    assert died(answer) == ("REPLY_NOT_EXPECTED", "a", Lost.REPLY)
    assert answer.drop is not None
    assert answer.drop.detail == "a gets 10.0.0.2 > 10.0.0.1; a waits for 10.0.0.100 > 10.0.0.1"


def test_a_connection_that_passes_a_node_twice_is_translated_once() -> None:
    """As in a kernel: `edge` sends it to `middle`, which sends it back; only the first passage asks the rules."""
    edge = fabric(
        "edge",
        [
            attached("a", "10.0.0.1/32"),
            attached("b", "10.0.0.2/32"),
            Port(name="middle", ingress_class=frozenset({"middle"})),
        ],
        translation_in=(replace(VIRTUAL, in_ports=frozenset({"middle"})),),
        rules=(
            RoutingRule(table="behind", ingress=frozenset({"middle"})),
            RoutingRule(table="main"),
        ),
        tables={
            "behind": RouteTable((subnet("10.0.0.0/24"),)),
            "main": RouteTable((subnet("10.0.0.0/24"), route("10.0.0.100/32", "middle"))),
        },
    )
    middle = replace(host("middle", "10.0.0.7"), forwards=True)
    network = Network.of(
        [host("a", "10.0.0.1"), host("b", "10.0.0.2"), edge, middle],
        [link(f"{name}/eth0", f"edge/{name}") for name in ("a", "b", "middle")],
    )
    answer = trace(network, tcp("10.0.0.1", "10.0.0.100"), "a")
    assert died(answer) == ("UNKNOWN_INTERNAL_ADDRESS", "edge", Lost.FORWARD)


@pytest.mark.parametrize(
    ("protocol", "translated"),
    [(Protocol.TCP, False), (Protocol.ICMP, False), (Protocol.UDP, True)],
)
def test_a_reply_that_says_so_is_no_new_flow_to_a_node_that_never_saw_the_flow(
    protocol: Protocol,
    translated: bool,
) -> None:
    """The way back leads through a node that masquerades, and the way out does not."""
    masquerades = TranslationRule(action=To(A("10.9.9.9")))
    back = fabric(
        "back", [Port(name="b"), Port(name="a")], route("10.0.0.1/32", "a"),
        translation_out=(TranslationChain("nat", (masquerades,)),),
    )  # fmt: skip
    a, b = host("a", "10.0.0.1"), host("b", "10.0.0.2")
    a = replace(a, ports=(*a.ports, Port(name="eth1")))
    b = replace(
        b,
        ports=(*b.ports, Port(name="eth1")),
        tables={"main": RouteTable((route("10.0.0.1/32", "eth1"),))},
    )
    out = fabric("out", [Port(name="a"), Port(name="b")], route("10.0.0.2/32", "b"))
    links = ("a/eth0 out/a", "b/eth0 out/b", "b/eth1 back/b", "a/eth1 back/a")
    network = Network.of([a, b, out, back], [link(*ends.split()) for ends in links])
    port = None if protocol is Protocol.ICMP else 80
    answer = trace(network, Flow(A("10.0.0.1"), A("10.0.0.2"), protocol, port), "a")
    steps = [step.detail for hop in answer.reply for step in hop.steps if step.kind == "NAT"]
    came_from_elsewhere = answer.verdict is Verdict.UNREACHABLE
    assert (bool(steps), came_from_elsewhere) == (translated, translated)
