"""What an answer has depended on.

While a flow is traced, everything that looks at its destination or its port says here for which other ones it would
have said the same. What is left in the end are flows that nothing on the way, out and home, tells apart from this one.

Addresses are recognised by their value. That an address is the destination's only by chance narrows more than is
necessary, which is never wrong. Packets are compared with each other, too (a reply with what is waited for): so a
destination that is equal to any other address in a packet of the trace is always apart from the rest, and so is a port.
"""

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_

from wayhome.network import Address, Flow, Listener, Protocol, Target
from wayhome.trace.classes.atoms import Atoms
from wayhome.trace.classes.line import position
from wayhome.trace.classes.ports import Ports


class Recorder:
    """For one flow at a time. `written` are the atoms of addresses that the network may write into packets."""

    def __init__(self, atoms: Atoms, ports: Ports, written: int) -> None:
        self.atoms = atoms
        self.ports = ports
        self._written = written
        self.destination: Address | None = None
        self._flow: Flow | None = None
        self._left = 0
        self._ports_left = 0
        self._others: set[Address] = set()
        self._other_ports: set[int] = set()

    def begin(self, flow: Flow) -> None:
        """Everything is like this flow, until something says otherwise."""
        self._flow, self.destination = flow, flow.destination
        self._left, self._ports_left = self.atoms.all, self.ports.all
        self._others, self._other_ports = {flow.source}, set()

    def end(self) -> tuple[int, int]:
        """The atoms and the classes of ports that nothing has told apart from the flow's."""
        flow, self._flow, self.destination = self._flow, None, None
        if flow is None:
            raise ValueError("no flow was begun")
        own = self.atoms.at(position(flow.destination))
        apart = self._written
        for address in self._others:
            apart |= self.atoms.alone(position(address))
        left = self._left & ~apart
        if own is not None and apart >> own & 1:
            left = 1 << own
            self._ports_left &= self.ports.of(
                flow.protocol
            )  # between equals, an echo is its own reply
        ports = self._ports_left & self._apart_from_others(flow)
        if own is None or not left >> own & 1 or not ports >> self._class_of(flow) & 1:
            raise AssertionError(f"{flow} is told apart from itself")
        return left, ports

    def _class_of(self, flow: Flow) -> int:
        return self.ports.at(flow.protocol, flow.port or 0)

    def _apart_from_others(self, flow: Flow) -> int:
        if flow.port is None:
            return self.ports.all
        if flow.port in self._other_ports:
            return 1 << self.ports.at(flow.protocol, flow.port)
        left = self.ports.all
        for port in self._other_ports:
            left &= ~(1 << self.ports.at(flow.protocol, port))
        return left

    def narrow(self, atoms: int) -> None:
        """Only destinations in these atoms get the same answer."""
        self._left &= atoms

    def narrow_ports(self, ports: int) -> None:
        """Only ports of these classes get the same answer."""
        self._ports_left &= ports

    def other(self, address: Address) -> None:
        """An address that stands in a packet."""
        if address != self.destination:
            self._others.add(address)

    def targets(self, targets: Sequence[Target]) -> None:
        """One of these may become the destination. If it is the sender itself, an echo is its own reply."""
        if targets:
            self._other_ports.update(t.port for t in targets if t.port is not None)
            self.same_protocol()

    def listeners(self, listeners: Iterable[Listener]) -> None:
        """A packet has arrived where somebody listens on these ports."""
        for one in listeners:
            listened = 1 << self.ports.at(one.protocol, one.port)
            if self._flow is not None and one.protocol is self._flow.protocol:
                self.narrow_ports(listened if self.is_port(one.port) else ~listened)
            self.targets(one.upstreams)

    def same_protocol(self) -> None:
        """Only this protocol gets the same answer."""
        if self._flow is not None:
            self.narrow_ports(self.ports.of(self._flow.protocol))

    def one_of(self, protocols: Iterable[Protocol]) -> None:
        """These protocols get the same answer, the flow's own among them."""
        if self._flow is not None:
            self.narrow_ports(reduce(or_, map(self.ports.of, protocols)))

    def is_port(self, port: int) -> bool:
        """Whether it is, or may be, the flow's own destination port."""
        return self._flow is not None and port == (self._flow.port or 0)
