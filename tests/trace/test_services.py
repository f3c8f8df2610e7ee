"""Translation of destinations on the way into a node: a Service and its endpoints."""

from dataclasses import replace

from tests.trace.gateway import rule, service
from tests.trace.pair import died
from tests.trace.small import (
    A,
    P,
    tcp,
)

from wayhome.network import (
    Drop,
    Masquerade,
    Network,
    Route,
    RouteTable,
    RoutingRule,
    Target,
    TranslationChain,
    Verdict,
)
from wayhome.trace import Lost, trace, trace_reverse


def test_a_service_leads_to_its_endpoints_and_the_reply_comes_from_the_service() -> None:
    network = service(Target(A("10.0.0.2"), 8080))
    answer = trace(network, tcp("192.168.0.1", "10.0.0.100"), "a")
    assert answer.verdict is Verdict.REACHABLE
    assert (answer.shown.result.delivered_to, answer.shown.result.packet.destination_port) == (
        "b",
        8080,
    )
    reverse = trace_reverse(network, answer)
    assert reverse is not None
    assert str(reverse.flow.source) == "10.0.0.2"


def test_of_several_endpoints_a_dead_one_makes_it_ambiguous() -> None:
    network = service(Target(A("10.0.0.2")), Target(A("10.0.0.99")))
    answer = trace(network, tcp("192.168.0.1", "10.0.0.100"), "a")
    assert (answer.verdict, str(answer.shown.taken[0])) == (Verdict.AMBIGUOUS, "10.0.0.99")


def test_a_service_of_a_thousand_endpoints_is_asked_about_all_of_them() -> None:
    network = service(*(Target(A("10.0.0.2"), 8000 + number) for number in range(1000)))
    answer = trace(network, tcp("192.168.0.1", "10.0.0.100"), "a")
    assert (answer.verdict, len(answer.ways)) == (Verdict.REACHABLE, 1000)


def test_a_service_without_endpoints_drops() -> None:
    answer = trace(service(), tcp("192.168.0.1", "10.0.0.100"), "a")
    assert died(answer) == ("DROPPED_INSIDE_GKE_SERVICE", "gateway", Lost.FORWARD)


def test_a_mark_is_seen_by_rules_of_routing_and_translation() -> None:
    network = service(Target(A("10.0.0.2")), mark=0x4000)
    marked = (rule(Masquerade(), mark=0x4000),)
    chains = (TranslationChain("kube-proxy", marked),)
    special = RoutingRule(table="marked", mark=0x4000)
    nodes = [
        replace(
            n,
            translation_out=chains,
            rules=(special, *n.rules),
            tables={**n.tables, "marked": RouteTable((Route(P("10.0.0.2/32"), Drop("MARKED")),))},
        )
        if n.name == "gateway"
        else n
        for n in network.nodes
    ]
    flow = tcp("192.168.0.1", "10.0.0.100")
    assert died(trace(Network.of(nodes, network.links), flow, "a"))[0] == "MARKED"
    unruled = [replace(n, rules=n.rules[1:]) if n.name == "gateway" else n for n in nodes]
    assert trace(Network.of(unruled, network.links), flow, "a").verdict is Verdict.REACHABLE
    plain = tcp("192.168.0.1", "10.0.0.2")
    assert died(trace(Network.of(unruled, network.links), plain, "a"))[0] == "FOREIGN_IP_DISALLOWED"
