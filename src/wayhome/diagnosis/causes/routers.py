"""The Cloud Routers of the tunnels and attachments that a flow takes on its way out."""

from collections.abc import Iterator

from wayhome.clouds.gcp.resources.interconnect_attachment import InterconnectAttachment
from wayhome.clouds.gcp.resources.router import Router
from wayhome.clouds.gcp.resources.vpn import VpnTunnel
from wayhome.clouds.located import Located
from wayhome.diagnosis.situation import Situation

CLOUD_ROUTER = (
    "a Cloud Router is what passes ranges on to the other end of a VPN or an Interconnect, so here it is one: a range of "
    "Pods that is no range of a subnet has to be among its advertised ranges"
)


def routers_on_the_way(situation: Situation) -> Iterator[Located[Router]]:
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
                yield located
