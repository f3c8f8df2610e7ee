"""Random small networks for hypothesis: a sound one, in which every address is routed, and then things done to it.

Up to three oddities are done to a network at all its nodes, and they are anything that the model can say: routes that lead elsewhere, drop, are a choice or opaque; rules; filters
of several stages, stateful or not, with conditions that nobody knows; anti-spoofing; translation both ways; proxies.
Routes are about what is asked about. Names are numbers: node `n2`, its port `to0` towards `n0`, its addresses 10.2.0.1 and 10.2.0.2.
"""

from collections import deque
from dataclasses import dataclass
from typing import TypeVar

from hypothesis import strategies as st
from tests.trace.case import policy
from tests.trace.small import UNKNOWN_INTERNAL, A, P

from wayhome.network import (
    Action,
    Address,
    Ask,
    Choice,
    DeliverAttached,
    DestinationRule,
    Drop,
    Either,
    End,
    Evidence,
    FallThrough,
    Filter,
    FilterAction,
    FilterRule,
    Flow,
    Forward,
    Keep,
    Link,
    Listener,
    Masquerade,
    Missing,
    Network,
    Node,
    NodeKind,
    Opaque,
    Port,
    PrefixSet,
    Protocol,
    ProtocolMatch,
    Route,
    RouteTable,
    RoutingRule,
    Target,
    To,
    TranslationAction,
    TranslationChain,
    TranslationRule,
)
from wayhome.prefixes import Prefix

Thing = TypeVar("Thing")

MOST_NODES = 5
ODDITIES = ["routes", "rules", "filters", "sources", "destinations", "proxies", "ends"]
ADDRESSES = [A(f"10.{node}.0.{host}") for node in range(MOST_NODES) for host in (1, 2)]
PREFIXES = (
    [P("0.0.0.0/0"), P("10.0.0.0/8"), P("10.0.0.0/15"), P("10.2.0.0/15")]
    + [P(f"10.{node}.0.0/{length}") for node in range(MOST_NODES) for length in (16, 24)]
    + [address.prefix for address in ADDRESSES]
)
CLASSES = [frozenset[str](), frozenset({"a"}), frozenset({"b"}), frozenset({"a", "b"})]
POLICIES = [
    policy("nonMasqueradeCIDRs: [10.1.0.0/16]"),
    policy("nonMasqueradeCIDRs: [10.0.0.0/8]\nmasqueradeCIDRs: [10.2.0.0/15]"),
]

prefixes = st.sampled_from(PREFIXES)
addresses = st.sampled_from(ADDRESSES)
classes = st.sampled_from(CLASSES)
sets = st.one_of(st.none(), st.lists(prefixes, min_size=1, max_size=2).map(PrefixSet.of))
booleans = st.sampled_from([None, None, True, False])
marks = st.sampled_from([None, None, None, 1, 2])
missing = st.builds(
    Missing, fact=st.sampled_from(["one", "another"]), command=st.just("ask"), likely=st.none()
)
protocol_matches = st.one_of(
    st.none(),
    st.sampled_from(
        [
            (),
            (ProtocolMatch(Protocol.TCP, ((80, 80),)),),
            (ProtocolMatch(Protocol.TCP, ((443, 443), (1024, 65535))), ProtocolMatch(Protocol.UDP)),
            (ProtocolMatch(Protocol.ICMP),),
            (ProtocolMatch(Protocol.TCP, ((1024, 40000),)),),
            (ProtocolMatch(Protocol.TCP, ((32768, 60999),)),),
            (ProtocolMatch(),),
        ]
    ),
)
targets = st.lists(
    st.builds(Target, addresses, st.sampled_from([None, 443])), min_size=1, max_size=2
).map(tuple)
filter_rules = st.builds(
    FilterRule,
    action=st.sampled_from(FilterAction),
    sources=sets,
    destinations=sets,
    protocols=protocol_matches,
    unknown=st.one_of(st.none(), st.none(), st.none(), missing),
)
filters = st.builds(
    Filter,
    stages=st.lists(st.lists(filter_rules, max_size=3).map(tuple), max_size=2).map(tuple),
    default=st.sampled_from([FilterAction.ALLOW, FilterAction.ALLOW, FilterAction.DENY]),
    stateful=st.booleans(),
)
translations: st.SearchStrategy[TranslationAction] = st.deferred(
    lambda: st.one_of(
        st.just(Keep()),
        st.just(FallThrough()),
        st.just(Masquerade()),
        st.builds(To, addresses),
        st.builds(Ask, st.sampled_from(POLICIES), st.sampled_from([Keep(), FallThrough()])),
        st.builds(Either, st.lists(translations, min_size=2, max_size=2).map(tuple), missing),
    )
)
listeners = st.builds(
    Listener,
    protocol=st.just(Protocol.TCP),
    port=st.sampled_from([80, 443]),
    upstreams=targets,
)


@dataclass(frozen=True)
class Asked:
    """A network, and a question about it."""

    network: Network
    flow: Flow
    at: str


@st.composite
def questions(draw: st.DrawFn, odd: frozenset[str] | None = None) -> Asked:
    """With some of ODDITIES, or with up to three of them."""
    if odd is None:
        odd = draw(st.frozensets(st.sampled_from(ODDITIES), min_size=1, max_size=3))
    count = draw(st.integers(2, MOST_NODES))
    pairs = [(draw(st.integers(0, node - 1)), node) for node in range(1, count)]
    if draw(st.booleans()) and (0, count - 1) not in pairs:
        pairs.append((0, count - 1))
    neighbours: dict[int, list[int]] = {node: [] for node in range(count)}
    for one, other in pairs:
        neighbours[one].append(other)
        neighbours[other].append(one)
    at = draw(st.integers(0, count - 1))
    protocol = draw(st.sampled_from(Protocol))
    flow = Flow(
        draw(st.one_of(st.just(A(f"10.{at}.0.1")), addresses)),
        draw(st.sampled_from([a for a in ADDRESSES if str(a).split(".")[1] < str(count)])),
        protocol,
        None if protocol is Protocol.ICMP else draw(st.sampled_from([80, 443])),
        draw(st.sampled_from([None, 50000])),
    )
    ends = (flow.source, flow.destination)
    near = [prefix for prefix in PREFIXES if any(prefix.contains(*end) for end in ends)]
    nodes = [draw(_node(node, neighbours, near, odd)) for node in range(count)]
    links = [Link(End(f"n{a}", f"to{b}"), End(f"n{b}", f"to{a}")) for a, b in pairs]
    return Asked(Network.of(nodes, links), flow, f"n{at}")


def _first_steps(start: int, neighbours: dict[int, list[int]]) -> dict[int, int]:
    """For each other node the neighbour through which the shortest way to it leads."""
    first: dict[int, int] = {}
    waiting = deque((neighbour, neighbour) for neighbour in neighbours[start])
    while waiting:
        node, by = waiting.popleft()
        if node != start and node not in first:
            first[node] = by
            waiting.extend((further, by) for further in neighbours[node])
    return first


@st.composite
def _node(
    draw: st.DrawFn,
    number: int,
    neighbours: dict[int, list[int]],
    near: list[Prefix],
    odd: frozenset[str],
) -> Node:
    def some(oddity: str, strategy: st.SearchStrategy[Thing]) -> tuple[Thing, ...]:
        return tuple(draw(st.lists(strategy, max_size=3))) if oddity in odd else ()

    ways = [f"to{neighbour}" for neighbour in neighbours[number]]
    sound = [
        Route(P(f"10.{other}.0.0/16"), Forward(f"to{by}"), evidence=Evidence("sound"))
        for other, by in _first_steps(number, neighbours).items()
    ]
    own = tuple(A(f"10.{number}.0.{host}") for host in (1, 2))
    ports = [
        draw(_port(way, (own[0],) if place == 0 else (), odd)) for place, way in enumerate(ways)
    ]
    tables = {"main": RouteTable.of([*sound, *some("routes", _routes(ways, near))])}
    rules = [RoutingRule(table="main")]
    for rule in some("rules", _rules):
        tables["other"] = RouteTable.of(some("rules", _routes(ways, near)))
        rules.insert(0, rule)
    return Node(
        name=f"n{number}",
        kind=draw(st.sampled_from(NodeKind)),
        ports=tuple(ports),
        local=(own[1].prefix,),
        rules=tuple(rules),
        tables=tables,
        forwards=number not in some("ends", st.just(number)),
        not_running=next(iter(some("ends", st.just(Drop("INSTANCE_NOT_RUNNING")))[2:]), None),
        opaque=next(iter(some("ends", missing)[2:]), None),
        translation_in=some("destinations", _destination_rules(ways)),
        translation_out=some("sources", _chains(ways)),
        listeners=some("proxies", listeners)[:1],
        assumptions=(f"assumed of n{number}",),
    )


@st.composite
def _port(draw: st.DrawFn, name: str, own: tuple[Address, ...], odd: frozenset[str]) -> Port:
    filtered = st.one_of(st.none(), filters) if "filters" in odd else st.none()
    return Port(
        name=name,
        addresses=own,
        owns=tuple(draw(st.lists(prefixes, max_size=2))),
        ingress_class=draw(classes),
        permitted=draw(sets) if "ends" in odd else None,
        filter_in=draw(filtered),
        filter_out=draw(filtered),
    )


def _actions(ways: list[str]) -> st.SearchStrategy[Action]:
    simple: st.SearchStrategy[Action] = st.one_of(
        st.builds(Forward, st.sampled_from(ways)),
        st.builds(Forward, st.sampled_from(ways)),
        st.just(DeliverAttached(UNKNOWN_INTERNAL)),
        st.just(Drop("ROUTE_BLACKHOLE")),
        st.builds(Opaque, missing),
    )
    choices = st.builds(
        Choice,
        st.lists(simple, min_size=1, max_size=3).map(tuple),
        st.just("who knows"),
        st.one_of(st.none(), missing),
    )
    return st.one_of(simple, simple, choices)


def _routes(ways: list[str], near: list[Prefix]) -> st.SearchStrategy[Route]:
    return st.builds(
        Route,
        st.sampled_from(near),
        _actions(ways),
        st.just("STATIC"),
        st.sampled_from([0, 0, 1]),
        st.one_of(st.just(CLASSES[0]), classes),
        st.just(Evidence("strange")),
    )


_rules = st.builds(
    RoutingRule,
    table=st.just("other"),
    ingress=classes,
    sources=sets,
    destinations=sets,
    protocol=st.one_of(st.none(), st.sampled_from(Protocol)),
    mark=marks,
    locally_sent=booleans,
)


def _destination_rules(ways: list[str]) -> st.SearchStrategy[DestinationRule]:
    return st.builds(
        DestinationRule,
        action=st.one_of(targets, st.just(Drop("DROPPED_INSIDE_GKE_SERVICE"))),
        sources=sets,
        destinations=sets,
        protocols=protocol_matches,
        in_ports=st.frozensets(st.sampled_from(ways), max_size=1),
        locally_sent=booleans,
        mark=marks,
    )


def _chains(ways: list[str]) -> st.SearchStrategy[TranslationChain]:
    rule = st.builds(
        TranslationRule,
        action=translations,
        sources=sets,
        destinations=sets,
        protocols=protocol_matches,
        out_ports=st.frozensets(st.sampled_from(ways), max_size=1),
        locally_sent=booleans,
        mark=marks,
    )
    return st.builds(
        TranslationChain, st.just("chain"), st.lists(rule, min_size=1, max_size=2).map(tuple)
    )
