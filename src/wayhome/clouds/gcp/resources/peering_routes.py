"""What a peering exchanges, as `networks peerings list-routes` prints it: one direction, one region.

It is what can be seen of a peer whose project nobody may read.
"""

from typing import ClassVar

import msgspec

from wayhome.clouds.resource import Part, Resource
from wayhome.clouds.values import Cidr


class PeeringRoute(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A route that one side offers."""

    dest_range: Cidr
    type: str
    """SUBNET_PEERING_ROUTE, STATIC_PEERING_ROUTE or DYNAMIC_PEERING_ROUTE."""
    imported: bool = False
    """Whether the other side takes it."""
    next_hop_region: str = ""
    priority: int = 0


class PeeringRoutes(Resource, frozen=True, kw_only=True, rename="camel", gc=False):
    """The routes of one direction in one region. The export itself names neither, nor the peering.

    Its full name is `NETWORK/peerings/PEERING/routes/DIRECTION/REGION`.
    """

    KIND: ClassVar[str] = "compute#exchangedPeeringRoutesList"
    COLLECTION: ClassVar[str] = "routes"

    network: str
    """The full name of the network that the peering belongs to."""
    peering: str
    direction: str
    """INCOMING: what the peer offers. OUTGOING: what this network offers."""
    region: str
    routes: tuple[PeeringRoute, ...] = msgspec.field(name="items", default=())

    def owners(self) -> tuple[str, ...]:
        """The network, and the peering in it."""
        return self.network, f"{self.network}/peerings/{self.peering}"
