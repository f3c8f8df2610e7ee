"""The Cloud Routers of the tunnels and attachments that a flow takes on its way out, and what they do not advertise."""

from collections.abc import Iterator
from dataclasses import dataclass

from wayhome.clouds.gcp.resources.interconnect_attachment import InterconnectAttachment
from wayhome.clouds.gcp.resources.router import Router
from wayhome.clouds.gcp.resources.vpn import VpnTunnel
from wayhome.clouds.located import Located
from wayhome.diagnosis.situation import Situation
from wayhome.network import Address

CLOUD_ROUTER = (
    "here a Cloud Router is what tells the other end where to send replies: by default to the ranges of its network's "
    "subnets. What is in no subnet, like the Pods of a route-based cluster, has to be among its advertised ranges"
)


@dataclass(frozen=True, slots=True)
class AdvertisingRouter:
    """A Cloud Router, and the tunnel or attachment of its that the flow takes (its full name)."""

    located: Located[Router]
    link: str

    def does_not_advertise(self, situation: Situation, address: Address) -> str:
        """The sentence that says so, with what it does advertise; empty where it advertises the address."""
        routes = situation.routes.networks.get(self.located.value.network)
        told = [
            route.destination
            for route in (routes.advertised if routes else ())
            if route.next_hop.resource == self.link
        ]
        if any(prefix.contains(address.family, address.value) for prefix in told):
            return ""
        ranges = " and ".join(dict.fromkeys(map(str, told))) or "nothing"
        return f"{self.located.name} advertises {ranges} over {self.link}, so not {address}"


def routers_on_the_way(situation: Situation) -> Iterator[AdvertisingRouter]:
    """Those that are exported, in the order in which the flow meets them."""
    estate = situation.estate
    for hop in situation.trace.forward:
        for name in (hop.node, hop.left or ""):
            tunnel, attachment = (
                estate.get(VpnTunnel, name),
                estate.get(InterconnectAttachment, name),
            )
            link = tunnel or attachment
            router = link.value.router if link is not None else None
            if router and (located := estate.get(Router, router)):
                yield AdvertisingRouter(located, name)
