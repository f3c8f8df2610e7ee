"""What happens at any node: who may send and receive by a port, what is its own, which routes are for whom."""

from dataclasses import replace

import pytest
from tests.trace.pair import FLOW, died, pair, to_a, to_b
from tests.trace.small import (
    UNKNOWN_INTERNAL,
    A,
    P,
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
    DeliverAttached,
    Drop,
    Evidence,
    Network,
    Port,
    Route,
    To,
    TranslationChain,
    TranslationRule,
    Verdict,
)
from wayhome.trace import Lost, trace
from wayhome.trace.walk import LIFE


def test_a_source_that_is_not_the_instance_s_own_is_dropped_where_it_enters() -> None:
    answer = trace(pair(to_a(), to_b()), tcp("10.0.0.9", "10.0.0.2"), "a")
    assert died(answer) == ("FOREIGN_IP_DISALLOWED", "fabric", Lost.FORWARD)
    free = trace(pair(to_a(permitted=None), to_b()), tcp("10.0.0.9", "10.0.0.2"), "a")
    assert died(free) == ("UNKNOWN_INTERNAL_ADDRESS", "fabric", Lost.REPLY)


def test_a_destination_that_is_not_the_instance_s_own_is_dropped_before_it_leaves() -> None:
    port = to_b(permitted=S("10.0.0.3/32"), spoofed="ENI_SOURCE_DEST_CHECK_RESTRICTION")
    answer = trace(pair(to_a(), port), FLOW, "a")
    assert died(answer) == ("ENI_SOURCE_DEST_CHECK_RESTRICTION", "fabric", Lost.FORWARD)


def test_an_instance_that_does_not_forward_drops_what_is_not_its_own() -> None:
    nodes = [
        host("a", "10.0.0.1"),
        host("b", "10.0.0.2"),
        fabric(
            "fabric",
            [to_a(), to_b(permitted=None)],
            route("10.7.0.0/16", "b"),
            subnet("10.0.0.0/24"),
        ),
    ]
    network = Network.of(nodes, [link("a/eth0", "fabric/a"), link("b/eth0", "fabric/b")])
    assert died(trace(network, tcp("10.0.0.1", "10.7.0.1"), "a"))[1:] == ("b", Lost.FORWARD)


def test_what_does_not_run_drops_everything_and_sends_nothing() -> None:
    down = Drop("INSTANCE_NOT_RUNNING", "TERMINATED", Evidence("instances/b"))
    network = pair(to_a(), to_b(), not_running=down)
    assert died(trace(network, FLOW, "a")) == ("INSTANCE_NOT_RUNNING", "b", Lost.FORWARD)
    assert trace(network, FLOW, "a").forward[-1].steps[-1].evidence == Evidence("instances/b")
    assert died(trace(network, tcp("10.0.0.2", "10.0.0.1"), "b"))[1] == "b"


def test_a_node_s_own_addresses_never_leave_it() -> None:
    answer = trace(pair(to_a(), to_b()), tcp("10.0.0.1", "10.0.0.1"), "a")
    assert answer.verdict is Verdict.REACHABLE
    assert [hop.node for hop in (*answer.forward, *answer.reply)] == ["a", "a"]


def test_a_route_in_a_circle_is_a_loop_and_ends() -> None:
    nodes = [
        host("a", "10.0.0.1"),
        fabric("one", [attached("a", "10.0.0.1/32"), Port(name="two")], route("0.0.0.0/0", "two")),
        fabric("two", [Port(name="one")], route("0.0.0.0/0", "one")),
    ]
    network = Network.of(nodes, [link("a/eth0", "one/a"), link("one/two", "two/one")])
    answer = trace(network, FLOW, "a")
    assert died(answer) == ("ROUTING_LOOP", "two", Lost.FORWARD)
    assert [hop.node for hop in answer.forward] == ["a", "one", "two", "one", "two"]


def test_a_circle_through_translating_nodes_ends_too() -> None:
    """Each of the two translates what comes by, to an address of its own, for as long as the packet lives."""
    nodes = [
        host("a", "10.0.0.1"),
        fabric("one", [attached("a", "10.0.0.1/32"), Port(name="two")], route("0.0.0.0/0", "two")),
        fabric("two", [Port(name="one")], route("0.0.0.0/0", "one")),
    ]
    for number, other in ((1, "two"), (2, "one")):
        to = TranslationRule(action=To(A(f"203.0.113.{number}")), out_ports=frozenset({other}))
        nodes[number] = replace(nodes[number], translation_out=(TranslationChain("to", (to,)),))
    network = Network.of(nodes, [link("a/eth0", "one/a"), link("one/two", "two/one")])
    answer = trace(network, FLOW, "a")
    assert answer.drop is not None
    assert answer.drop.cause == "ROUTING_LOOP"
    assert len(answer.forward) <= LIFE + 1


def test_routes_may_apply_to_some_ingress_classes_only() -> None:
    tagged = Route(
        P("0.0.0.0/0"), Drop("ROUTE_BLACKHOLE"), classes=frozenset({"tag:web", "tag:db"})
    )
    shadowed = Route(P("10.0.0.2/32"), Drop("NEVER"), classes=frozenset({"tag:other"}))
    ordinary = Route(P("0.0.0.0/0"), DeliverAttached(UNKNOWN_INTERNAL), order=1)
    for ingress, verdict in (("tag:web", Verdict.UNREACHABLE), ("tag:none", Verdict.REACHABLE)):
        ports = [to_a(ingress_class=frozenset({ingress, "region:x"})), to_b()]
        nodes = [
            host("a", "10.0.0.1"),
            host("b", "10.0.0.2"),
            fabric("fabric", ports, tagged, shadowed, ordinary),
        ]
        network = Network.of(nodes, [link("a/eth0", "fabric/a"), link("b/eth0", "fabric/b")])
        assert trace(network, FLOW, "a").verdict is verdict


def test_assumptions_of_the_nodes_that_were_met_stand_in_the_trace() -> None:
    network = pair(to_a(), to_b(), assumptions=("the guest listens on port 80",))
    assert trace(network, FLOW, "a").assumptions == ("the guest listens on port 80",)
    assert trace(network, tcp("10.0.0.1", "10.0.0.9"), "a").assumptions == ()


def test_a_node_that_is_not_there() -> None:
    with pytest.raises(KeyError, match="nowhere"):
        trace(pair(to_a(), to_b()), FLOW, "nowhere")
