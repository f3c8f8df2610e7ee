"""A network cut to what some flows can touch, so that it can be built where all of it is too large. Pure.

What the tracer meets on all ways of a flow is what a lab needs for it: the nodes, the ports by which packets come and
leave or would have left, and what is behind these. All that a node knows stays: its rules, tables, filters and translation. So
the flows meet in the cut network exactly what they meet in the whole one, and their traces are the same.

What is behind all other ports is not built. Such ports of a node are one port there, which owns what they owned, and in
their place routes lead to it; behind it is one node for the whole network, which drops all that comes, as NOT_BUILT. So a
packet that nobody asked about dies by a cause that says so, and is not lost as if the network did it. Ports that have
addresses stay themselves: a node's own addresses are its own whatever is asked.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count

from wayhome.lab.compiled.asked import Asked
from wayhome.network import (
    Action,
    Choice,
    Drop,
    End,
    Forward,
    Link,
    Network,
    Node,
    NodeKind,
    Place,
    Port,
    RouteTable,
    TranslationChain,
)
from wayhome.trace import Trace, trace

MOST_NODES = 500
"""That are built without a cut: a namespace each, and some seconds in all."""
NOT_BUILT = "NOT_BUILT"
"""The cause of a packet's end where it leaves what is built."""
ELSEWHERE = "not built"
"""The name of the node that is in the place of all others, and of the ports that lead to it."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What is left of a network of `of` nodes: `kept` of them, and one in the place of the others."""

    network: Network
    kept: int
    of: int


class TooLargeError(ValueError):
    """What is asked about has more nodes than are built."""


def buildable(network: Network, asked: Sequence[Asked], most: int = MOST_NODES) -> Cut:
    """The network, cut to what the flows touch if it has more nodes than that. Raises TooLargeError."""
    total = len(network.nodes)
    if total <= most:
        return Cut(network, total, total)
    done = cut(network, (trace(network, one.flow, one.at) for one in asked))
    if done.kept > most:
        raise TooLargeError(
            f"of the network's {total:,} nodes the flows touch {done.kept:,}, and at most {most:,} are built; "
            "ask about fewer flows"
        )
    return done


def cut(network: Network, traces: Iterable[Trace]) -> Cut:
    """Cut a network to what flows touch that were traced in it.

    Of a flow with more ways than a trace walks, what only the others touch is not kept.
    """
    touched = _touched(network, traces)
    name = _free(ELSEWHERE, network.places)
    pieces = [
        _Piece(network.places[node.name], touched) for node in network.nodes if node.name in touched
    ]
    nodes = [piece.node() for piece in pieces]
    links = [link for link in network.links if touched.issuperset((link.a.node, link.b.node))]
    outward = [end for piece in pieces for end in piece.outward()]
    if outward:
        nodes.append(_elsewhere(name, len(outward)))
        links += [Link(end, End(name, str(number))) for number, end in enumerate(outward)]
    return Cut(Network.of(nodes, links), len(pieces), len(network.nodes))


def _touched(network: Network, traces: Iterable[Trace]) -> set[str]:
    """The nodes; a destination that no packet reaches too, where one node alone has its address."""
    touched: set[str] = set()
    for traced in traces:
        touched.add(traced.at)
        owners = network.owners(traced.flow.destination)
        touched.update(owner.name for owner in owners if len(owners) == 1)
        for way in traced.ways:
            for hop in (*way.result.forward, *way.result.reply):
                touched.add(hop.node)
                if hop.led_to:
                    touched.add(network.places[hop.node].peers[hop.led_to].node)
    return touched


def _elsewhere(name: str, ports: int) -> Node:
    return Node(
        name=name,
        kind=NodeKind.GATEWAY,
        ports=tuple(Port(name=str(number)) for number in range(ports)),
        not_running=Drop(NOT_BUILT, "what is behind it was cut away"),
    )


def _free(name: str, taken: Container[str]) -> str:
    """The name, or one like it that nobody has."""
    return next(one for one in (name + "'" * more for more in count()) if one not in taken)


class _Piece:
    """A node of which some ports lead to what is not built."""

    def __init__(self, place: Place, touched: Container[str]) -> None:
        self._node = place.node
        away = [port for port in place.node.ports if place.peers[port.name].node not in touched]
        self._merged = [port for port in away if not port.addresses]
        self._gone = frozenset(port.name for port in self._merged)
        self._name = _free(ELSEWHERE, place.ports)
        self._outward = [port.name for port in away if port.addresses]

    def outward(self) -> list[End]:
        """Its ports that lead there now."""
        merged = [self._name] if self._gone else []
        return [End(self._node.name, port) for port in (*self._outward, *merged)]

    def node(self) -> Node:
        """The node without the others."""
        if not self._gone:
            return self._node
        node = self._node
        owned = dict.fromkeys(prefix for port in self._merged for prefix in port.owns)
        kept = [port for port in node.ports if port.name not in self._gone]
        return replace(
            node,
            ports=(*kept, Port(name=self._name, owns=tuple(owned))),
            tables={name: self._table(table) for name, table in node.tables.items()},
            translation_in=tuple(
                replace(rule, in_ports=self._ports(rule.in_ports)) for rule in node.translation_in
            ),
            translation_out=tuple(map(self._chain, node.translation_out)),
        )

    def _table(self, table: RouteTable) -> RouteTable:
        return RouteTable.of(
            replace(route, action=action)
            if (action := self._action(route.action)) is not route.action
            else route
            for route in table.routes
        )

    def _action(self, action: Action) -> Action:
        match action:
            case Forward(port) if port in self._gone:
                return Forward(self._name)
            case Choice(alternatives):
                there = tuple(map(self._action, alternatives))
                return action if there == alternatives else replace(action, alternatives=there)
            case _:
                return action

    def _chain(self, chain: TranslationChain) -> TranslationChain:
        rules = (replace(rule, out_ports=self._ports(rule.out_ports)) for rule in chain.rules)
        return replace(chain, rules=tuple(rules))

    def _ports(self, ports: frozenset[str]) -> frozenset[str]:
        gone = ports & self._gone
        return ports - gone | {self._name} if gone else ports
