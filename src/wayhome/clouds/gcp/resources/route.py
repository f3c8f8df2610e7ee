"""Routes (compute#route), as `routes list` prints them and as a router's status quotes them."""

from typing import ClassVar

from wayhome.clouds.resource import Part, Resource
from wayhome.clouds.values import Cidr, IpAddress, NetworkReference, Reference

NEXT_HOPS = (
    "next_hop_gateway",
    "next_hop_hub",
    "next_hop_ilb",
    "next_hop_instance",
    "next_hop_interconnect_attachment",
    "next_hop_ip",
    "next_hop_network",
    "next_hop_peering",
    "next_hop_vpn_tunnel",
)
"""Of these fields exactly one is set."""


class Warning(Part, frozen=True, kw_only=True, rename="camel", gc=False):  # noqa: A001  # the API's own word
    """What the cloud itself says about a route that it cannot use: NEXT_HOP_CANNOT_IP_FORWARD and others."""

    code: str = ""
    message: str = ""


class Route(Resource, frozen=True, kw_only=True, rename="camel", gc=False):
    """A route. Subnet and peering routes in exports are the cloud's copies: they are derived, and compared with these."""

    KIND: ClassVar[str] = "compute#route"
    COLLECTION: ClassVar[str] = "routes"

    name: str = ""
    """Empty in a router's status."""
    network: NetworkReference
    dest_range: Cidr
    self_link: Reference = Reference("")
    description: str = ""
    priority: int = 1000
    tags: tuple[str, ...] = ()
    next_hop_gateway: Reference | None = None
    next_hop_hub: Reference | None = None
    next_hop_ilb: Reference | None = None
    """A forwarding rule, or the address of one."""
    next_hop_instance: Reference | None = None
    next_hop_interconnect_attachment: Reference | None = None
    next_hop_ip: IpAddress | None = None
    next_hop_network: Reference | None = None
    next_hop_peering: str | None = None
    """The name of a peering of this network."""
    next_hop_vpn_tunnel: Reference | None = None
    next_hop_inter_region_cost: int | None = None
    next_hop_med: int | None = None
    next_hop_origin: str = ""
    route_type: str = ""
    """BGP, STATIC, SUBNET or TRANSIT; only in newer exports."""
    route_status: str = ""
    """ACTIVE, DROPPED, INACTIVE or PENDING, for routes of Network Connectivity Center."""
    warnings: tuple[Warning, ...] = ()

    def owners(self) -> tuple[str, ...]:
        """The network."""
        return (self.network,)

    def next_hops(self) -> tuple[str, ...]:
        """The fields of NEXT_HOPS that are set. A valid route has one."""
        return tuple(field for field in NEXT_HOPS if getattr(self, field) is not None)
