"""VPN: tunnels, the gateways at our end and at the other one. Shared secrets are never read."""

from typing import ClassVar

from wayhome.clouds.gcp.resources.named import Named
from wayhome.clouds.resource import Part
from wayhome.clouds.values import Cidr, IpAddress, NetworkReference, Reference


class VpnTunnel(Named, frozen=True, kw_only=True, rename="camel", gc=False):
    """A tunnel: classic (`target_vpn_gateway`) or of a high-availability gateway (`vpn_gateway` and `router`)."""

    KIND: ClassVar[str] = "compute#vpnTunnel"
    COLLECTION: ClassVar[str] = "vpnTunnels"

    region: Reference
    status: str = ""
    """ESTABLISHED, or why it carries nothing."""
    detailed_status: str = ""
    router: Reference | None = None
    vpn_gateway: Reference | None = None
    vpn_gateway_interface: int | None = None
    target_vpn_gateway: Reference | None = None
    peer_ip: IpAddress | None = None
    peer_gcp_gateway: Reference | None = None
    peer_external_gateway: Reference | None = None
    peer_external_gateway_interface: int | None = None
    local_traffic_selector: tuple[Cidr, ...] = ()
    remote_traffic_selector: tuple[Cidr, ...] = ()

    def owners(self) -> tuple[str, ...]:
        """The region, the router and the gateway at our end."""
        owners = (self.region, self.router, self.vpn_gateway, self.target_vpn_gateway)
        return tuple(owner for owner in owners if owner)


class GatewayInterface(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """An outside address of a gateway."""

    id: int = 0
    ip_address: IpAddress | None = None
    interconnect_attachment: Reference | None = None


class VpnGateway(Named, frozen=True, kw_only=True, rename="camel", gc=False):
    """A high-availability gateway: it ties its tunnels to a network."""

    KIND: ClassVar[str] = "compute#vpnGateway"
    COLLECTION: ClassVar[str] = "vpnGateways"

    network: NetworkReference
    region: Reference
    vpn_interfaces: tuple[GatewayInterface, ...] = ()

    def owners(self) -> tuple[str, ...]:
        """The network and the region."""
        return self.network, self.region


class TargetVpnGateway(Named, frozen=True, kw_only=True, rename="camel", gc=False):
    """A classic gateway: it ties its tunnels to a network."""

    KIND: ClassVar[str] = "compute#targetVpnGateway"
    COLLECTION: ClassVar[str] = "targetVpnGateways"

    network: NetworkReference
    region: Reference
    tunnels: tuple[Reference, ...] = ()

    def owners(self) -> tuple[str, ...]:
        """The network and the region."""
        return self.network, self.region


class ExternalVpnGateway(Named, frozen=True, kw_only=True, rename="camel", gc=False):
    """The other end of tunnels: a site, or another cloud."""

    KIND: ClassVar[str] = "compute#externalVpnGateway"
    COLLECTION: ClassVar[str] = "externalVpnGateways"

    redundancy_type: str = ""
    interfaces: tuple[GatewayInterface, ...] = ()
