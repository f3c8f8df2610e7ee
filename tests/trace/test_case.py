"""The case and each of its repairs, in neutral form."""

from dataclasses import replace

import pytest
from tests.trace.case import ACCOUNT, Case
from tests.trace.small import allow, firewall, route, tcp

from wayhome.network import Drop, Flow, Listener, Network, Protocol, RouteTable, Target, Verdict
from wayhome.trace import Lost, Trace, trace, trace_reverse

MASQUERADE = Case(configuration=ACCOUNT)
EXCHANGE = Case(exports=True, imports=True)
POD_TO_TARGET = tcp("172.16.2.2", "10.2.0.1")


def ask(case: Case, flow: Flow = POD_TO_TARGET, at: str = "my-pod") -> Trace:
    return trace(case.network(), flow, at)


def kinds(answer: Trace) -> list[str]:
    return [step.kind for hop in (*answer.forward, *answer.reply) for step in hop.steps]


def detail(answer: Trace, kind: str) -> str:
    return next(s.detail for hop in answer.forward for s in hop.steps if s.kind == kind)


@pytest.mark.parametrize("protocol", list(Protocol))
def test_the_reply_dies_in_the_destination_vpc(protocol: Protocol) -> None:
    port = None if protocol is Protocol.ICMP else 80
    flow = Flow(POD_TO_TARGET.source, POD_TO_TARGET.destination, protocol, port)
    answer = ask(Case(), flow)
    assert answer.verdict is Verdict.UNREACHABLE
    assert answer.lost is Lost.REPLY
    assert answer.drop is not None
    assert answer.drop.cause == "NO_ROUTE"
    assert [hop.node for hop in answer.forward] == [
        "my-pod",
        "gke-node-02",
        "source-vpc",
        "destination-vpc",
        "target-gce-01",
    ]
    assert [hop.node for hop in answer.reply] == ["target-gce-01", "destination-vpc"]
    assert answer.reply[-1].steps[-1].kind == "DROP"


def test_why_the_pod_keeps_its_address() -> None:
    assert detail(ask(Case()), "SKIP_GKE_POD_IP_MASQUERADING") == (
        "DESTINATION_IP_IN_CONFIGURED_NON_MASQUERADE_RANGE: 10.0.0.0/8, line 1"
    )
    default = ask(Case(configuration="masqLinkLocal: false"))
    assert detail(default, "SKIP_GKE_POD_IP_MASQUERADING") == (
        "DESTINATION_IP_IN_DEFAULT_NON_MASQUERADE_RANGE: 10.0.0.0/8, default of nonMasqueradeCIDRs"
    )


@pytest.mark.parametrize(
    ("source", "at", "destination"),
    [
        ("172.16.2.2", "my-pod", "10.1.0.4"),
        ("10.1.0.4", "test-gce-01", "10.2.0.1"),
        ("10.1.0.3", "gke-node-02", "10.2.0.1"),
        ("172.16.2.2", "my-pod", "172.16.1.2"),
        ("172.16.2.2", "my-pod", "10.1.0.3"),
        ("10.1.0.3", "gke-node-02", "172.16.2.2"),
    ],
)
def test_every_leg_works_alone(source: str, at: str, destination: str) -> None:
    assert ask(Case(), tcp(source, destination), at).verdict is Verdict.REACHABLE


def test_masquerade_opens_one_direction() -> None:
    answer = ask(MASQUERADE)
    assert answer.verdict is Verdict.REACHABLE
    assert detail(answer, "NAT") == (
        "GKE_POD_IP_MASQUERADING: 172.16.2.2 > 10.2.0.1 becomes 10.1.0.3 > 10.2.0.1"
    )
    assert answer.reply[-1].steps[-1].detail == "172.16.2.2"
    reverse = trace_reverse(MASQUERADE.network(), answer)
    assert reverse is not None
    assert (reverse.verdict, reverse.lost, reverse.at) == (
        Verdict.UNREACHABLE,
        Lost.FORWARD,
        "target-gce-01",
    )
    assert str(reverse.flow) == "10.2.0.1 > 172.16.2.2:80 tcp"


def test_exchanged_routes_open_both() -> None:
    answer = ask(EXCHANGE)
    assert answer.verdict is Verdict.REACHABLE
    assert answer.shown.result.packet.source == POD_TO_TARGET.source
    reverse = trace_reverse(EXCHANGE.network(), answer)
    assert reverse is not None
    assert reverse.verdict is Verdict.REACHABLE


@pytest.mark.parametrize("case", [Case(exports=True), Case(imports=True)])
def test_one_flag_alone_does_nothing(case: Case) -> None:
    answer = ask(case)
    assert (answer.verdict, answer.lost) == (Verdict.UNREACHABLE, Lost.REPLY)


def test_the_second_failure_behind_the_first() -> None:
    nodes_only = firewall(allow("10.1.0.0/16"))
    answer = ask(replace(EXCHANGE, into_target=nodes_only))
    assert answer.drop is not None
    assert (answer.drop.cause, answer.lost) == ("FIREWALL_RULE", Lost.FORWARD)
    assert ask(replace(MASQUERADE, into_target=nodes_only)).verdict is Verdict.REACHABLE


def proxied(case: Case, node: str) -> Network:
    """nginx on a node, in front of the target."""
    network = case.network()
    upstream = Target(POD_TO_TARGET.destination, 80)
    listener = Listener(protocol=Protocol.TCP, port=8080, upstreams=(upstream,))
    nodes = [replace(n, listeners=(listener,)) if n.name == node else n for n in network.nodes]
    return Network.of(nodes, network.links)


def test_a_proxy_on_an_instance_works() -> None:
    network = proxied(Case(), "test-gce-01")
    answer = trace(network, tcp("172.16.2.2", "10.1.0.4", 8080), "my-pod")
    assert answer.verdict is Verdict.REACHABLE
    assert answer.shown.result.delivered_to == "target-gce-01"
    assert str(answer.shown.result.packet.source) == "10.1.0.4"
    assert "PROXY_CONNECTION" in kinds(answer)
    # The proxy's own flow is answered first.
    assert answer.reply[0].node == "target-gce-01"
    assert answer.reply[-1].node == "my-pod"


def test_a_proxy_as_a_pod_has_the_same_problem() -> None:
    network = proxied(Case(), "other-pod")
    answer = trace(network, tcp("172.16.2.2", "172.16.1.2", 8080), "my-pod")
    assert (answer.verdict, answer.lost) == (Verdict.UNREACHABLE, Lost.REPLY)
    assert answer.reply[-1].node == "destination-vpc"


def test_peering_is_not_transitive() -> None:
    """What comes by a peering meets what is exported, and never what its network knows besides."""
    network = EXCHANGE.network()
    beyond = {
        "source-vpc": route("10.9.0.0/16", "test"),
        "destination-vpc": route("10.9.0.0/16", "peering"),
    }
    nodes = [
        replace(
            node,
            tables={
                **node.tables,
                "main": RouteTable.of((*node.tables["main"].routes, beyond[node.name])),
            },
        )
        if node.name in beyond
        else node
        for node in network.nodes
    ]
    answer = trace(Network.of(nodes, network.links), tcp("10.2.0.1", "10.9.0.1"), "target-gce-01")
    assert answer.drop == Drop("NO_ROUTE")
    assert answer.forward[-1].node == "source-vpc"
