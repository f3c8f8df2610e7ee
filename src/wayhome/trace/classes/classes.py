"""All flows of a source to many destinations, in classes of which one member is asked.

A class is a set of destinations and a set of ports. One flow of what is left is traced while it is recorded what the
answer has depended on; all flows that nothing has told apart from it have the same answer, and are taken out of what is
left. So every address is in exactly one class, none is left out, and nothing is known here of how packets travel: the
tracer alone says that.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from wayhome.network import Address, Flow, Network, Protocol
from wayhome.prefixes import Intervals
from wayhome.trace.classes.atoms import Atoms, Distinction
from wayhome.trace.classes.distinctions import distinctions, written
from wayhome.trace.classes.line import address_at, position
from wayhome.trace.classes.ports import Ports
from wayhome.trace.classes.recorded import RecordedNetwork
from wayhome.trace.classes.recorder import Recorder
from wayhome.trace.trace import Trace, trace

HTTP = 80
"""The port that is asked first."""

Box = tuple[int, int]
"""A set of atoms and a set of classes of ports: every pair of them."""


class Space:
    """What one or more networks tell apart among the addresses that are asked about.

    `sources` are the addresses that ask. States of one network in one space have comparable classes.
    """

    def __init__(
        self, networks: Sequence[Network], told_apart: Iterable[Distinction], asked: Intervals,
        sources: Iterable[Address],
    ) -> None:  # fmt: skip
        """`told_apart` are the distinctions of the networks."""
        places = dict.fromkeys(map(position, sources))
        self.atoms = Atoms(asked, [*told_apart, *([(place, place, True)] for place in places)])
        self.ports = Ports(networks)
        self._familiar = 1 << self.ports.at(Protocol.TCP, HTTP)

    @classmethod
    def of(cls, networks: Sequence[Network], asked: Intervals, sources: Iterable[Address]) -> Self:
        """With all that the networks tell apart."""
        found = (one for network in networks for one in distinctions(network.nodes))
        return cls(networks, found, asked, sources)

    def recorded(self, network: Network) -> RecordedNetwork:
        """One of the networks, as a recorder sees it."""
        apart = 0
        for place in {place for node in network.nodes for place in written(node)}:
            apart |= self.atoms.alone(place)
        return RecordedNetwork(network, Recorder(self.atoms, self.ports, apart))

    def example(self, atoms: int, ports: int) -> tuple[int, int]:
        """An atom and a class of ports: the first one, and one that people know, if there is one."""
        known = ports & self._familiar
        return _first(atoms), _first(known or ports)

    def flow(self, source: Address, atom: int, port: int) -> Flow:
        """A member: the first address of an atom, a port of a class."""
        destination = address_at(self.atoms.first(atom))
        asked = self.ports.ranges[port]
        return Flow(source, destination, asked.protocol, asked.example)


@dataclass(frozen=True, slots=True)
class FlowClass:
    """Flows that get one answer: those of all its boxes. `trace` is that of one of them."""

    boxes: tuple[Box, ...]
    trace: Trace


def classes(
    space: Space, recorded: RecordedNetwork, source: Address, at: str, atoms: int
) -> Iterator[FlowClass]:
    """All classes of flows from an address of the node `at` to some atoms, by all protocols and ports."""
    recorder = recorded.recorder
    reachable = atoms & space.atoms.of_family[source.family]
    left: list[Box] = [(reachable, space.ports.all)] if reachable else []
    while left:
        held, ports = left[-1]
        flow = space.flow(source, *space.example(held, ports))
        recorder.begin(flow)
        answer = trace(recorded.as_network, flow, at)
        alike = recorder.end()
        taken, left = divided(left, alike)
        yield FlowClass(tuple(taken), answer)


def divided(left: list[Box], alike: Box) -> tuple[list[Box], list[Box]]:
    """What of the boxes is in another one, and what is not."""
    taken, rest = [], []
    for held, ports in left:
        inside, ports_inside = held & alike[0], ports & alike[1]
        if not inside or not ports_inside:
            rest.append((held, ports))
            continue
        taken.append((inside, ports_inside))
        if ports & ~alike[1]:
            rest.append((inside, ports & ~alike[1]))
        if held & ~alike[0]:
            rest.append((held & ~alike[0], ports))
    return taken, rest


def _first(bits: int) -> int:
    return (bits & -bits).bit_length() - 1
