"""Reserved addresses and ranges (compute#address)."""

from typing import ClassVar

from wayhome.clouds.gcp.resources.named import Regional
from wayhome.clouds.values import IpAddress, Reference


class Address(Regional, frozen=True, kw_only=True, rename="camel", gc=False):
    """A reserved address, or with `prefix_length` a range: those of VPC_PEERING are for Google's managed services."""

    KIND: ClassVar[str] = "compute#address"
    COLLECTION: ClassVar[str] = "addresses"

    address: IpAddress | None = None
    """Absent while it is being reserved."""
    network: Reference | None = None
    subnetwork: Reference | None = None
    prefix_length: int | None = None
    address_type: str = "EXTERNAL"
    purpose: str = ""
    status: str = ""
    users: tuple[Reference, ...] = ()

    def owners(self) -> tuple[str, ...]:
        """The network and the subnetwork."""
        return tuple(owner for owner in (self.network, self.subnetwork) if owner)
