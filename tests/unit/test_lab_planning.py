"""From exports to the plan of a lab: what is built, and what is said of it."""

from pathlib import Path

import pytest
from tests.trace.small import A, P

from wayhome.clouds.compile import compile_estate
from wayhome.clouds.estate import Estate
from wayhome.clouds.read import read_estate
from wayhome.lab import planning
from wayhome.lab.compiled import Asked
from wayhome.lab.cut import TooLargeError
from wayhome.lab.plan import Plan, answered
from wayhome.lab.planning import planned
from wayhome.network import (
    Choice,
    DestinationRule,
    End,
    Flow,
    Forward,
    Link,
    Listener,
    Network,
    Node,
    NodeKind,
    Port,
    Protocol,
    ProtocolMatch,
    Route,
    RouteTable,
    RoutingRule,
    Target,
)

THE_CASE = Path(__file__).parents[2] / "examples/the-case/exports"
NODE_02 = "projects/source-project/zones/asia-northeast1-a/instances/gke-node-02"


@pytest.fixture(scope="module")
def estate() -> Estate:
    return read_estate(THE_CASE)


def asked(network: Network, protocol: Protocol, port: int | None) -> Asked:
    (pod,) = network.owners(A("172.16.2.2"))
    return Asked(Flow(A("172.16.2.2"), A("10.2.0.1"), protocol, port), pod.name)


def plan_of(estate: Estate, tmp_path: Path, *flows: tuple[Protocol, int | None]) -> Plan:
    network = compile_estate(estate)
    return planned("title", estate, network, [asked(network, *flow) for flow in flows])(tmp_path)


def test_agents_run_where_the_exports_have_them_and_translate_alone(
    estate: Estate, tmp_path: Path
) -> None:
    plan = plan_of(estate, tmp_path)
    assert {agent.node.rpartition("/")[2] for agent in plan.agents} == {
        "gke-node-01",
        "gke-node-02",
    }
    assert plan.network.places[NODE_02].node.translation_out == ()
    assert plan.remarks == ()


def test_of_flows_there_is_what_they_touch_and_somebody_at_their_ports(
    estate: Estate, tmp_path: Path
) -> None:
    plan = plan_of(estate, tmp_path, (Protocol.UDP, 53), (Protocol.ICMP, None))
    assert [agent.node for agent in plan.agents] == [NODE_02]
    assert plan.names.find("my-pod") in plan.network.places
    assert (Protocol.UDP, 53) in plan.ports
    (remark,) = plan.remarks
    assert remark.startswith("6 of ")


def test_what_is_too_large_is_refused(
    estate: Estate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "MOST_NODES", 5)
    with pytest.raises(TooLargeError, match=r"^the network has \d+ nodes, and at most 5 are built"):
        plan_of(estate, tmp_path)
    with pytest.raises(TooLargeError, match=r"^the flows touch 6 nodes, and at most 5 are built"):
        plan_of(estate, tmp_path, (Protocol.TCP, 80))


def test_it_is_said_what_nobody_knows(estate: Estate, tmp_path: Path) -> None:
    """A kernel has one of the possibilities; whoever tries things there sees only that one."""
    choices = [
        Route(P(f"10.{number}.0.0/16"), Choice((Forward("p"), Forward("p")), f"fact {number}"))
        for number in range(5)
    ]
    nodes = [
        Node(
            name=name,
            kind=NodeKind.FABRIC,
            ports=(Port(name="p"),),
            rules=(RoutingRule(table="main"),),
            tables={"main": RouteTable.of(choices if name == "a" else [])},
        )
        for name in ("a", "b")
    ]
    network = Network.of(nodes, [Link(End("a", "p"), End("b", "p"))])
    plan = planned("title", Estate(), network)(tmp_path)
    assert plan.remarks == (
        "not known at a: fact 0; the first possibility is built",
        "not known at a: fact 1; the first possibility is built",
        "not known at a: fact 2; the first possibility is built",
        "and so in 2 more places",
    )


def test_somebody_answers_where_the_network_leads_flows() -> None:
    node = Node(
        name="a",
        kind=NodeKind.BALANCER,
        translation_in=(
            DestinationRule(action=(Target(A("10.0.0.1"), 8443),)),
            DestinationRule(
                action=(Target(A("10.0.0.1"), 5353),), protocols=(ProtocolMatch(Protocol.UDP),)
            ),
        ),
        listeners=(
            Listener(protocol=Protocol.TCP, port=443, upstreams=(Target(A("10.0.0.2"), 9000),)),
        ),
    )
    found = answered(Network.of([node], []), [(Protocol.TCP, 5432), (Protocol.ICMP, None)])
    assert found == {(Protocol.TCP, port) for port in (80, 23, 8443, 9000, 5432)} | {
        (Protocol.UDP, 5353)
    }
