"""A large network in neutral form, the same each time: 100 peered fabrics with instances, and a Pod on each instance.

10,000 subnets, 100,000 routes, 200 peerings, and one firewall of 5,000 rules that every instance has, so that every
packet that meets one is held against all of them. Fewer fabrics are a part in proportion, the rules too. Rules are about all kinds of sources, and ports; the last of them
lets the flows pass that are asked about.
"""

import random
from collections.abc import Iterator

from wayhome.network import (
    Address,
    Ask,
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
    TranslationChain,
    TranslationRule,
)
from wayhome.policy import Settings, parse
from wayhome.prefixes import Family, Prefix

FABRICS, SUBNETS, STATICS, INSTANCES, RULES = 100, 100, 500, 10, 50
"""All but the first are for each fabric, which has a route for each of its subnets and its four neighbours'."""

_PEERING = frozenset({"peering"})
# The fabrics are 10.0.0.0/16 to 10.99.0.0/16; from 10.64.0.0 on they are masqueraded to.
_LIST = b"nonMasqueradeCIDRs: [172.16.0.0/12, 10.0.0.0/10]"
_NEIGHBOURS = (1, 2, -1, -2)
_MAIN = (RoutingRule(table="main"),)
_UNKNOWN = DeliverAttached(Drop("UNKNOWN_INTERNAL_ADDRESS"))


def build(fabrics: int = FABRICS) -> Network:
    """The network, without any of its indices shared with an earlier one."""
    return Network.of(_nodes(fabrics), _links(fabrics))


def flows(count: int, fabrics: int = FABRICS) -> Iterator[tuple[Flow, str]]:
    """Questions from random Pods to random instances of the same fabric and of its neighbours, with their nodes."""
    chance = random.Random(1)  # noqa: S311 (the same questions each time)
    for _ in range(count):
        fabric = chance.randrange(fabrics)
        instance = chance.randrange(INSTANCES)
        other = (fabric + chance.choice((0, *_NEIGHBOURS))) % fabrics
        target = _instance(other, chance.randrange(INSTANCES))
        yield Flow(_pod(fabric, instance), target, Protocol.TCP, 80), f"pod-{fabric}-{instance}"


def _subnet(fabric: int, subnet: int) -> Prefix:
    return Prefix(Family.IPV4, (10 << 24) + (fabric * 256 + subnet) * 256, 24)


def _instance(fabric: int, number: int) -> Address:
    return Address(Family.IPV4, _subnet(fabric, number).first + 10)


def _static(fabric: int, number: int) -> Prefix:
    return Prefix(Family.IPV4, (172 << 24) + (16 << 16) + (fabric * STATICS + number) * 16, 28)


def _pod(fabric: int, number: int) -> Address:
    return Address(Family.IPV4, _static(fabric, number).first + 1)


def _nodes(fabrics: int) -> Iterator[Node]:
    ingress, egress = _firewall(fabrics * RULES), Filter(stages=(), default=FilterAction.ALLOW)
    policy = parse(_LIST, Settings()).configuration
    if policy is None:
        raise ValueError(_LIST)
    rule = TranslationRule(action=Ask(policy.policy), evidence=Evidence("ConfigMap"))
    chains = (TranslationChain("IP-MASQ", (rule,)),)
    to_fabric = RouteTable.of([Route(Prefix(Family.IPV4, 0, 0), Forward("eth0"))])
    for fabric in range(fabrics):
        yield _fabric(fabric, fabrics, ingress, egress)
        for number in range(INSTANCES):
            pod = _pod(fabric, number)
            local = Route(_static(fabric, number), _UNKNOWN)
            yield Node(
                name=f"node-{fabric}-{number}",
                kind=NodeKind.INSTANCE,
                ports=(
                    Port(name="eth0", addresses=(_instance(fabric, number),)),
                    Port(name="pod", owns=(pod.prefix,)),
                ),
                rules=_MAIN,
                tables={"main": RouteTable.of([*to_fabric.routes, local])},
                forwards=True,
                translation_out=chains,
            )
            yield Node(
                name=f"pod-{fabric}-{number}",
                kind=NodeKind.POD,
                ports=(Port(name="eth0", addresses=(pod,)),),
                rules=_MAIN,
                tables={"main": to_fabric},
            )


def _fabric(fabric: int, fabrics: int, ingress: Filter, egress: Filter) -> Node:
    subnets = [_route(_subnet(fabric, number), "SUBNET") for number in range(SUBNETS)]
    statics = [
        _route(_static(fabric, number), "STATIC", f"node-{number % INSTANCES}")
        for number in range(STATICS)
    ]
    imported = [
        _route(_subnet((fabric + step) % fabrics, number), "PEERING_SUBNET", f"peering{step:+d}")
        for step in _NEIGHBOURS
        for number in range(SUBNETS)
    ]
    ports = [
        Port(
            name=f"node-{number}",
            owns=(_instance(fabric, number).prefix,),
            ingress_class=frozenset({"tag:gke"}),
            filter_in=egress,
            filter_out=ingress,
        )
        for number in range(INSTANCES)
    ]
    peerings = [Port(name=f"peering{step:+d}", ingress_class=_PEERING) for step in _NEIGHBOURS]
    nothing = Route(Prefix(Family.IPV4, 0, 0), Drop("NO_ROUTE"))
    return Node(
        name=f"fabric-{fabric}",
        kind=NodeKind.FABRIC,
        ports=(*ports, *peerings),
        rules=(RoutingRule(table="exported", ingress=_PEERING), *_MAIN),
        tables={
            "main": RouteTable.of([*subnets, *statics, *imported]),
            "exported": RouteTable.of([*subnets, nothing]),
        },
        forwards=True,
    )


def _route(prefix: Prefix, kind: str, port: str = "") -> Route:
    name = f"projects/p/global/routes/{kind.lower()}-{prefix.first:08x}"
    evidence = Evidence(name, "routes.json", f"/{prefix.first}")
    return Route(prefix, Forward(port) if port else _UNKNOWN, kind, evidence=evidence)


def _firewall(count: int) -> Filter:
    chance = random.Random(2)  # noqa: S311 (the same rules each time)
    rules = [_rule(chance, number) for number in range(count - 1)]
    everything = FilterRule(action=FilterAction.ALLOW, evidence=Evidence("firewalls/last"))
    return Filter(stages=((*rules, everything),))


def _rule(chance: random.Random, number: int) -> FilterRule:
    """None of them is about port 80, half are about sources that are asked about."""
    length = chance.choice((8, 12, 16, 20, 24, 28, 32))
    base = chance.choice((10 << 24, 172 << 24 | 16 << 16, 203 << 24)) | chance.getrandbits(20)
    source = Prefix(Family.IPV4, base >> 32 - length << 32 - length, length)
    port = chance.randrange(1024, 65000)
    return FilterRule(
        action=chance.choice((FilterAction.ALLOW, FilterAction.DENY)),
        sources=PrefixSet.of([source]),
        protocols=(ProtocolMatch(Protocol.TCP, ((port, port + chance.randrange(100)),)),),
        evidence=Evidence(
            f"projects/p/global/firewalls/rule-{number}", "firewall-rules.json", f"/{number}"
        ),
    )


def _links(fabrics: int) -> Iterator[Link]:
    for fabric in range(fabrics):
        for number in range(INSTANCES):
            node = f"node-{fabric}-{number}"
            yield Link(End(node, "eth0"), End(f"fabric-{fabric}", f"node-{number}"))
            yield Link(End(node, "pod"), End(f"pod-{fabric}-{number}", "eth0"))
        for step in (1, 2):
            peer = f"fabric-{(fabric + step) % fabrics}"
            yield Link(End(f"fabric-{fabric}", f"peering+{step}"), End(peer, f"peering-{step}"))
