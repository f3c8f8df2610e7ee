"""A VPC network in the making: what strategies know of it while they write its exports."""

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

from tests.clouds.read.directory import COMPUTE


@dataclass(slots=True)
class Vpc:
    """One network and what is drawn for it so far.

    `machines` are instances by full name, with their address in it; `balancer` is the address of an internal load
    balancer, if it has one.
    """

    project: str
    number: int
    region: str
    subnet: IPv4Network
    machines: dict[str, str] = field(default_factory=dict)
    ipv6: IPv6Network | None = None
    balancer: str = ""
    used: int = 2
    external: int = 0

    @property
    def name(self) -> str:
        return f"vpc-{self.number}"

    @property
    def full(self) -> str:
        return f"projects/{self.project}/global/networks/{self.name}"

    @property
    def link(self) -> str:
        return f"{COMPUTE}{self.full}"

    @property
    def place(self) -> str:
        return f"projects/{self.project}/regions/{self.region}"

    @property
    def subnetwork(self) -> str:
        """The link of its one subnetwork."""
        return f"{COMPUTE}{self.place}/subnetworks/{self.name}"

    def instance(self, name: str) -> str:
        """The full name of an instance."""
        return f"projects/{self.project}/zones/{self.region}-a/instances/{name}"

    def next_address(self) -> str:
        self.used += 1
        return str(self.subnet[self.used - 1])

    def last_ipv6(self) -> str | None:
        """The address of the other family that goes with the last one, if the subnetwork has both."""
        return str(self.ipv6[self.used - 1]) if self.ipv6 else None

    def next_external(self) -> str:
        """An address on the internet that nobody else has."""
        self.external += 1
        return f"35.200.{self.number}.{self.external}"
