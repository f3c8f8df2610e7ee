"""Which of many rules match a packet, without asking each: bit vectors.

Every rule is a bit of an integer, the first rule the lowest. For each prefix that occurs as a source, an integer tells
the rules that have it; the rules whose sources hold an address are the union over the prefixes that hold it, one for
each prefix length. The same for destinations, and for protocol and port by the intervals between the ports that occur.
The intersection of the three is exactly the set of the rules that match, in order: nothing is decided by the index that
the rules do not say (Lakshman and Stiliadis, "High-speed policy-based packet forwarding using efficient
multi-dimensional range matching", SIGCOMM 1998).

A question costs three unions and two intersections of integers of one bit a rule: for 5,000 rules 625 bytes each.
Memory grows with rules times distinct prefixes and ports. An index is built when its first question comes, since most
filters of a large estate are never asked.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from wayhome.network.address import Address
from wayhome.network.flow import Protocol
from wayhome.network.prefix_set import PrefixSet
from wayhome.network.protocol_match import ProtocolMatch
from wayhome.prefixes import Family, Intervals

Conditions = tuple[PrefixSet | None, PrefixSet | None, tuple[ProtocolMatch, ...] | None]
"""Sources, destinations, protocols; None is anything."""

_PORTS = 65536


class Classifier:
    """The rules of one ordered list."""

    __slots__ = ("_conditions", "_index")

    def __init__(self, conditions: Sequence[Conditions]) -> None:
        self._conditions = conditions
        self._index: _Index | None = None

    def matching(
        self, source: Address, destination: Address, protocol: Protocol, port: int
    ) -> Iterator[int]:
        """The positions of the rules that match, in order."""
        index = self._index or self._built()
        bits = index.sources.holding(source) & index.destinations.holding(destination)
        bits &= index.ports[protocol].matching(port)
        while bits:
            lowest = bits & -bits
            yield lowest.bit_length() - 1
            bits ^= lowest

    def about(self, address: Address, *, as_source: bool) -> int:
        """The rules whose sources, or whose destinations, hold an address: a bit each."""
        index = self._index or self._built()
        return (index.sources if as_source else index.destinations).holding(address)

    def port_edges(self, protocol: Protocol) -> Sequence[int]:
        """The ports at which other rules match than one port below."""
        index = self._index or self._built()
        return index.ports[protocol].starts

    def _built(self) -> "_Index":
        self._index = _Index(self._conditions)
        return self._index


class _Index:
    """The three dimensions of some rules."""

    __slots__ = ("destinations", "ports", "sources")

    def __init__(self, conditions: Sequence[Conditions]) -> None:
        self.sources = _Addresses([sources for sources, _, _ in conditions])
        self.destinations = _Addresses([destinations for _, destinations, _ in conditions])
        matches = [matches for _, _, matches in conditions]
        self.ports = {protocol: _Ports(matches, protocol) for protocol in Protocol}


class _Addresses:
    """For an address, the rules whose prefixes hold it."""

    __slots__ = ("_any", "_lengths")

    def __init__(self, sets: Sequence[PrefixSet | None]) -> None:
        self._any = 0
        by_length: dict[Family, dict[int, dict[int, int]]] = {family: {} for family in Family}
        for position, prefixes in enumerate(sets):
            bit = 1 << position
            if prefixes is None:
                self._any |= bit
                continue
            for prefix in prefixes.prefixes:
                firsts = by_length[prefix.family].setdefault(prefix.family.bits - prefix.length, {})
                firsts[prefix.first] = firsts.get(prefix.first, 0) | bit
        self._lengths = {family: list(found.items()) for family, found in by_length.items()}

    def holding(self, address: Address) -> int:
        bits, value = self._any, address.value
        for host_bits, firsts in self._lengths[address.family]:
            bits |= firsts.get(value >> host_bits << host_bits, 0)
        return bits


class _Ports:
    """For a port, the rules about it; between two ports that occur nothing changes."""

    __slots__ = ("_bits", "starts")

    def __init__(
        self, matches: Sequence[tuple[ProtocolMatch, ...] | None], protocol: Protocol
    ) -> None:
        changes: dict[int, int] = {0: 0}  # where rules begin or end to match
        for position, alternatives in enumerate(matches):
            bit = 1 << position
            for first, last in _spans(alternatives, protocol):
                changes[first] = changes.get(first, 0) ^ bit
                changes[last + 1] = changes.get(last + 1, 0) ^ bit
        self.starts = sorted(changes)
        self._bits, held = [], 0
        for start in self.starts:
            held ^= changes[start]
            self._bits.append(held)

    def matching(self, port: int) -> int:
        return self._bits[bisect_right(self.starts, port) - 1]


def _spans(
    alternatives: tuple[ProtocolMatch, ...] | None, protocol: Protocol
) -> tuple[tuple[int, int], ...]:
    """The ports that a rule is about, as disjoint intervals that do not touch."""
    if alternatives is None:
        return ((0, _PORTS - 1),)
    return Intervals.of(
        span
        for match in alternatives
        if match.protocol in {None, protocol}
        for span in (match.ports or ((0, _PORTS - 1),))
    ).spans
