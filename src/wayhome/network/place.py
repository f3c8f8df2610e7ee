"""A node where it stands: its ports by name, what they lead to, and whose an address is. Indices, nothing new."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wayhome.network.address import Address
from wayhome.network.flow import Protocol
from wayhome.network.link import End
from wayhome.network.node import Node
from wayhome.network.port import Port
from wayhome.prefixes import Family, Prefix, PrefixTable

Owned = dict[Family, PrefixTable[tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Place:
    """A node and its surroundings.

    `peers` are the other ends of its ports' links, `owned` the ports that own a prefix.
    """

    node: Node
    ports: Mapping[str, Port]
    peers: Mapping[str, End]
    addresses: frozenset[Address]
    owned: Owned
    _local: Owned

    @classmethod
    def of(cls, node: Node, peers: Mapping[str, End]) -> "Place":
        """Index a node."""
        return cls(
            node,
            {port.name: port for port in node.ports},
            peers,
            frozenset(node.addresses),
            owned_by_ports(node),
            owners_by_prefix((prefix, node.name) for prefix in node.local),
        )

    def is_local(self, address: Address) -> bool:
        """Whether packets to this address end here."""
        if address in self.addresses:
            return True
        table = self._local.get(address.family)
        return table is not None and table.lookup(address.value) is not None

    def attached(self, address: Address) -> tuple[str, ...]:
        """The ports that own the address by the longest prefix: several if the exports contradict each other."""
        table = self.owned.get(address.family)
        return (table.lookup(address.value) or ()) if table else ()

    def replies_open(self, protocol: Protocol) -> bool:
        """Whether a node that translates takes a reply to a flow that it never saw for a new flow.

        A SYN-ACK and an echo's reply say what they are, and to conntrack they are invalid (tcp_new(), and the table of
        types in nf_conntrack_proto_icmp.c); a datagram of UDP does not.
        """
        return protocol is Protocol.UDP

    def own_address(self, family: Family, port: Port | None = None) -> Address | None:
        """What the node sends from: the port's first address of the family, else the node's."""
        for candidates in (port.addresses if port else (), self.node.addresses):
            for address in candidates:
                if address.family is family:
                    return address
        return None


def owned_by_ports(node: Node) -> Owned:
    """Which ports of a node own each prefix."""
    return owners_by_prefix((prefix, port.name) for port in node.ports for prefix in port.owns)


def owners_by_prefix(owned: Iterable[tuple[Prefix, str]]) -> Owned:
    """All owners of each prefix, in the order given, looked up by the longest."""
    found: dict[Family, dict[Prefix, tuple[str, ...]]] = {}
    for prefix, owner in owned:
        owners = found.setdefault(prefix.family, {})
        owners[prefix] = tuple(dict.fromkeys((*owners.get(prefix, ()), owner)))
    return {family: PrefixTable(family, owners.items()) for family, owners in found.items()}
