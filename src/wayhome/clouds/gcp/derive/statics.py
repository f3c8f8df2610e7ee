"""A network's static routes: those that somebody made, with what became of their next hops."""

from collections.abc import Iterator

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.next_hops import NextHops
from wayhome.clouds.gcp.derive.route import EffectiveRoute, RouteType
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.located import Located


def static_routes(
    estate: Estate, hops: NextHops, network: Located[Network]
) -> Iterator[EffectiveRoute]:
    """Every route of the network but the cloud's copies of subnet and peering routes."""
    for route in estate.of(Route, network.name):
        value = route.value
        if value.next_hop_network is not None or value.next_hop_peering is not None:
            continue
        resolved = hops.resolve(route)
        if resolved is None:
            continue
        yield EffectiveRoute(
            network=network.name,
            type=RouteType.STATIC,
            destination=value.dest_range.prefix,
            next_hop=resolved.hop,
            priority=value.priority,
            tags=frozenset(value.tags),
            unusable=resolved.unusable,
            unknown=resolved.unknown,
            evidence=(route.evidence,),
        )
