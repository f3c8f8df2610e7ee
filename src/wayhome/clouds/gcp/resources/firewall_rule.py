"""VPC firewall rules (compute#firewall)."""

from typing import ClassVar

import msgspec

from wayhome.clouds.gcp.resources.named import Named
from wayhome.clouds.resource import Part
from wayhome.clouds.values import Cidr, NetworkReference, PortRange


class ProtocolAndPorts(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """A protocol by name or number, or `all`; no ports means all."""

    ip_protocol: str = msgspec.field(name="IPProtocol")
    ports: tuple[PortRange, ...] = ()


class FirewallRule(Named, frozen=True, kw_only=True, rename="camel", gc=False):
    """A firewall rule of a network. It has either `allowed` or `denied`."""

    KIND: ClassVar[str] = "compute#firewall"
    COLLECTION: ClassVar[str] = "firewalls"

    network: NetworkReference
    direction: str = "INGRESS"
    priority: int = 1000
    disabled: bool = False
    allowed: tuple[ProtocolAndPorts, ...] = ()
    denied: tuple[ProtocolAndPorts, ...] = ()
    source_ranges: tuple[Cidr, ...] = ()
    source_tags: tuple[str, ...] = ()
    source_service_accounts: tuple[str, ...] = ()
    destination_ranges: tuple[Cidr, ...] = ()
    target_tags: tuple[str, ...] = ()
    target_service_accounts: tuple[str, ...] = ()

    def owners(self) -> tuple[str, ...]:
        """The network."""
        return (self.network,)
