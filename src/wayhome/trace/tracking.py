"""What nodes and ports remember of a flow, so that its reply is recognised: connection tracking.

A **port** with a stateful filter remembers what it let pass, and lets the reverse pass. A **node** that translates
remembers a connection as it came and as it left: later packets of it are translated alike, and the reply is undone.
Both are the kernel's: an entry is found by the packet on the wire, in either direction.

A reply that comes by another way than its flow meets nodes that never saw the flow. They do not translate it, unless it
may be a new flow (`Place.replies_open`).
"""

from dataclasses import dataclass
from enum import Enum

from wayhome.network import End
from wayhome.trace.packet import BY_SYSTEM, Packet


class Direction(Enum):
    """A packet of a connection goes the way of the first one, or back."""

    ORIGINAL = "original"
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection at a node that translates: its first packet as it arrived, and as it left."""

    arrived: Packet
    left: Packet

    def inward(self, packet: Packet, direction: Direction) -> Packet:
        """The packet with its destination translated, or the translation of the source undone."""
        if direction is Direction.ORIGINAL:
            return packet.to(self.left.destination, self.left.destination_port)
        return packet.to(self.arrived.source, self.arrived.source_port)

    def outward(self, packet: Packet, direction: Direction) -> Packet:
        """The packet with its source translated, or the translation of the destination undone."""
        if direction is Direction.ORIGINAL:
            return packet.sent_from(self.left.source, self.left.source_port)
        return packet.sent_from(self.arrived.destination, self.arrived.destination_port)


class Tracking:
    """The memory of a whole network for the flows of one walk."""

    def __init__(self) -> None:
        self._passed: set[tuple[End, Packet]] = set()
        self._connections: dict[tuple[str, Packet], tuple[Connection, Direction]] = {}
        self._chosen = BY_SYSTEM

    def choose_port(self, port: int) -> int:
        """The source port of a flow whose source is translated: nobody else's, or what another translation chose before.

        A packet that goes round through a translating node is then the same each time, and the loop is seen.
        """
        if port < BY_SYSTEM:
            return port
        self._chosen -= 1
        return self._chosen

    def let_pass(self, port: End, packet: Packet) -> None:
        """A port lets a packet pass, in either direction."""
        self._passed.add((port, packet))

    def is_reply(self, port: End, packet: Packet) -> bool:
        """Whether the port let pass what this is the reply to."""
        return (port, packet.turned()) in self._passed

    def connection(self, node: str, packet: Packet) -> tuple[Connection, Direction] | None:
        """The connection that a packet which reaches a node belongs to, and its direction."""
        return self._connections.get((node, packet))

    def confirm(self, node: str, connection: Connection) -> None:
        """A node has translated a connection's first packet and sent it on, or received it."""
        entry = self._connections.setdefault
        entry((node, connection.arrived), (connection, Direction.ORIGINAL))
        entry((node, connection.left.turned()), (connection, Direction.REPLY))
