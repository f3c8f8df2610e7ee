"""What the cloud itself refuses, whatever would become of packets: a repair that breaks these rules cannot be made.

Source: "VPC Network Peering", subnet IP address overlap checks and interactions between subnet and static routes; "Static
routes", interactions with subnet routes.
"""

from collections.abc import Iterable, Iterator
from itertools import product

from wayhome.clouds.estate import Estate
from wayhome.clouds.gcp.derive.effective import EffectiveRoutes
from wayhome.clouds.gcp.derive.route import NextHopType
from wayhome.clouds.gcp.resources.network import Network
from wayhome.clouds.gcp.resources.subnetwork import Subnetwork
from wayhome.diagnosis.repairs.ranges import ranges_of_subnet
from wayhome.prefixes import Prefix


def refused_imports(estate: Estate, network: str, learnt: Iterable[Prefix]) -> Iterator[str]:
    """A peer's static route must not be, or lie in, a subnet of the network that imports it."""
    subnets = _ranges(estate, network)
    for route in learnt:
        for prefix, name in subnets:
            if prefix.holds(route):
                yield f"the cloud refuses to import {route}: it lies in {prefix} of {name}"


def refused_static_route(
    routes: EffectiveRoutes, network: str, destination: Prefix
) -> Iterator[str]:
    """A static route must not be, or lie in, a subnet route, the network's own or one that a peer gave it."""
    here = routes.networks.get(network)
    for route in (*here.subnets, *here.peer_subnets) if here else ():
        if route.destination.holds(destination):
            yield f"the cloud refuses a static route to {destination}: it lies in the subnet route {route.destination}"


def refused_subnet_range(
    estate: Estate, routes: EffectiveRoutes, network: str, prefix: Prefix
) -> Iterator[str]:
    """A subnet's range must overlap no other of the network, of its peers, or of theirs; nor hold a static route."""
    for name in _within_two_hops(estate, network):
        for subnet in estate.of(Subnetwork, name):
            for taken in ranges_of_subnet(subnet.value):
                if taken.holds(prefix) or prefix.holds(taken):
                    yield f"the cloud refuses the range {prefix}: it overlaps {taken} of {subnet.name}"
    here = routes.networks.get(network)
    for route in (*here.custom, *here.peer_custom) if here else ():
        if route.next_hop.type is not NextHopType.INTERNET_GATEWAY and prefix.holds(route.destination):  # fmt: skip
            yield f"the cloud refuses the range {prefix}: it holds the route to {route.destination}"


def refused_peering(estate: Estate, one: str, other: str) -> Iterator[str]:
    """Networks of the old kind cannot be peered; subnets of two that are, and of the peers of either, must not overlap."""
    for name in (one, other):
        network = estate.get(Network, name)
        if network is not None and network.value.ipv4_range is not None:
            yield f"the cloud refuses the peering: {name} is a network of the old kind, without subnets"
    for name, other_name in product(_within(estate, one, 1), _within(estate, other, 1)):
        if name != other_name and {name, other_name} & {one, other}:
            yield from _overlaps(estate, name, other_name)


def _overlaps(estate: Estate, one: str, other: str) -> Iterator[str]:
    for (prefix, name), (taken, of) in product(_ranges(estate, one), _ranges(estate, other)):
        if taken.holds(prefix) or prefix.holds(taken):
            yield f"the cloud refuses the peering: {prefix} of {name} overlaps {taken} of {of}"


def _ranges(estate: Estate, network: str) -> list[tuple[Prefix, str]]:
    return [
        (prefix, subnet.name)
        for subnet in estate.of(Subnetwork, network)
        for prefix in ranges_of_subnet(subnet.value)
    ]


def unknown_neighbours(estate: Estate, network: str) -> tuple[str, ...]:
    """Networks within two peerings whose subnetworks are not exported: what they hold, nobody can say."""
    return tuple(name for name in _within_two_hops(estate, network) if estate.get(Network, name) is None)  # fmt: skip


def _within_two_hops(estate: Estate, network: str) -> tuple[str, ...]:
    return _within(estate, network, 2)


def _within(estate: Estate, network: str, hops: int) -> tuple[str, ...]:
    found = {network: None}
    for _ in range(hops):
        for name in tuple(found):
            located = estate.get(Network, name)
            for peering in located.value.peerings if located else ():
                found.setdefault(peering.network, None)
    return tuple(found)
