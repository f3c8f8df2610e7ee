"""Cloud NAT for one subnetwork: a router with one fixed address, as objects for a replay and as commands."""

from collections.abc import Iterator
from dataclasses import dataclass

from wayhome.clouds.gcp.compile.cloud_nat import nat_sources
from wayhome.clouds.gcp.resources.address import Address as ReservedAddress
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.router import Nat, NatSubnetwork, Router
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.located import Located
from wayhome.clouds.resource import Resource
from wayhome.clouds.values import IpAddress, NetworkReference, Reference
from wayhome.diagnosis.gcloud import Option, gcloud, made, place, short
from wayhome.diagnosis.situation import Situation

ADDRESS = IpAddress("34.127.255.2")
"""What stands for the address that Google gives: one of its own, of which the exports know nothing."""


@dataclass(frozen=True, slots=True)
class NatPlan:
    """What is made. The name is that of the router, its NAT and its address."""

    subnet: Located[Subnetwork]

    @property
    def network(self) -> str:
        """The full name of the subnetwork's network."""
        return self.subnet.value.network

    @property
    def name(self) -> str:
        """After the subnetwork."""
        return f"nat-of-{self.subnet.value.name}"[:55]

    @property
    def place(self) -> str:
        """The full name of the region that it is in, of the network's project."""
        return f"projects/{self.network.split('/')[1]}/regions/{self.subnet.value.region.short}"

    @property
    def options(self) -> dict[str, Option]:
        """The options that say where it is."""
        return place(f"{self.place}/x")

    @property
    def note(self) -> str:
        """What it opens besides."""
        return f"all machines of {self.subnet.value.name} without a public address can open connections to the internet then"

    def created(self) -> Iterator[Located[Resource]]:
        """The address, and the router with the NAT."""
        address = f"{self.place}/addresses/{self.name}"
        yield made(address, ReservedAddress(name=self.name, address=ADDRESS))
        of = NatSubnetwork(
            name=Reference(self.subnet.name), source_ip_ranges_to_nat=("PRIMARY_IP_RANGE",)
        )
        nat = Nat(
            name=self.name, source_subnetwork_ip_ranges_to_nat="LIST_OF_SUBNETWORKS",
            subnetworks=(of,), nat_ips=(Reference(address),),
        )  # fmt: skip
        router = Router(
            name=self.name, network=NetworkReference(self.network),
            region=Reference(self.place), nats=(nat,),
        )  # fmt: skip
        yield made(f"{self.place}/routers/{self.name}", router)

    def commands(self) -> Iterator[str]:
        """Make it."""
        yield gcloud("addresses", "create", self.name, **self.options)
        yield gcloud("routers", "create", self.name, network=short(self.network), **self.options)
        yield gcloud(
            "routers", "nats", "create", self.name,
            router=self.name, nat_custom_subnet_ip_ranges=self.subnet.value.name,
            nat_external_ip_pool=self.name, **self.options,
        )  # fmt: skip

    def undo(self) -> Iterator[str]:
        """Take it back."""
        yield gcloud("routers", "delete", self.name, quiet=True, **self.options)
        yield gcloud("addresses", "delete", self.name, quiet=True, **self.options)


def has_way_out(situation: Situation, instance: Located[Instance], network: str) -> bool:
    """Whether a Cloud NAT or an address of its own gives the instance a public one."""
    nic = instance.value.network_interfaces[0]
    located = situation.estate.get(Network, network)
    if nic.access_configs or nic.network_ip is None or located is None:
        return bool(nic.access_configs)
    own = nic.network_ip.prefix
    return any(
        prefix.holds(own)
        for nat in nat_sources(situation.estate, located)
        for prefix in nat.sources.prefixes
    )
