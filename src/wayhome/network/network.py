"""A whole network: nodes joined by links, checked when it is made. Small, frozen, neutral: no cloud's name in it.

The tracer walks it and the lab builds it, so everything in it can be built from network namespaces: a port is an end of
a veth pair, rules and tables are the kernel's, filters and translation are nftables'. The one exception is what is
marked opaque.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from wayhome.network.address import Address
from wayhome.network.contradictions import contradictions
from wayhome.network.link import End, Link
from wayhome.network.node import Node
from wayhome.network.place import Owned, Place, owners_by_prefix


class NetworkError(ValueError):
    """A network that contradicts itself; `problems` are all that were found."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Network:
    """Nodes and links. Raises NetworkError. `places` are the nodes by name, with what surrounds them."""

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    places: dict[str, Place] = field(init=False, repr=False, compare=False)
    _owners: dict[Address, tuple[str, ...]] = field(init=False, repr=False, compare=False)
    _owners_of_prefixes: Owned = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        problems = tuple(contradictions(self.nodes, self.links))
        if problems:
            raise NetworkError(problems)
        peers: dict[str, dict[str, End]] = {node.name: {} for node in self.nodes}
        for link in self.links:
            peers[link.a.node][link.a.port] = link.b
            peers[link.b.node][link.b.port] = link.a
        places = {node.name: Place.of(node, peers[node.name]) for node in self.nodes}
        owners: dict[Address, tuple[str, ...]] = {}
        for name, place in places.items():
            for address in place.addresses:
                owners[address] = (*owners.get(address, ()), name)
        local = ((prefix, node.name) for node in self.nodes for prefix in node.local)
        object.__setattr__(self, "places", places)
        object.__setattr__(self, "_owners", owners)
        object.__setattr__(self, "_owners_of_prefixes", owners_by_prefix(local))

    @classmethod
    def of(cls, nodes: Iterable[Node], links: Iterable[Link]) -> "Network":
        """The network of any nodes and links. Raises NetworkError."""
        return cls(tuple(nodes), tuple(links))

    def owners(self, address: Address) -> tuple[Node, ...]:
        """The nodes that have the address; else those that own the longest prefix that holds it.

        Several where networks overlap, or where a balancer's address is its backends': a question then names one.
        """
        names = self._owners.get(address)
        if names is None:
            table = self._owners_of_prefixes.get(address.family)
            names = (table.lookup(address.value) if table else None) or ()
        return tuple(self.places[name].node for name in names)
