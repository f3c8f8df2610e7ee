"""What a network has from its peers.

It is derived from the peer's own resources. Where nobody may read those, what can be seen on this side stands for them:
`networks peerings list-routes`, and the copies of peers' subnet routes in a list of routes.
"""

import shlex
from collections.abc import Iterable, Iterator

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.exchange import ACTIVE, not_exported, not_imported
from wayhome.clouds.gcp.derive.gap import Gap, command
from wayhome.clouds.gcp.derive.ranges import EVERYTHING, PRIVATE
from wayhome.clouds.gcp.derive.route import EffectiveRoute, NextHop, NextHopType, RouteType
from wayhome.clouds.gcp.derive.subnets import subnet_routes, subnets_known
from wayhome.clouds.gcp.resources.network import Network, Peering
from wayhome.clouds.gcp.resources.peering_routes import PeeringRoutes
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.knowledge import State
from wayhome.clouds.located import Located
from wayhome.clouds.values import project_of
from wayhome.network.evidence import Evidence

LISTED_TYPES = {
    "SUBNET_PEERING_ROUTE": RouteType.PEERING_SUBNET,
    "STATIC_PEERING_ROUTE": RouteType.PEERING_STATIC,
    "DYNAMIC_PEERING_ROUTE": RouteType.PEERING_DYNAMIC,
}


def peering_name(network: str, peering: Peering) -> str:
    """The full name of one side of a peering."""
    return f"{network}/peerings/{peering.name}"


def other_side(peer: Located[Network], network: str) -> tuple[int, Peering] | None:
    """The peer's own object for a peering with this network, and its place."""
    for number, peering in enumerate(peer.value.peerings):
        if peering.network == network:
            return number, peering
    return None


def derived_imports(
    network: Located[Network],
    number: int,
    peer: Located[Network],
    offered: Iterable[EffectiveRoute],
) -> Iterator[EffectiveRoute]:
    """What comes over a peering whose both sides are exported. `offered` are the peer's own routes."""
    peering = network.value.peerings[number]
    mirror = other_side(peer, network.name)
    if mirror is None or peering.state != ACTIVE:
        return
    hop = NextHop(NextHopType.PEERING, peering_name(network.name, peering), peer.name)
    sides = (peer.at("peerings", mirror[0]), network.at("peerings", number))
    for route in offered:
        if not not_exported(route, mirror[1]) and not not_imported(route, peering):
            yield _imported(network.name, route, hop, sides)


def _imported(
    network: str, route: EffectiveRoute, hop: NextHop, sides: tuple[Evidence, ...]
) -> EffectiveRoute:
    return EffectiveRoute(
        network=network,
        type=route.type.over_peering(),
        destination=route.destination,
        next_hop=hop,
        priority=route.priority,
        region=route.region,
        from_region=route.from_region,
        lacks_region_cost=route.lacks_region_cost,
        unusable=route.unusable,
        unknown=route.unknown,
        evidence=(*route.evidence, *sides),
    )


def seen_imports(
    estate: Estate, network: Located[Network], number: int
) -> Iterator[EffectiveRoute]:
    """What this side shows of a peer that is not exported."""
    peering = network.value.peerings[number]
    hop = NextHop(NextHopType.PEERING, peering_name(network.name, peering), peering.network)
    side = network.at("peerings", number)
    seen = set()
    for listed in _listings(estate, network.name, peering):
        for place, row in enumerate(listed.value.routes):
            kind = LISTED_TYPES.get(row.type)
            region = listed.value.region if kind is RouteType.PEERING_DYNAMIC else None
            key = (kind, row.dest_range.prefix, region)
            if kind is None or not row.imported or key in seen:
                continue
            seen.add(key)
            yield EffectiveRoute(
                network=network.name,
                type=kind,
                destination=row.dest_range.prefix,
                next_hop=hop,
                priority=None if kind is RouteType.PEERING_SUBNET else row.priority,
                region=region or None,
                from_region=row.next_hop_region or None,
                evidence=(listed.at(place), side),
            )
    subnets = {prefix for kind, prefix, _ in seen if kind is RouteType.PEERING_SUBNET}
    for route in estate.of(Route, network.name):
        prefix = route.value.dest_range.prefix
        if route.value.next_hop_peering == peering.name and prefix not in subnets:
            yield EffectiveRoute(
                network=network.name,
                type=RouteType.PEERING_SUBNET,
                destination=prefix,
                next_hop=hop,
                evidence=(route.evidence, side),
            )


def _listings(estate: Estate, network: str, peering: Peering) -> Iterator[Located[PeeringRoutes]]:
    for listed in estate.of(PeeringRoutes, peering_name(network, peering)):
        if listed.value.direction == "INCOMING":
            yield listed


def import_gaps(estate: Estate, network: Located[Network], number: int) -> Iterator[Gap]:
    """What is not known of a peer's routes, given what this side takes."""
    peering = network.value.peerings[number]
    if peering.state != ACTIVE:
        return
    peer = estate.get(Network, peering.network)
    project = project_of(network.name)
    listed = any(_listings(estate, network.name, peering))
    words = (
        f"networks peerings list-routes {shlex.quote(peering.name)} --network={shlex.quote(network.value.name)}"
        " --region=REGION --direction=INCOMING"
    )
    if peer is None:
        # A peer has a subnet at least: a list of routes without any from it is no complete one.
        shown = any(
            route.value.next_hop_peering == peering.name for route in estate.of(Route, network.name)
        )
        subnets, custom = listed or shown, listed
    else:
        mirror = other_side(peer, network.name)
        if mirror is None or mirror[1].state != ACTIVE:
            yield _disputed(estate, network, peer)
            return
        subnets = listed or subnets_known(estate, peer)
        exported = mirror[1].export_custom_routes
        routes = estate.knows(Route, peering.network.project).state is State.EXPORTED
        custom = listed or routes or not exported
    if not subnets:
        yield Gap(
            network=network.name,
            destinations=EVERYTHING if peering.import_subnet_routes_with_public_ip else PRIVATE,
            subnets=True,
            of_peer=True,
            fact=f"the subnet routes that {network.value.name} has from {peering.network}",
            command=command(words, project),
            unless=f"{peering.network} has a subnet there",
        )
    if peering.import_custom_routes and not custom:
        yield Gap(
            network=network.name,
            destinations=PRIVATE,
            subnets=False,
            of_peer=True,
            fact=f"the custom routes that {peering.network} exports to {network.value.name}",
            command=command(words, project),
            unless=f"{peering.network} exports a route there",
        )


def _disputed(estate: Estate, network: Located[Network], peer: Located[Network]) -> Gap:
    """Both sides are ACTIVE or neither is: exports that differ are of different times, and one of them is old."""
    words = f"networks describe {shlex.quote(network.value.name)}"
    return Gap(
        network=network.name,
        destinations=tuple(route.destination for route in subnet_routes(estate, peer)),
        subnets=True,
        of_peer=True,
        fact=f"whether {network.value.name} is peered with {peer.name}: its export says so, and the other's does not",
        command=command(words, project_of(network.name)),
        unless="",
    )
