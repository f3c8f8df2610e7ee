"""VPC networks and their peerings (compute#network)."""

from typing import ClassVar

import msgspec

from wayhome.clouds.gcp.resources.named import Named
from wayhome.clouds.resource import Part
from wayhome.clouds.values import Cidr, NetworkReference, Reference


class Peering(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """One side of a peering: what this network gives and takes. The peer has an object of its own.

    The defaults are those of the API, which leaves false out.
    """

    name: str
    network: NetworkReference
    """The peer. It may lie in a project that is not exported."""
    state: str = "INACTIVE"
    """ACTIVE once the peer has an object that names this network."""
    state_details: str = ""
    exchange_subnet_routes: bool = True
    export_custom_routes: bool = False
    import_custom_routes: bool = False
    export_subnet_routes_with_public_ip: bool = True
    import_subnet_routes_with_public_ip: bool = False
    stack_type: str = "IPV4_ONLY"
    peer_mtu: int | None = None
    update_strategy: str = ""


class RoutingConfiguration(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """Where dynamic routes apply, and how equal ones are chosen between."""

    routing_mode: str = "REGIONAL"
    """REGIONAL or GLOBAL."""
    bgp_best_path_selection_mode: str = "LEGACY"
    bgp_always_compare_med: bool = False
    bgp_inter_region_cost: str = ""


class Network(Named, frozen=True, kw_only=True, rename="camel", gc=False):
    """A network: with subnetworks of its own making, of the cloud's (auto mode), or of the old kind without any."""

    KIND: ClassVar[str] = "compute#network"
    COLLECTION: ClassVar[str] = "networks"

    auto_create_subnetworks: bool | None = None
    """True: auto mode. False: custom mode. Absent: the old kind, which has `ipv4_range` instead."""
    ipv4_range: Cidr | None = msgspec.field(name="IPv4Range", default=None)
    subnetworks: tuple[Reference, ...] = ()
    peerings: tuple[Peering, ...] = ()
    routing_config: RoutingConfiguration = RoutingConfiguration()
    network_firewall_policy_enforcement_order: str = "AFTER_CLASSIC_FIREWALL"
    firewall_policy: Reference | None = None
    mtu: int = 1460
    enable_ula_internal_ipv6: bool = False
    internal_ipv6_range: Cidr | None = None
