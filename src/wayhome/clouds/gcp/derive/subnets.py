"""A network's own subnet routes: one for each primary, secondary and IPv6 range of its subnetworks.

A network of the old kind has one range for everything. Where the subnetworks were not exported, the cloud's copies of
their routes (`nextHopNetwork` in a list of routes) stand for them; these do not name the region.
"""

from collections.abc import Iterator

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.route import EffectiveRoute, NextHop, NextHopType, RouteType
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.route import Route
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.clouds.knowledge import State
from wayhome.clouds.located import Located
from wayhome.clouds.values import Cidr, project_of
from wayhome.network.evidence import Evidence


def subnet_routes(estate: Estate, network: Located[Network]) -> tuple[EffectiveRoute, ...]:
    """The subnet routes of a network, each with the place of its range as evidence."""
    found: list[EffectiveRoute] = []
    if network.value.ipv4_range is not None:
        found.append(_route(network.name, network.value.ipv4_range, network.at("IPv4Range")))
    for subnet in estate.of(Subnetwork, network.name):
        region = subnet.value.region.short
        found += [_route(network.name, cidr, at, region) for cidr, at in _ranges(subnet)]
    if not _exported(estate, network):
        derived = {route.destination for route in found}
        found += [
            _route(network.name, route.value.dest_range, route.evidence)
            for route in estate.of(Route, network.name)
            if route.value.next_hop_network is not None
            and route.value.dest_range.prefix not in derived
        ]
    return tuple(found)


def subnets_known(estate: Estate, network: Located[Network]) -> bool:
    """Whether all ranges of a network are known: from its subnetworks, or from the cloud's copies of their routes."""
    if network.value.ipv4_range is not None or _exported(estate, network):
        return True
    project = project_of(network.name)
    copies = any(
        route.value.next_hop_network is not None for route in estate.of(Route, network.name)
    )
    return copies and estate.knows(Route, project).state is State.EXPORTED


def _exported(estate: Estate, network: Located[Network]) -> bool:
    """Whether all of its subnetworks are in the estate: all of the project's are, or all that it names."""
    project = project_of(network.name)
    if estate.knows(Subnetwork, project).state is State.EXPORTED:
        return True
    named = network.value.subnetworks
    return bool(named) and all(estate.get(Subnetwork, name) is not None for name in named)


def _ranges(subnet: Located[Subnetwork]) -> Iterator[tuple[Cidr, Evidence]]:
    value = subnet.value
    if value.ip_cidr_range is not None:
        yield value.ip_cidr_range, subnet.at("ipCidrRange")
    for number, secondary in enumerate(value.secondary_ip_ranges):
        yield secondary.ip_cidr_range, subnet.at("secondaryIpRanges", number)
    ipv6 = {
        "ipv6CidrRange": value.ipv6_cidr_range,
        "internalIpv6Prefix": value.internal_ipv6_prefix,
        "externalIpv6Prefix": value.external_ipv6_prefix,
    }
    seen: set[str] = set()  # the first repeats one of the others
    for field, cidr in ipv6.items():
        if cidr is not None and cidr not in seen:
            seen.add(cidr)
            yield cidr, subnet.at(field)


def _route(network: str, cidr: Cidr, at: Evidence, region: str | None = None) -> EffectiveRoute:
    return EffectiveRoute(
        network=network,
        type=RouteType.SUBNET,
        destination=cidr.prefix,
        next_hop=NextHop(NextHopType.NETWORK, network, network),
        from_region=region,
        evidence=(at,),
    )
