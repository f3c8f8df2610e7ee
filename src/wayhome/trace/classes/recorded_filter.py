"""A filter that tells for which other destinations and ports a stage would have the same answer.

The answer is what the tracer makes of it: which rules' actions may hold, and which rule denies. That another rule allows
does not tell two flows apart. The rules are asked once for each group of addresses that no rule divides, and for each
range of ports between the ports that rules name; where these are too many, only the very group and range are alike.
"""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple

from wayhome.network import (
    Address,
    Filter,
    FilterAction,
    FilterRule,
    Protocol,
    ProtocolMatch,
    Target,
)
from wayhome.prefixes import Family
from wayhome.trace.classes.atoms import members
from wayhome.trace.classes.line import address_at
from wayhome.trace.classes.recorder import Recorder

MOST_ASKED = 20_000
"""Combinations of groups and ranges that are asked for one answer."""

_Box = tuple[int, int]
_Service = tuple[Protocol, int]


class _Asked(NamedTuple):
    """A packet at a stage. `side`: the asked destination is its source (a packet home), or its destination, or neither."""

    stage: int
    source: Address
    destination: Address
    service: _Service
    side: bool | None

    @property
    def variable(self) -> Address:
        """The address that is asked about."""
        return self.source if self.side else self.destination

    def about(self, address: Address | None, service: _Service) -> "_Asked":
        """The same packet with another address there, if one is given, and to another port."""
        if address is None:
            return self._replace(service=service)
        if self.side:
            return self._replace(source=address, service=service)
        return self._replace(destination=address, service=service)


class RecordedMatch:
    """A condition about protocol and port. Where it holds, one of `then` may become the destination."""

    def __init__(
        self, match: ProtocolMatch, recorder: Recorder, then: Sequence[Target] = ()
    ) -> None:
        self._match, self._recorder, self._then = match, recorder, then

    def matches(self, protocol: Protocol, port: int) -> bool:
        """Whether a packet to this port is meant."""
        found = self._match.matches(protocol, port)
        if found:
            self._recorder.targets(self._then)
        if self._match.protocol is not None:
            self._recorder.same_protocol()
        if self._match.ports and self._match.protocol is protocol and self._recorder.is_port(port):
            inside = 0
            for first, last in self._match.ports:
                inside |= self._recorder.ports.between(protocol, first, last)
            self._recorder.narrow_ports(inside if found else ~inside)
        return found


class RecordedFilter:
    """A filter; what is not recorded is the real one's."""

    def __init__(self, filter_: Filter, recorder: Recorder) -> None:
        self._filter, self._recorder = filter_, recorder
        self._divides = [
            (any(r.sources is not None for r in s), any(r.destinations is not None for r in s))
            for s in filter_.stages
        ]
        self._groups: dict[tuple[int, Family, bool], dict[int, int]] = {}
        self._boxes: dict[Hashable, _Box] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._filter, name)

    def matching(
        self, stage: int, source: Address, destination: Address, protocol: Protocol, port: int
    ) -> list[FilterRule]:
        """The rules of a stage whose known conditions hold, up to the first that has no other."""
        found = self._filter.matching(stage, source, destination, protocol, port)
        asked = self._recorder.destination
        if asked is None:
            return found
        # A packet home has the destination as its source.
        side = True if source == asked else False if destination == asked else None
        packet = _Asked(stage, source, destination, (protocol, port), side)
        rules = (
            self._filter.about(stage, source, as_source=True),
            self._filter.about(stage, destination, as_source=False),
        )
        free = self._recorder.is_port(port)
        key = (stage, *rules, protocol, port, side, free)
        if key not in self._boxes:
            self._boxes[key] = self._box(packet, free=free)
        atoms, ports = self._boxes[key]
        self._recorder.narrow(atoms)
        self._recorder.narrow_ports(ports)
        return found

    def _answer(self, packet: "_Asked") -> Hashable:
        """Equal for rules that have the tracer say the same."""
        rules = self._filter.matching(
            packet.stage, packet.source, packet.destination, *packet.service
        )
        return tuple(
            (rule.action, rule.unknown, rule.evidence if rule.action is FilterAction.DENY else None)
            for rule in rules
        )

    def _box(self, packet: "_Asked", *, free: bool) -> _Box:
        """The largest box of atoms and ports around this packet that is found in one pass each."""
        here, answer = packet.service, self._answer(packet)
        groups = self._groups_of(packet)
        # Only on the way out to the destination itself it is certain that the port is the flow's own.
        protocols = tuple(Protocol) if packet.side is False else (here[0],)
        ranges = self._ranges(here, protocols) if free else {here: self._recorder.ports.of(here[0])}
        if len(groups) * len(ranges) > MOST_ASKED:
            return self._exactly(packet), ranges[here]
        alike = [one for one in groups if self._answer(packet.about(one, here)) == answer]
        atoms = 0
        for one in alike:
            atoms |= groups[one]
        ports = 0
        for service, bits in ranges.items():
            if service == here or all(
                self._answer(packet.about(one, service)) == answer for one in alike
            ):
                ports |= bits
        return atoms, ports

    def _groups_of(self, packet: "_Asked") -> dict[Address | None, int]:
        """An address of each group that no rule divides, with its atoms; None, if it does not matter."""
        if packet.side is None or not self._divides[packet.stage][0 if packet.side else 1]:
            return {None: self._recorder.atoms.all}
        groups = self._by_rules(packet.stage, packet.variable.family, as_source=packet.side)
        first = self._recorder.atoms.first
        return {address_at(first(next(iter(members(atoms))))): atoms for atoms in groups.values()}

    def _exactly(self, packet: "_Asked") -> int:
        """The group of the packet's own address."""
        if packet.side is None:
            return self._recorder.atoms.all
        own = packet.variable
        groups = self._by_rules(packet.stage, own.family, as_source=packet.side)
        return groups[self._filter.about(packet.stage, own, as_source=packet.side)]

    def _by_rules(self, stage: int, family: Family, *, as_source: bool) -> dict[int, int]:
        """The atoms of a family by the rules that are about them."""
        key = (stage, family, as_source)
        if key not in self._groups:
            atoms = self._recorder.atoms
            found: dict[int, int] = {}
            for atom in range(atoms.count):
                address = address_at(atoms.first(atom))
                if address.family is family:
                    rules = self._filter.about(stage, address, as_source=as_source)
                    found[rules] = found.get(rules, 0) | 1 << atom
            self._groups[key] = found
        return self._groups[key]

    def _ranges(self, here: _Service, protocols: Iterable[Protocol]) -> dict[_Service, int]:
        """A port of each range between the ports that this filter names, and the classes in it; `here` for its own."""
        ports = self._recorder.ports
        ranges: dict[_Service, int] = {}
        for protocol in protocols:
            if protocol is Protocol.ICMP:
                ranges[protocol, 0] = ports.of(protocol)
                continue
            edges = sorted({max(e, 1) for e in self._filter.port_edges(protocol) if e < 65536})
            for first, last in zip(edges, [*(edge - 1 for edge in edges[1:]), 65535], strict=True):
                own = here[0] is protocol and first <= here[1] <= last
                ranges[here if own else (protocol, first)] = ports.between(protocol, first, last)
        return ranges
