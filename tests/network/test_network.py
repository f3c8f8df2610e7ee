"""A network that contradicts itself says all that is wrong with it; and whose an address is."""

from dataclasses import replace

import pytest
from tests.trace.small import A, P, attached, fabric, host, link, route, subnet

from wayhome.network import (
    Choice,
    DestinationRule,
    Drop,
    Either,
    Filter,
    FilterAction,
    Flow,
    Forward,
    Link,
    Listener,
    Masquerade,
    Missing,
    Network,
    NetworkError,
    Node,
    NodeKind,
    Port,
    Protocol,
    ProtocolMatch,
    Route,
    RouteTable,
    RoutingRule,
    Target,
    TranslationChain,
    TranslationRule,
)

FABRIC = fabric("fabric", [attached("a", "10.0.0.1/32")], subnet("10.0.0.0/24"))
A_NODE = host("a", "10.0.0.1")
LINK = link("a/eth0", "fabric/a")


def problems(*nodes: Node, links: tuple[Link, ...] = (LINK,)) -> tuple[str, ...]:
    with pytest.raises(NetworkError) as caught:
        Network.of(nodes, links)
    return caught.value.problems


def masquerading(rule: TranslationRule) -> Node:
    return replace(FABRIC, translation_out=(TranslationChain("chain", (rule,)),))


def test_a_network_without_contradictions() -> None:
    network = Network.of([A_NODE, FABRIC], [LINK])
    assert network.places["a"].peers["eth0"] == ("fabric", "a")


@pytest.mark.parametrize(
    ("nodes", "links", "problem"),
    [
        ((A_NODE, A_NODE, FABRIC), (LINK,), "2 nodes are called a"),
        (
            (A_NODE, replace(FABRIC, ports=FABRIC.ports * 2)),
            (LINK,),
            "2 ports of fabric are called a",
        ),
        ((A_NODE, FABRIC), (LINK, LINK), "port a of fabric has 2 links; a port has one"),
        ((A_NODE,), (LINK,), "a link ends at port a of fabric, which does not exist"),
        (
            (A_NODE, FABRIC),
            (),
            "port eth0 of a has no link; join it to an opaque node if what is behind it is not known",
        ),
        (
            (A_NODE, replace(FABRIC, tables={"main": RouteTable((route("0.0.0.0/0", "b"),))})),
            (LINK,),
            "a route in table main of fabric leaves by b: no such port",
        ),
        (
            (
                A_NODE,
                replace(
                    FABRIC,
                    tables={
                        "main": RouteTable(
                            (Route(P("0.0.0.0/0"), Choice((Forward("a"), Forward("c")), "?")),)
                        )
                    },
                ),
            ),
            (LINK,),
            "a route in table main of fabric leaves by c: no such port",
        ),
        (
            (A_NODE, replace(FABRIC, rules=(RoutingRule(table="other"),))),
            (LINK,),
            "a routing rule of fabric names table other, which does not exist",
        ),
        (
            (A_NODE, masquerading(TranslationRule(action=Masquerade()))),
            (LINK,),
            "fabric masquerades and has no address to do it with",
        ),
        (
            (
                A_NODE,
                masquerading(
                    TranslationRule(action=Either((Masquerade(),), Missing("fact", "command")))
                ),
            ),
            (LINK,),
            "fabric masquerades and has no address to do it with",
        ),
        (
            (
                A_NODE,
                replace(
                    FABRIC,
                    translation_in=(
                        DestinationRule(action=Drop("GONE"), in_ports=frozenset({"x"})),
                    ),
                ),
            ),
            (LINK,),
            "a translation of fabric is about port x, which does not exist",
        ),
        (
            (
                replace(
                    A_NODE,
                    listeners=(
                        Listener(
                            protocol=Protocol.TCP, port=80, upstreams=(Target(A("10.0.0.1")),)
                        ),
                    )
                    * 2,
                ),
                FABRIC,
            ),
            (LINK,),
            "2 listeners of a are at tcp 80",
        ),
    ],
)
def test_every_contradiction_is_named(
    nodes: tuple[Node, ...], links: tuple[Link, ...], problem: str
) -> None:
    assert problem in problems(*nodes, links=links)


def test_all_contradictions_are_collected() -> None:
    broken = replace(FABRIC, rules=(RoutingRule(table="x"), RoutingRule(table="y")))
    assert len(problems(A_NODE, broken, links=())) == 4


def test_the_owner_of_an_address_is_who_has_it_and_else_who_owns_its_prefix() -> None:
    site = Node(name="site", kind=NodeKind.SITE, local=(P("10.0.0.0/16"),))
    part = Node(name="part", kind=NodeKind.SITE, local=(P("10.0.1.0/24"),))
    other = host("other", "10.0.0.1")
    behind = fabric("behind", [attached("other", "10.0.0.1/32")])
    network = Network.of(
        [A_NODE, FABRIC, site, part, other, behind], [LINK, link("other/eth0", "behind/other")]
    )

    def owners(address: str) -> list[str]:
        return [node.name for node in network.owners(A(address))]

    assert owners("10.0.0.1") == ["a", "other"]
    assert owners("10.0.1.1") == ["part"]
    assert owners("10.0.2.1") == ["site"]
    assert owners("10.1.0.1") == []
    assert owners("fd00::1") == []


@pytest.mark.parametrize(
    ("source", "destination", "protocol", "port", "message"),
    [
        ("10.0.0.1", "fd00::1", Protocol.TCP, 80, "10.0.0.1 and fd00::1 are of different families"),
        ("10.0.0.1", "10.0.0.2", Protocol.TCP, None, "a flow of tcp needs a port"),
        ("10.0.0.1", "10.0.0.2", Protocol.ICMP, 80, "ICMP has no ports; leave the port out"),
        ("10.0.0.1", "10.0.0.2", Protocol.UDP, 65536, "65536 is not a port"),
        ("10.0.0.1", "10.0.0.2", Protocol.UDP, 0, "0 is not a port"),
    ],
)
def test_a_flow_that_cannot_be(
    source: str, destination: str, protocol: Protocol, port: int | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Flow(A(source), A(destination), protocol, port)


def test_a_flow_as_text() -> None:
    assert str(Flow(A("10.0.0.1"), A("10.0.0.2"), Protocol.TCP, 80)) == "10.0.0.1 > 10.0.0.2:80 tcp"
    assert str(Flow(A("fd00::1"), A("fd00::2"), Protocol.UDP, 53)) == "fd00::1 > [fd00::2]:53 udp"
    assert str(Flow(A("10.0.0.1"), A("10.0.0.2"), Protocol.ICMP)) == "10.0.0.1 > 10.0.0.2 icmp"


def test_parts_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="ports belong to tcp or udp"):
        ProtocolMatch(Protocol.ICMP, ((1, 2),))
    with pytest.raises(ValueError, match="2-1 is not a range of ports"):
        ProtocolMatch(Protocol.TCP, ((2, 1),))
    with pytest.raises(ValueError, match="the default allows or denies"):
        Filter(stages=(), default=FilterAction.GOTO_NEXT)
    with pytest.raises(ValueError, match="a choice without alternatives: which"):
        Choice((), "which")
    with pytest.raises(ValueError, match="no target"):
        DestinationRule(action=())
    with pytest.raises(ValueError, match="a proxy listens on tcp or udp"):
        Listener(protocol=Protocol.ICMP, port=1, upstreams=(Target(A("10.0.0.1")),))
    with pytest.raises(ValueError, match="the listener on 80 has no upstream"):
        Listener(protocol=Protocol.TCP, port=80, upstreams=())


def test_a_port_that_tracks() -> None:
    stateful, stateless = Filter(stages=()), Filter(stages=(), stateful=False)
    assert Port(name="p", filter_in=stateful).tracks
    assert Port(name="p", filter_in=stateless, filter_out=stateful).tracks
    assert not Port(name="p", filter_out=stateless).tracks
    assert not Port(name="p").tracks
