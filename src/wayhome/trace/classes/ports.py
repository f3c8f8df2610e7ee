"""Classes of destination ports: for each protocol, the ranges between the ports that anything in a network names.

ICMP has one class. Sets of classes are bits of an integer, as with atoms.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wayhome.network import (
    DestinationRule,
    Drop,
    Network,
    Node,
    Protocol,
    ProtocolMatch,
    TranslationRule,
)
from wayhome.prefixes import Intervals
from wayhome.trace.classes.distinctions import filters

LAST = 65535
_FAMILIAR = (80, 443, 53, 22)


@dataclass(frozen=True, slots=True)
class PortRange:
    """One class. ICMP has no ports."""

    protocol: Protocol
    first: int
    last: int

    @property
    def example(self) -> int | None:
        """A port of it that people know, if there is one."""
        if self.protocol is Protocol.ICMP:
            return None
        return next((port for port in _FAMILIAR if self.first <= port <= self.last), self.first)

    def __str__(self) -> str:
        if self.protocol is Protocol.ICMP:
            return "icmp"
        return f"{self.protocol} {self.first}" + (f"-{self.last}" if self.last > self.first else "")


class Ports:
    """The classes of one or more networks."""

    def __init__(self, networks: Iterable[Network]) -> None:
        edges: dict[Protocol, set[int]] = {Protocol.TCP: {1}, Protocol.UDP: {1}}
        for network in networks:
            for protocol, edge in _edges(network):
                edges[protocol].add(edge)
        self.ranges: list[PortRange] = []
        self._of: dict[Protocol, tuple[int, list[int]]] = {}
        for protocol, found in edges.items():
            starts = sorted(edge for edge in found if 1 <= edge <= LAST)
            self._of[protocol] = (len(self.ranges), starts)
            ends = [*(start - 1 for start in starts[1:]), LAST]
            self.ranges += map(PortRange, [protocol] * len(starts), starts, ends)
        self._of[Protocol.ICMP] = (len(self.ranges), [0])
        self.ranges.append(PortRange(Protocol.ICMP, 0, 0))
        self.all = (1 << len(self.ranges)) - 1

    def at(self, protocol: Protocol, port: int) -> int:
        """The number of a port's class."""
        offset, starts = self._of[protocol]
        return offset + bisect_right(starts, port) - 1

    def between(self, protocol: Protocol, first: int, last: int) -> int:
        """The classes of a range of ports that begins and ends where classes do."""
        begin, end = (
            self.at(protocol, max(first, self._of[protocol][1][0])),
            self.at(protocol, last),
        )
        return (1 << end + 1) - (1 << begin) if begin <= end else 0

    def names(self, ports: int) -> Iterator[str]:
        """What a set of classes is called: `tcp 80`, `udp`; neighbours together."""
        for protocol, (offset, starts) in self._of.items():
            held = [number for number in range(len(starts)) if ports >> offset + number & 1]
            if len(held) == len(starts):
                yield str(protocol)
                continue
            spans = Intervals.of((number, number) for number in held).spans
            for first, last in spans:
                yield str(PortRange(protocol, starts[first], self.ranges[offset + last].last))

    def of(self, protocol: Protocol) -> int:
        """All classes of a protocol."""
        return self.between(protocol, 0, LAST)


def _edges(network: Network) -> Iterator[tuple[Protocol, int]]:
    of_filters = {id(one): one for node in network.nodes for one in filters(node)}
    of_rules = {id(r): r for one in of_filters.values() for stage in one.stages for r in stage}
    for rule in of_rules.values():
        for match in rule.protocols or ():
            yield from _edges_of(match)
    for node in network.nodes:
        of_node: list[DestinationRule | TranslationRule] = [*node.translation_in]
        of_node += (rule for chain in node.translation_out for rule in chain.rules)
        for match in (match for one in of_node for match in one.protocols or ()):
            yield from _edges_of(match)
        single = {listener.port for listener in node.listeners} | set(written_ports(node))
        for port in single:
            for protocol in (Protocol.TCP, Protocol.UDP):
                yield protocol, port
                yield protocol, port + 1


def written_ports(node: Node) -> Iterator[int]:
    """The destination ports that a node writes into packets."""
    targets = [target for listener in node.listeners for target in listener.upstreams]
    for rule in node.translation_in:
        targets += () if isinstance(rule.action, Drop) else rule.action
    yield from (target.port for target in targets if target.port is not None)


def _edges_of(match: ProtocolMatch) -> Iterator[tuple[Protocol, int]]:
    for protocol in (Protocol.TCP, Protocol.UDP):
        if match.protocol in {None, protocol}:
            for first, last in match.ports:
                yield protocol, first
                yield protocol, last + 1
