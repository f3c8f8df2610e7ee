"""VLAN attachments of Cloud Interconnect (compute#interconnectAttachment). Pairing keys are never read."""

from typing import ClassVar

from wayhome.clouds.gcp.resources.named import Named
from wayhome.clouds.values import Reference


class InterconnectAttachment(Named, frozen=True, kw_only=True, rename="camel", gc=False):
    """An attachment; its router ties it to a network."""

    KIND: ClassVar[str] = "compute#interconnectAttachment"
    COLLECTION: ClassVar[str] = "interconnectAttachments"

    region: Reference
    router: Reference | None = None
    type: str = ""
    state: str = ""
    """ACTIVE, or why it carries nothing."""
    operational_status: str = ""
    admin_enabled: bool = True
    cloud_router_ip_address: str = ""
    customer_router_ip_address: str = ""
    mtu: int | None = None

    def owners(self) -> tuple[str, ...]:
        """The region and the router."""
        return (self.region, self.router) if self.router else (self.region,)
