"""Parts of small networks, written as briefly as they can be read."""

from collections.abc import Iterable

from wayhome.network import (
    Address,
    DeliverAttached,
    Drop,
    End,
    Evidence,
    Filter,
    FilterAction,
    FilterRule,
    Flow,
    Forward,
    Link,
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

A = Address.parse
P = Prefix.parse
S = PrefixSet.parse

UNKNOWN_INTERNAL = Drop("UNKNOWN_INTERNAL_ADDRESS")
MAIN = (RoutingRule(table="main"),)


def tcp(source: str, destination: str, port: int = 80) -> Flow:
    return Flow(A(source), A(destination), Protocol.TCP, port)


def link(one: str, other: str) -> Link:
    """`node/port` and `node/port`."""
    return Link(End(*one.split("/")), End(*other.split("/")))


def route(destination: str, port: str, *, kind: str = "STATIC", order: int = 0) -> Route:
    return Route(
        P(destination), Forward(port), kind, order, evidence=Evidence(f"{kind} {destination}")
    )


def subnet(destination: str) -> Route:
    action = DeliverAttached(UNKNOWN_INTERNAL)
    return Route(P(destination), action, "SUBNET", evidence=Evidence(f"SUBNET {destination}"))


def table(*routes: Route) -> dict[str, RouteTable]:
    return {"main": RouteTable(routes)}


def host(name: str, *addresses: str, kind: NodeKind = NodeKind.INSTANCE, **facts: object) -> Node:
    """A node with one port, `eth0`, to which everything goes."""
    port = Port(name="eth0", addresses=tuple(A(address) for address in addresses))
    return Node(
        name=name,
        kind=kind,
        ports=(port,),
        rules=MAIN,
        tables=table(route("0.0.0.0/0", "eth0")),
        **facts,  # type: ignore[arg-type]
    )


def attached(name: str, *owns: str, **facts: object) -> Port:
    """A fabric's port to an instance, which may use its own addresses only unless `facts` say otherwise."""
    facts.setdefault("permitted", S(*owns))
    return Port(name=name, owns=tuple(P(prefix) for prefix in owns), **facts)  # type: ignore[arg-type]


def fabric(name: str, ports: Iterable[Port], *routes: Route, **facts: object) -> Node:
    facts.setdefault("rules", MAIN)
    facts.setdefault("tables", table(*routes))
    return Node(name=name, kind=NodeKind.FABRIC, ports=tuple(ports), forwards=True, **facts)  # type: ignore[arg-type]


def allow(
    *sources: str, ports: tuple[int, ...] = (), action: FilterAction = FilterAction.ALLOW
) -> FilterRule:
    protocols = tuple(ProtocolMatch(Protocol.TCP, ((port, port),)) for port in ports) or None
    return FilterRule(
        action=action,
        sources=S(*sources) if sources else None,
        protocols=protocols,
        evidence=Evidence(f"{action} {', '.join(sources)}"),
    )


def firewall(*rules: FilterRule, **facts: object) -> Filter:
    return Filter(stages=(rules,), **facts)  # type: ignore[arg-type]
