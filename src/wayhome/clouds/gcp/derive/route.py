"""One effective route: what it leads to, for whom it holds, and the objects that made it.

Types and next hops carry the names of Google's Connectivity Tests (RouteInfo of networkmanagement.v1), so that a route
here can be compared with a route there.
"""

import enum
from dataclasses import dataclass

from wayhome.network.evidence import Evidence
from wayhome.prefixes import Prefix

LEAST_REGION_COST = 201
MOST_REGION_COST = 9999
"""Between two regions Google adds a cost of its own to a dynamic route's priority, and publishes only its bounds.

https://docs.cloud.google.com/network-connectivity/docs/router/how-to/updating-priority
"""


class RouteType(enum.StrEnum):
    """RouteInfo.routeType."""

    SUBNET = "SUBNET"
    STATIC = "STATIC"
    DYNAMIC = "DYNAMIC"
    PEERING_SUBNET = "PEERING_SUBNET"
    PEERING_STATIC = "PEERING_STATIC"
    PEERING_DYNAMIC = "PEERING_DYNAMIC"
    POLICY_BASED = "POLICY_BASED"
    ADVERTISED = "ADVERTISED"

    @property
    def of_peer(self) -> bool:
        """Whether it came from a peered network."""
        return self in _FROM_PEER.values()

    def over_peering(self) -> "RouteType":
        """The type that a local route has in the network that imports it. Raises KeyError: it is never exchanged."""
        return _FROM_PEER[self]


_FROM_PEER = {
    RouteType.SUBNET: RouteType.PEERING_SUBNET,
    RouteType.STATIC: RouteType.PEERING_STATIC,
    RouteType.DYNAMIC: RouteType.PEERING_DYNAMIC,
}


class NextHopType(enum.StrEnum):
    """RouteInfo.nextHopType."""

    INSTANCE = "NEXT_HOP_INSTANCE"
    IP = "NEXT_HOP_IP"
    NETWORK = "NEXT_HOP_NETWORK"
    PEERING = "NEXT_HOP_PEERING"
    VPN_TUNNEL = "NEXT_HOP_VPN_TUNNEL"
    INTERCONNECT = "NEXT_HOP_INTERCONNECT"
    INTERNET_GATEWAY = "NEXT_HOP_INTERNET_GATEWAY"
    ILB = "NEXT_HOP_ILB"
    NCC_HUB = "NEXT_HOP_NCC_HUB"
    ROUTER_APPLIANCE = "NEXT_HOP_ROUTER_APPLIANCE"


@dataclass(frozen=True, slots=True)
class NextHop:
    """Where a route leads. `target` is what the route names; `resource` the object that takes the packet, if known.

    They differ where a route names an address: `resource` is then the instance or forwarding rule that has it.
    """

    type: NextHopType
    target: str
    resource: str = ""


@dataclass(frozen=True, slots=True)
class UnknownNextHop:
    """What is not known of a next hop, and the command that tells it."""

    fact: str
    command: str


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why the next hop takes no packets: the name that Google's analyzer has for it, and a sentence."""

    cause: str
    why: str
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveRoute:
    """A route of one network.

    `region`: only for what is in it (dynamic routes); None: everywhere. `tags`: only for instances with one of them,
    and for nothing else; empty: for all. `priority` is None for subnet routes, which nothing competes with; it lacks
    the cost between regions where `from_region` is another one than `region` and no export tells that cost.
    """

    network: str
    type: RouteType
    destination: Prefix
    next_hop: NextHop
    evidence: tuple[Evidence, ...]
    priority: int | None = None
    region: str | None = None
    from_region: str | None = None
    lacks_region_cost: bool = False
    tags: frozenset[str] = frozenset()
    unusable: Unusable | None = None
    unknown: UnknownNextHop | None = None

    @property
    def lowest_priority(self) -> int:
        """The smallest number that its priority can be."""
        return (self.priority or 0) + (LEAST_REGION_COST if self.lacks_region_cost else 0)

    @property
    def highest_priority(self) -> int:
        """The greatest number that its priority can be."""
        return (self.priority or 0) + (MOST_REGION_COST if self.lacks_region_cost else 0)
