"""The routes of every network of an estate: first what each network has by itself, then what peers exchange of that.

Two steps and no more: what came over a peering is never exported again, so nothing has to be repeated until it settles.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from wayhome.clouds.collector import paused_collector
from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.advertise import advertised_routes
from wayhome.clouds.gcp.derive.dynamic import dynamic_routes
from wayhome.clouds.gcp.derive.gap import Gap
from wayhome.clouds.gcp.derive.imports import derived_imports, import_gaps, seen_imports
from wayhome.clouds.gcp.derive.interfaces import Addresses
from wayhome.clouds.gcp.derive.local_gaps import local_gaps
from wayhome.clouds.gcp.derive.next_hops import NextHops
from wayhome.clouds.gcp.derive.ranges import enclosing
from wayhome.clouds.gcp.derive.route import EffectiveRoute
from wayhome.clouds.gcp.derive.statics import static_routes
from wayhome.clouds.gcp.derive.subnets import subnet_routes
from wayhome.clouds.gcp.resources.instance import Instance
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.router import Router, RouterStatus
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.located import Located


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRoutes:
    """What holds in one network.

    `subnets` and `custom` (static and dynamic) are its own; the other two came over peerings. `advertised` leave it
    over BGP. `gaps` are what may exist besides.
    """

    network: str
    subnets: tuple[EffectiveRoute, ...]
    custom: tuple[EffectiveRoute, ...]
    peer_subnets: tuple[EffectiveRoute, ...] = ()
    peer_custom: tuple[EffectiveRoute, ...] = ()
    advertised: tuple[EffectiveRoute, ...] = ()
    gaps: tuple[Gap, ...] = ()

    def __iter__(self) -> Iterator[EffectiveRoute]:
        """All of them, in the order in which they are asked."""
        yield from self.subnets
        yield from self.peer_subnets
        yield from self.custom
        yield from self.peer_custom
        yield from self.advertised


@dataclass(frozen=True, slots=True)
class EffectiveRoutes:
    """The routes of an estate by network, and the indices that they were made with."""

    networks: Mapping[str, NetworkRoutes]
    addresses: Addresses


def effective_routes(estate: Estate) -> EffectiveRoutes:
    """Derive the routes of every network in the estate."""
    with paused_collector():
        addresses = Addresses.of(estate)
        hops = NextHops(estate, addresses)
        networks = estate.all(Network)
        local = {name: _local(estate, hops, network) for name, network in networks.items()}
        return EffectiveRoutes(
            {name: _with_peers(estate, networks[name], local) for name in networks}, addresses
        )


def _local(estate: Estate, hops: NextHops, network: Located[Network]) -> NetworkRoutes:
    subnets = subnet_routes(estate, network)
    custom = list(static_routes(estate, hops, network))
    ranges = {route.destination for route in subnets}
    custom += [
        route
        for route in dynamic_routes(estate, hops, network, _asked_from(estate, network))
        # Google ignores what is learned of a part of a subnet.
        if ranges.isdisjoint(enclosing(route.destination))
    ]
    return NetworkRoutes(
        network=network.name,
        subnets=subnets,
        custom=tuple(custom),
        advertised=tuple(
            route
            for router in estate.of(Router, network.name)
            for route in advertised_routes(
                network, router, estate.get(RouterStatus, f"{router.name}/status"), subnets
            )
        ),
        gaps=tuple(local_gaps(estate, network)),
    )


def _with_peers(
    estate: Estate, network: Located[Network], local: Mapping[str, NetworkRoutes]
) -> NetworkRoutes:
    own = local[network.name]
    subnets: list[EffectiveRoute] = []
    custom: list[EffectiveRoute] = []
    gaps = list(own.gaps)
    for number, peering in enumerate(network.value.peerings):
        peer = estate.get(Network, peering.network)
        gaps += import_gaps(estate, network, number)
        if peer is None:
            for route in seen_imports(estate, network, number):
                (custom if route.priority is not None else subnets).append(route)
            continue
        offered = local[peer.name]
        subnets += derived_imports(network, number, peer, offered.subnets)
        custom += derived_imports(network, number, peer, offered.custom)
    return NetworkRoutes(
        network=own.network,
        subnets=own.subnets,
        custom=own.custom,
        peer_subnets=tuple(subnets),
        peer_custom=tuple(custom),
        advertised=own.advertised,
        gaps=tuple(gaps),
    )


def _asked_from(estate: Estate, network: Located[Network]) -> set[str]:
    """The regions for which dynamic routes are derived: the network's own, and its peers', who may import them."""
    found = _regions(estate, network)
    if estate.of(Router, network.name):
        for peering in network.value.peerings:
            peer = estate.get(Network, peering.network)
            found |= _regions(estate, peer) if peer is not None else set()
    return found


def _regions(estate: Estate, network: Located[Network]) -> set[str]:
    """The regions in which the network has something that sends: subnetworks, instances, routers."""
    found = {subnet.value.region.short for subnet in estate.of(Subnetwork, network.name)}
    found |= {router.value.region.short for router in estate.of(Router, network.name)}
    found |= {
        instance.value.zone.short.rpartition("-")[0]
        for instance in estate.of(Instance, network.name)
    }
    return found
