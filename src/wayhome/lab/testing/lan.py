"""The smallest network that is one: hosts that all reach each other."""

from wayhome.network import (
    Address,
    DeliverAttached,
    Drop,
    End,
    Forward,
    Link,
    Network,
    Node,
    NodeKind,
    Port,
    Route,
    RouteTable,
    RoutingRule,
)
from wayhome.prefixes import Family, Prefix

SWITCH = "switch"
UNKNOWN_ADDRESS = Drop("UNKNOWN_ADDRESS")
"""What becomes of packets to nobody."""
_RULES = (RoutingRule(table="main"),)
_EVERYTHING = tuple(Prefix(family, 0, 0) for family in Family)


def lan(mtu: int | None = None, /, **addresses: str | tuple[str, ...]) -> Network:
    """Hosts by name, each with an address, or several, of either family: `lan(client="10.0.0.1", server="10.0.0.2")`.

    They send through `eth0` to the node `switch`, which knows whose an address is. `mtu` is that of all links, in bytes.
    Raises ValueError for what is no address, and network.NetworkError for a host that is called `switch`.
    """
    hosts = {
        name: tuple(map(Address.parse, (given,) if isinstance(given, str) else given))
        for name, given in addresses.items()
    }
    ports = [
        Port(name=name, owns=tuple(address.prefix for address in theirs), mtu=mtu)
        for name, theirs in hosts.items()
    ]
    deliver = [Route(prefix, DeliverAttached(UNKNOWN_ADDRESS)) for prefix in _EVERYTHING]
    switch = Node(
        name=SWITCH,
        kind=NodeKind.FABRIC,
        ports=tuple(ports),
        rules=_RULES,
        tables={"main": RouteTable.of(deliver)},
        forwards=True,
    )
    nodes = [_host(name, theirs, mtu) for name, theirs in hosts.items()]
    return Network.of(
        [*nodes, switch], [Link(End(name, "eth0"), End(SWITCH, name)) for name in hosts]
    )


def _host(name: str, addresses: tuple[Address, ...], mtu: int | None) -> Node:
    out = [Route(prefix, Forward("eth0")) for prefix in _EVERYTHING]
    return Node(
        name=name,
        kind=NodeKind.INSTANCE,
        ports=(Port(name="eth0", addresses=addresses, mtu=mtu),),
        rules=_RULES,
        tables={"main": RouteTable.of(out)},
    )
