"""A network of fabrics that are peered with each other, and of hosts behind them, for a lab."""

from collections.abc import Iterator

from wayhome.network import (
    Address,
    DeliverAttached,
    Drop,
    End,
    Filter,
    FilterAction,
    FilterRule,
    Flow,
    Forward,
    Link,
    Network,
    Node,
    NodeKind,
    Port,
    PrefixSet,
    Protocol,
    ProtocolMatch,
    Route,
    RouteTable,
    RoutingRule,
)
from wayhome.prefixes import Prefix

FABRICS = 4
_MAIN = (RoutingRule(table="main"),)
_WEB = FilterRule(
    action=FilterAction.ALLOW,
    sources=PrefixSet.parse("10.0.0.0/8"),
    protocols=(ProtocolMatch(Protocol.TCP, ((80, 80),)),),
)


def lab_network(nodes: int) -> Network:
    """So many nodes: each host has a stateful firewall, and may send from its own address only."""
    hosts = (nodes - FABRICS) // FABRICS
    return Network.of(list(_nodes(hosts)), list(_links(hosts)))


def flows(network: Network, count: int) -> Iterator[tuple[Flow, str]]:
    """So many, from each host in turn to some other one, and who opens it; all are answered."""
    found = [node for node in network.nodes if node.kind is NodeKind.INSTANCE]
    for number in range(count):
        source = found[number % len(found)]
        destination = found[(number * 7 + 1) % len(found)]
        yield Flow(source.addresses[0], destination.addresses[0], Protocol.TCP, 80), source.name


def _address(fabric: int, host: int) -> Address:
    return Address.parse(f"10.{fabric}.{host // 250}.{host % 250 + 1}")


def _nodes(hosts: int) -> Iterator[Node]:
    for fabric in range(FABRICS):
        yield _fabric(fabric, hosts)
        for host in range(hosts):
            everything = Route(Prefix.parse("0.0.0.0/0"), Forward("eth0"))
            yield Node(
                name=f"host-{fabric}-{host}",
                kind=NodeKind.INSTANCE,
                ports=(Port(name="eth0", addresses=(_address(fabric, host),)),),
                rules=_MAIN,
                tables={"main": RouteTable((everything,))},
            )


def _fabric(number: int, hosts: int) -> Node:
    firewall = Filter(stages=((_WEB,),))
    ports = []
    for host in range(hosts):
        own = _address(number, host).prefix
        ports.append(
            Port(name=f"to-{host}", owns=(own,), permitted=PrefixSet((own,)), filter_out=firewall)
        )
    routes = [Route(Prefix.parse(f"10.{number}.0.0/16"), DeliverAttached(Drop("UNKNOWN")))]
    for other in range(FABRICS):
        if other != number:
            ports.append(Port(name=f"peering-{other}"))
            routes.append(Route(Prefix.parse(f"10.{other}.0.0/16"), Forward(f"peering-{other}")))
    return Node(
        name=f"fabric-{number}",
        kind=NodeKind.FABRIC,
        ports=tuple(ports),
        rules=_MAIN,
        tables={"main": RouteTable.of(routes)},
        forwards=True,
    )


def _links(hosts: int) -> Iterator[Link]:
    for fabric in range(FABRICS):
        for host in range(hosts):
            yield Link(End(f"host-{fabric}-{host}", "eth0"), End(f"fabric-{fabric}", f"to-{host}"))
        for other in range(fabric):
            yield Link(
                End(f"fabric-{fabric}", f"peering-{other}"),
                End(f"fabric-{other}", f"peering-{fabric}"),
            )
