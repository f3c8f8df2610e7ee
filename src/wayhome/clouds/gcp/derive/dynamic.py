"""A network's dynamic routes: what its Cloud Routers learned, and in which regions it holds.

`routers get-status` is the only export that has them. Its `bestRoutes` are the network's dynamic routes as seen from
the router's region, the cost from other regions included. With the routing mode REGIONAL a route holds in its router's
region alone; with GLOBAL in every region, at a cost. For a region of which no router's status was exported, that cost
is unknown.

In the STANDARD mode of best path selection a dynamic route's priority lies behind every static one's (65536 and up).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.gap import command
from wayhome.clouds.gcp.derive.next_hops import NextHops, Resolved
from wayhome.clouds.gcp.derive.route import (
    EffectiveRoute,
    NextHop,
    NextHopType,
    RouteType,
    UnknownNextHop,
)
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.gcp.resources.router import BgpPeerStatus, Router, RouterStatus
from wayhome.clouds.located import Located
from wayhome.clouds.values import IpAddress
from wayhome.network.evidence import Evidence
from wayhome.prefixes import Prefix

GLOBAL = "GLOBAL"
STANDARD = "STANDARD"
BEHIND_STATIC = 65536
DEFAULT_LEARNED_PRIORITY = 100


def dynamic_routes(
    estate: Estate, hops: NextHops, network: Located[Network], regions: Iterable[str]
) -> list[EffectiveRoute]:
    """The dynamic routes of a network, one for each region that they hold in, of those given."""
    found: dict[tuple[str | None, Prefix, str], EffectiveRoute] = {}
    observed: set[str] = set()
    for router in estate.of(Router, network.name):
        status = estate.get(RouterStatus, f"{router.name}/status")
        if status is None:
            continue
        observed.add(router.value.region.short)
        for route in _learned(hops, network, router, status):
            found.setdefault((route.region, route.destination, route.next_hop.target), route)
    if network.value.routing_config.routing_mode == GLOBAL:
        at_home = [route for route in found.values() if route.region == route.from_region]
        for region in set(regions) - observed:
            for route in at_home:
                key = (region, route.destination, route.next_hop.target)
                found[key] = replace(route, region=region, lacks_region_cost=True)
    return list(found.values())


def _learned(
    hops: NextHops,
    network: Located[Network],
    router: Located[Router],
    status: Located[RouterStatus],
) -> Iterator[EffectiveRoute]:
    """What one router's status says about its region."""
    result, region = status.value.result, router.value.region.short
    sessions = {
        peer.peer_ip_address: peer for peer in result.bgp_peer_status if peer.peer_ip_address
    }
    field, routes = "bestRoutes", result.best_routes
    if not routes:
        field, routes = "bestRoutesForRouter", result.best_routes_for_router
    everywhere = network.value.routing_config.routing_mode == GLOBAL
    for number, route in enumerate(routes):
        resolved = _next_hop(hops, route, sessions)
        origin = _region(resolved.hop.target) or region
        if everywhere or origin == region:
            yield _route(
                network, resolved, status.at("result", field, number),
                destination=route.dest_range.prefix, priority=route.priority, region=region, origin=origin,
            )  # fmt: skip
    yield from _custom_learned(hops, network, router, status)


def _custom_learned(
    hops: NextHops,
    network: Located[Network],
    router: Located[Router],
    status: Located[RouterStatus],
) -> Iterator[EffectiveRoute]:
    """Ranges that a session takes as learned, whatever the other side says, while it is up."""
    region = router.value.region.short
    up = {peer.name for peer in status.value.result.bgp_peer_status if peer.status == "UP"}
    interfaces = {item.name: item for item in router.value.interfaces}
    for number, peer in enumerate(router.value.bgp_peers):
        interface = interfaces.get(peer.interface_name)
        if peer.name not in up or interface is None:
            continue
        if interface.linked_vpn_tunnel is not None:
            resolved = hops.tunnel(interface.linked_vpn_tunnel)
        elif interface.linked_interconnect_attachment is not None:
            resolved = hops.attachment(interface.linked_interconnect_attachment)
        else:
            continue
        priority = peer.custom_learned_route_priority
        for place, item in enumerate(peer.custom_learned_ip_ranges):
            yield _route(
                network, resolved, router.at("bgpPeers", number, "customLearnedIpRanges", place),
                destination=item.range.prefix, region=region, origin=region,
                priority=DEFAULT_LEARNED_PRIORITY if priority is None else priority,
            )  # fmt: skip


def _next_hop(
    hops: NextHops, route: Route, sessions: Mapping[IpAddress, BgpPeerStatus]
) -> Resolved:
    if route.next_hop_vpn_tunnel is not None:
        return hops.tunnel(route.next_hop_vpn_tunnel)
    if route.next_hop_interconnect_attachment is not None:
        return hops.attachment(route.next_hop_interconnect_attachment)
    address = route.next_hop_ip
    session = sessions.get(address) if address is not None else None
    if session is not None and session.linked_vpn_tunnel is not None:
        return hops.tunnel(session.linked_vpn_tunnel)
    if session is not None and session.router_appliance_instance is not None:
        return hops.appliance(route.network, session.router_appliance_instance)
    return Resolved(
        NextHop(NextHopType.INTERCONNECT, address or ""),
        unknown=UnknownNextHop(
            f"which attachment or tunnel leads to the BGP peer {address or 'of the route'}",
            command("routers list", route.network.project),
        ),
    )


def _region(target: str) -> str:
    """The region in a full name: `projects/P/regions/R/vpnTunnels/T`."""
    parts = target.split("/")
    return parts[3] if len(parts) > 4 and parts[2] == "regions" else ""


def _route(
    network: Located[Network], resolved: Resolved, at: Evidence, *, destination: Prefix, priority: int,
    region: str, origin: str,
) -> EffectiveRoute:  # fmt: skip
    standard = network.value.routing_config.bgp_best_path_selection_mode == STANDARD
    return EffectiveRoute(
        network=network.name,
        type=RouteType.DYNAMIC,
        destination=destination,
        next_hop=resolved.hop,
        priority=priority + BEHIND_STATIC if standard and priority < BEHIND_STATIC else priority,
        region=region,
        from_region=origin,
        unusable=resolved.unusable,
        unknown=resolved.unknown,
        evidence=(at,),
    )
