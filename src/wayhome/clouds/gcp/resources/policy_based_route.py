"""Policy-based routes (networkconnectivity#policyBasedRoute): before all tables, by priority alone."""

from typing import ClassVar

from wayhome.clouds.gcp.resources.named import Named
from wayhome.clouds.resource import Part
from wayhome.clouds.values import Cidr, IpAddress, NetworkReference


class PacketFilter(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """Which packets it takes."""

    protocol_version: str = "IPV4"
    ip_protocol: str = "ALL"
    src_range: Cidr = Cidr("0.0.0.0/0")
    dest_range: Cidr = Cidr("0.0.0.0/0")


class TaggedInstances(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """Applies to instances with one of these tags."""

    tags: tuple[str, ...] = ()


class AttachmentsOfRegion(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """Applies to what enters through the VLAN attachments of a region, or of `all`."""

    region: str = ""


class PolicyBasedRoute(Named, frozen=True, kw_only=True, rename="camel", gc=False):
    """A policy-based route. `name` is a full one already."""

    KIND: ClassVar[str] = "networkconnectivity#policyBasedRoute"
    COLLECTION: ClassVar[str] = "policyBasedRoutes"

    network: NetworkReference
    priority: int = 100
    filter: PacketFilter = PacketFilter()
    next_hop_ilb_ip: IpAddress | None = None
    next_hop_other_routes: str = ""
    """DEFAULT_ROUTING: the packets are routed as if there were no policy-based route."""
    virtual_machine: TaggedInstances | None = None
    interconnect_attachment: AttachmentsOfRegion | None = None

    def owners(self) -> tuple[str, ...]:
        """The network."""
        return (self.network,)
