"""Instances (compute#instance). Their metadata, which holds keys and scripts, is never read."""

from typing import ClassVar

import msgspec

from wayhome.clouds.gcp.resources.named import Named
from wayhome.clouds.resource import Part
from wayhome.clouds.values import Cidr, IpAddress, NetworkReference, Reference


class AliasRange(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """Addresses of the interface besides its primary one."""

    ip_cidr_range: Cidr
    subnetwork_range_name: str = ""
    """The secondary range that it is from; empty: the primary one."""


class AccessConfiguration(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """An external address, translated 1:1."""

    nat_ip: IpAddress | None = msgspec.field(name="natIP", default=None)
    external_ipv6: IpAddress | None = None


class NetworkInterface(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """An interface. The first one of an instance is its primary one."""

    name: str = ""
    network: NetworkReference
    subnetwork: Reference | None = None
    """Absent in networks of the old kind."""
    network_ip: IpAddress | None = msgspec.field(name="networkIP", default=None)
    ipv6_address: IpAddress | None = None
    alias_ip_ranges: tuple[AliasRange, ...] = ()
    access_configs: tuple[AccessConfiguration, ...] = ()
    ipv6_access_configs: tuple[AccessConfiguration, ...] = ()
    stack_type: str = "IPV4_ONLY"


class Tags(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """Network tags: what routes and firewall rules are chosen by."""

    items: tuple[str, ...] = ()


class ServiceAccount(Part, frozen=True, kw_only=True, rename="camel", gc=False):
    """The identity that it runs with. Its tokens are nowhere in an export."""

    email: str


class Instance(Named, frozen=True, kw_only=True, rename="camel", gc=False):
    """An instance."""

    KIND: ClassVar[str] = "compute#instance"
    COLLECTION: ClassVar[str] = "instances"

    zone: Reference
    status: str = ""
    """RUNNING, or why it forwards and answers nothing: TERMINATED, STOPPING, SUSPENDED, …"""
    can_ip_forward: bool = False
    tags: Tags = Tags()
    labels: dict[str, str] = {}  # noqa: RUF012  # msgspec copies it
    service_accounts: tuple[ServiceAccount, ...] = ()
    network_interfaces: tuple[NetworkInterface, ...] = ()

    def owners(self) -> tuple[str, ...]:
        """The networks and subnetworks that it has an interface in, and its zone."""
        places = [self.zone]
        for interface in self.network_interfaces:
            places.append(interface.network)
            if interface.subnetwork is not None:
                places.append(interface.subnetwork)
        return tuple(dict.fromkeys(places))
