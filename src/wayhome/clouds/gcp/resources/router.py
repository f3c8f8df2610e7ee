"""Cloud Routers (compute#router) and what `routers get-status` says of them (compute#routerStatusResponse).

Keys of BGP sessions are never read.
"""

from typing import ClassVar

from wayhome.clouds.gcp.resources.named import Named
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.resource import Part, Resource
from wayhome.clouds.values import Cidr, IpAddress, NetworkReference, Reference


class IpRange(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A range that is advertised, or taken as learned."""

    range: Cidr
    description: str = ""


class Bgp(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """What the router advertises unless a peer has a mode of its own."""

    asn: int | None = None
    advertise_mode: str = "DEFAULT"
    """DEFAULT: the subnet ranges. CUSTOM: `advertised_groups` and `advertised_ip_ranges`, and nothing else."""
    advertised_groups: tuple[str, ...] = ()
    advertised_ip_ranges: tuple[IpRange, ...] = ()


class BgpPeer(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A session. A peer in CUSTOM mode overrides what the router advertises."""

    name: str
    interface_name: str = ""
    ip_address: IpAddress | None = None
    peer_ip_address: IpAddress | None = None
    peer_asn: int | None = None
    advertise_mode: str = "DEFAULT"
    advertised_groups: tuple[str, ...] = ()
    advertised_ip_ranges: tuple[IpRange, ...] = ()
    advertised_route_priority: int | None = None
    custom_learned_ip_ranges: tuple[IpRange, ...] = ()
    custom_learned_route_priority: int | None = None
    enable: str = "TRUE"
    """TRUE or FALSE, as text."""
    router_appliance_instance: Reference | None = None


class Interface(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """An interface, and the tunnel, attachment or subnetwork that it is on."""

    name: str
    ip_range: str = ""
    linked_vpn_tunnel: Reference | None = None
    linked_interconnect_attachment: Reference | None = None
    subnetwork: Reference | None = None


class NatSubnetwork(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A subnetwork whose sources are translated: all ranges, the primary one, or secondary ones by name."""

    name: Reference
    source_ip_ranges_to_nat: tuple[str, ...] = ()
    secondary_ip_range_names: tuple[str, ...] = ()


class Nat(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A Cloud NAT gateway."""

    name: str
    type: str = "PUBLIC"
    source_subnetwork_ip_ranges_to_nat: str = ""
    subnetworks: tuple[NatSubnetwork, ...] = ()
    nat_ip_allocate_option: str = ""
    nat_ips: tuple[Reference, ...] = ()
    min_ports_per_vm: int | None = None
    max_ports_per_vm: int | None = None
    enable_dynamic_port_allocation: bool = False


class Router(Named, frozen=True, kw_only=True, rename="camel", gc=False):
    """A Cloud Router."""

    KIND: ClassVar[str] = "compute#router"
    COLLECTION: ClassVar[str] = "routers"

    network: NetworkReference
    region: Reference
    bgp: Bgp | None = None
    bgp_peers: tuple[BgpPeer, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    nats: tuple[Nat, ...] = ()

    def owners(self) -> tuple[str, ...]:
        """The network and the region."""
        return self.network, self.region


class BgpPeerStatus(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A session as it is: whether it is up, and what it advertises at this moment."""

    name: str
    status: str = ""
    """UP, DOWN or UNKNOWN."""
    state: str = ""
    ip_address: IpAddress | None = None
    peer_ip_address: IpAddress | None = None
    linked_vpn_tunnel: Reference | None = None
    router_appliance_instance: Reference | None = None
    advertised_routes: tuple[Route, ...] = ()
    num_learned_routes: int = 0


class StatusResult(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """`best_routes` are the network's dynamic routes in the router's region, whichever router learned them."""

    network: Reference = Reference("")
    best_routes: tuple[Route, ...] = ()
    best_routes_for_router: tuple[Route, ...] = ()
    bgp_peer_status: tuple[BgpPeerStatus, ...] = ()


class RouterStatus(Resource, frozen=True, kw_only=True, rename="camel", gc=False):
    """What `routers get-status` prints. It names the network, but not the router.

    Its full name is the router's, followed by `/status`.
    """

    KIND: ClassVar[str] = "compute#routerStatusResponse"
    COLLECTION: ClassVar[str] = "status"

    result: StatusResult = StatusResult()

    def owners(self) -> tuple[str, ...]:
        """The network."""
        return (self.result.network,) if self.result.network else ()
