"""Subnetworks (compute#subnetwork). Their primary and secondary ranges are the VPC's subnet routes."""

from typing import ClassVar

from wayhome.clouds.gcp.resources.named import Named
from wayhome.clouds.resource import Part
from wayhome.clouds.values import Cidr, IpAddress, NetworkReference, Reference


class SecondaryRange(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A range for alias addresses: the Pods and Services of VPC-native clusters."""

    range_name: str
    ip_cidr_range: Cidr


class Subnetwork(Named, frozen=True, kw_only=True, rename="camel", gc=False):
    """A subnetwork: a regional range of a network."""

    KIND: ClassVar[str] = "compute#subnetwork"
    COLLECTION: ClassVar[str] = "subnetworks"

    network: NetworkReference
    region: Reference
    ip_cidr_range: Cidr | None = None
    """Absent where `stack_type` is IPV6_ONLY."""
    secondary_ip_ranges: tuple[SecondaryRange, ...] = ()
    gateway_address: IpAddress | None = None
    private_ip_google_access: bool = False
    purpose: str = "PRIVATE"
    role: str = ""
    state: str = ""
    stack_type: str = "IPV4_ONLY"
    ipv6_access_type: str = ""
    ipv6_cidr_range: Cidr | None = None
    internal_ipv6_prefix: Cidr | None = None
    external_ipv6_prefix: Cidr | None = None
    allow_subnet_cidr_routes_overlap: bool = False
    """A hybrid subnet: what no resource owns follows the custom routes."""

    def owners(self) -> tuple[str, ...]:
        """The network and the region."""
        return self.network, self.region
