"""What a Cloud Router tells the other side of a BGP session.

By default the ranges of the network's own subnets, primary and secondary: those of its region, or of all regions where
the network's routing mode is GLOBAL. Never static routes, so never the Pods of a route-based cluster, and nothing that
came over a peering or another session; such ranges must be listed (`advertisedIpRanges`). A session in CUSTOM mode
replaces what its router says; one in DEFAULT mode inherits it.
https://docs.cloud.google.com/network-connectivity/docs/router/concepts/advertised-routes
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wayhome.clouds.gcp.derive.route import EffectiveRoute, NextHop, NextHopType, RouteType
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.router import BgpPeer, IpRange, Router, RouterStatus
from wayhome.clouds.located import Located
from wayhome.network.evidence import Evidence
from wayhome.prefixes import Prefix

CUSTOM = "CUSTOM"
ALL_SUBNETS = "ALL_SUBNETS"
DEFAULT_PRIORITY = 100


@dataclass(frozen=True, slots=True)
class _Session:
    """A session, where it stands, and what it runs over."""

    peer: BgpPeer
    at: Evidence
    hop: NextHop


def advertised_routes(
    network: Located[Network],
    router: Located[Router],
    status: Located[RouterStatus] | None,
    subnets: Sequence[EffectiveRoute],
) -> Iterator[EffectiveRoute]:
    """What each session of a router advertises. The next hop is the session's tunnel or attachment.

    A session that the router's status says is down advertises nothing; without a status it is taken to be up.
    `subnets` are the network's own subnet routes. The priority is the MED; it lacks the cost from the subnet's region
    to the router's where they differ.
    """
    sessions = status.value.result.bgp_peer_status if status is not None else ()
    down = {session.name for session in sessions if session.status == "DOWN"}
    links = {
        interface.name: interface.linked_vpn_tunnel or interface.linked_interconnect_attachment
        for interface in router.value.interfaces
    }
    for number, peer in enumerate(router.value.bgp_peers):
        if peer.enable != "FALSE" and peer.name not in down:
            link = links.get(peer.interface_name) or ""
            attachment = "/interconnectAttachments/" in link
            kind = NextHopType.INTERCONNECT if attachment else NextHopType.VPN_TUNNEL
            session = _Session(peer, router.at("bgpPeers", number), NextHop(kind, link, link))
            yield from _of_session(network, router, session, subnets)


def _of_session(
    network: Located[Network], router: Located[Router], session: _Session, subnets: Sequence[EffectiveRoute]
) -> Iterator[EffectiveRoute]:  # fmt: skip
    everywhere = network.value.routing_config.routing_mode == "GLOBAL"
    region = router.value.region.short
    priority = session.peer.advertised_route_priority
    common = _Common(
        network.name, session.hop, DEFAULT_PRIORITY if priority is None else priority, region
    )
    groups, ranges, where = _chosen(router, session)
    if ALL_SUBNETS in groups:
        for subnet in subnets:
            origin = subnet.from_region or region
            if everywhere or origin == region:
                yield common.route(subnet.destination, origin, (session.at, *subnet.evidence))
    for place, item in enumerate(ranges):
        yield common.route(item.range.prefix, region, (where.at("advertisedIpRanges", place),))


@dataclass(frozen=True, slots=True)
class _Common:
    """What all routes of a session have in common."""

    network: str
    hop: NextHop
    priority: int
    region: str

    def route(
        self, destination: Prefix, origin: str, evidence: tuple[Evidence, ...]
    ) -> EffectiveRoute:
        return EffectiveRoute(
            network=self.network,
            type=RouteType.ADVERTISED,
            destination=destination,
            next_hop=self.hop,
            priority=self.priority,
            region=self.region,
            from_region=origin,
            lacks_region_cost=origin != self.region,
            evidence=evidence,
        )


def _chosen(
    router: Located[Router], session: _Session
) -> tuple[tuple[str, ...], tuple[IpRange, ...], Evidence]:
    """Groups and ranges that count, and where they stand."""
    peer, bgp = session.peer, router.value.bgp
    if peer.advertise_mode == CUSTOM:
        return peer.advertised_groups, peer.advertised_ip_ranges, session.at
    if bgp is not None and bgp.advertise_mode == CUSTOM:
        return bgp.advertised_groups, bgp.advertised_ip_ranges, router.at("bgp")
    return (ALL_SUBNETS,), (), session.at
